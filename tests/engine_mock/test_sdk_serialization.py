"""Dynamic providers in a process that is not theirs alone: its own use of pickle is left as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.project import ROOT

SETUP = """
import pickle, sys, threading
import dill
from pulumi.dynamic import dynamic
upstream = dynamic.serialize_provider
from kamaji_equinix.components.answer import AnswerProvider
from kamaji_equinix.components.endpoint import EndpointProvider
sys.setswitchinterval(1e-6)
errors, texts = [], set()
mixed = {"a": 1, 2: "b"}

def serialize():
    for _ in range(COUNT):
        try:
            texts.add(dynamic.serialize_provider(EndpointProvider()))
            dynamic.serialize_provider(AnswerProvider())
        except Exception as error:
            errors.append(repr(error))

threads = [threading.Thread(target=serialize) for _ in range(THREADS)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not errors, errors[:3]
assert pickle.Pickler is not pickle._Pickler, "the fast pickler is the process's again"
assert dill.loads(dill.dumps(mixed)) == mixed, "keys of several types"
dill.dumps({"a": 1})
assert texts == {upstream(EndpointProvider())}, "the text is Pulumi's own"
"""


@pytest.mark.parametrize(("threads", "count"), [(1, 1), (1, 1200), (16, 40)])
def test_providers_are_serialized_as_by_pulumi_and_pickle_stays_as_it_was(threads: int, count: int) -> None:
    code = SETUP.replace("THREADS", str(threads)).replace("COUNT", str(count))
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert process.returncode == 0, process.stderr
