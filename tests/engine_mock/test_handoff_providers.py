"""Stacks with many clusters: which process does which hand-off."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.components import stack
from kamaji_equinix.components.settings.load import load_stack

from tests.support.mock_engine import Recorder, record

PROVIDERS = "pulumi:providers:pulumi-python"
SECRET_KUBECONFIG = "apiVersion: v1"


def stack_of(count: int, management: dict[str, Any], secret: bool = True) -> Recorder:
    """A stack with so many clusters."""
    raw = {
        "clusters": [{"cluster": {"name": f"c{index:02}"}} for index in range(count)],
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "management": management,
    }
    return record(lambda: stack.declare(load_stack(raw, frozenset({"management"} if secret else ()))))


def providers_of(recorder: Recorder) -> dict[str, str]:
    """The provider of each hand-off, by its name; empty for the engine's own."""
    return {
        resource.name: resource.provider.split("::")[-2] if PROVIDERS in resource.provider else ""
        for resource in recorder.of("ControlPlaneEndpoint")
    }


@pytest.mark.parametrize("count", [1, 3])
def test_few_clusters_use_the_engines_own_process(count: int) -> None:
    recorder = stack_of(count, {"kubeconfig": SECRET_KUBECONFIG})
    assert not recorder.of(PROVIDERS), "a further process costs each run 0.8 s of CPU time"
    assert set(providers_of(recorder).values()) == {""}, "and its fourth thread is left for other dynamic resources"


@pytest.mark.parametrize(("count", "processes"), [(4, 1), (5, 2), (9, 3)])
def test_many_clusters_never_wait_for_a_thread(count: int, processes: int) -> None:
    recorder = stack_of(count, {"kubeconfig": SECRET_KUBECONFIG})
    shares = Counter(providers_of(recorder).values())
    assert sum(shares.values()) == count, "each cluster is handed off"
    assert "" not in shares, "none may use the engine's own process: other dynamic resources would wait behind them"
    assert len(shares) == processes == len(recorder.of(PROVIDERS)), "no process without hand-offs"
    assert max(shares.values()) <= 4, "a process serves four requests at a time"


def test_adding_a_cluster_leaves_the_others_where_they_are() -> None:
    before, after = (providers_of(stack_of(count, {"kubeconfig": SECRET_KUBECONFIG})) for count in (6, 9))
    assert before.items() <= after.items(), "another provider would be another resource to the engine"


def test_their_processes_get_the_credentials_as_a_secret() -> None:
    recorder = stack_of(4, {"kubeconfig": SECRET_KUBECONFIG, "context": "there"})
    (provider,) = recorder.of(PROVIDERS)
    value = provider.inputs["kamaji-equinix:management"]
    assert set(value) > {"value"}, f"a kubeconfig is stored as a secret, not as {value}"
    expected = {"kubeconfig": SECRET_KUBECONFIG, "context": "there"}
    assert json.loads(value["value"]) == expected, (
        "an explicit provider is told nothing else of the stack's configuration"
    )


def test_their_processes_get_a_path_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("management.yaml").write_text(SECRET_KUBECONFIG)
    recorder = stack_of(4, {"kubeconfigPath": "management.yaml"}, False)
    (provider,) = recorder.of(PROVIDERS)
    assert json.loads(provider.inputs["kamaji-equinix:management"]) == {"kubeconfigPath": "management.yaml"}, (
        "no secret is in it, and it means the same on the next machine"
    )
