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
    found = ask_client(case, tmp_path / "client")
    assert SECRET not in found.message, f"no secret is shown: {found.message}"
    assert "\n" not in found.message, f"one line says it: {found.message}"
    if case.differs:
        assert found != expected.result(), f"a difference that is listed, but is none: {case.differs}"
        return
    theirs = without_default_server(expected.result(), found)
    assert found == theirs, f"kubectl: {theirs.message}\nclient: {found.message}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_kubeconfig_that_is_handed_on_means_the_same(case: Case, by_kubectl: Answers) -> None:
    whole, portable = by_kubectl[case.name]
    expected, found = whole.result(), portable.result()
    if found is None:
        assert case.differs or not expected.works, f"what kubectl can use is handed on: {expected}"
        return
    if isinstance(found, bool):
        assert found, "the very text of the file"
        return
    assert found == expected, f"of the original: {expected.message}\nhanded on: {found.message}"
