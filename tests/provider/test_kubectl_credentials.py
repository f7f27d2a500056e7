"""Kubeconfigs and environments through kubectl and through this program's client: the same comes of them.

What is compared: whether there is an answer, and what the server and the proxies on the way were told. What differs by
intention says so in its case, with the reason; there is no other difference. The Kubernetes plugin beside the client is
client-go, as kubectl is: the kubeconfig that it is handed must mean the same as those that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.credentials.cases import all_cases
from tests.support.credentials.chance import generate, mutate
from tests.support.credentials.runs import (
    SECRET,
    Case,
    Outcome,
    ask_client,
    ask_kubectl,
    ask_kubectl_portable,
    without_default_server,
)

SEED, COUNT = 20261124, 25
CASES = [*all_cases(), *generate(SEED, COUNT), *mutate(SEED, COUNT)]

Answers = dict[str, tuple["Future[Outcome]", "Future[Outcome | bool | None]"]]


@pytest.fixture(scope="module")
def by_kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """What kubectl makes of each case, and of the kubeconfig that is handed on."""
    folder = tmp_path_factory.mktemp("kubectl")
    with ThreadPoolExecutor(4) as pool:
        yield {
            case.name: (
                pool.submit(ask_kubectl, case, folder / f"{index}"),
                pool.submit(ask_kubectl_portable, case, folder / f"{index}-portable"),
            )
            for index, case in enumerate(CASES)
        }


def test_each_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 120, "enough of them, and none hides another"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kubectl_and_the_client_do_the_same(case: Case, by_kubectl: Answers, tmp_path: Path) -> None:
    expected, _ = by_kubectl[case.name]
    outcome = ask_client(case, tmp_path / "client")
    assert SECRET not in outcome.message, f"no secret is shown: {outcome.message}"
    assert "\n" not in outcome.message, f"one line says it: {outcome.message}"
    if case.differs:
        assert outcome != expected.result(), f"a difference that is listed, but is none: {case.differs}"
        return
    reference = without_default_server(expected.result(), outcome)
    assert outcome == reference, f"kubectl: {reference.message}\nclient: {outcome.message}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_kubeconfig_that_is_handed_on_means_the_same(case: Case, by_kubectl: Answers) -> None:
    whole, portable = by_kubectl[case.name]
    expected, outcome = whole.result(), portable.result()
    if outcome is None:
        assert case.differs or not expected.works, f"what kubectl can use is handed on: {expected}"
        return
    if isinstance(outcome, bool):
        assert outcome, "the very text of the file"
        return
    assert outcome == expected, f"of the original: {expected.message}\nhanded on: {outcome.message}"
