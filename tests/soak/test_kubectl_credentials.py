"""Hundreds of kubeconfigs, put together at random, through kubectl and this program's client; see the provider tier."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.credentials.chance import generate, mutate
from tests.support.credentials.runs import (
    SECRET,
    Case,
    ask_client,
    ask_kubectl,
    ask_kubectl_portable,
    without_default_server,
)
from tests.support.credentials.ways import more_no_proxy

SEED, COUNT = int(os.environ.get("CREDENTIALS_SEED", "7")), int(os.environ.get("CREDENTIALS_COUNT", "600"))


def test_kubectl_and_the_client_do_the_same_with_hundreds_of_kubeconfigs(tmp_path: Path) -> None:
    cases = [*more_no_proxy(), *generate(SEED, COUNT), *mutate(SEED, COUNT // 2)]
    with ThreadPoolExecutor(4) as pool:
        wholes = pool.map(lambda pair: ask_kubectl(pair[1], tmp_path / f"{pair[0]}"), enumerate(cases))
        portables = pool.map(
            lambda pair: ask_kubectl_portable(pair[1], tmp_path / f"{pair[0]}-portable"), enumerate(cases)
        )
        wrong: list[str] = []
        works = 0
        for index, (case, whole, portable) in enumerate(zip(cases, wholes, portables, strict=True)):
            outcome = ask_client(case, tmp_path / f"{index}-client")
            works += outcome.works
            reference = without_default_server(whole, outcome)
            if outcome != reference or (portable not in (True, whole) and whole.works) or SECRET in outcome.message:
                wrong.append(report(case, outcome, whole, portable))
    print(f"seed {SEED}: {len(cases)} cases, {works} of them work, {len(wrong)} differ")
    assert not wrong, "\n\n".join(wrong)
    assert works > COUNT / 5, "many of them can be used at all"


def report(case: Case, *outcomes: object) -> str:
    """A difference in full."""
    return "\n".join([f"{case.name}: {case!r}", *map(repr, outcomes)])
