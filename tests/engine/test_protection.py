"""A destroy of a protected cluster: refused before anything is deleted, by advice that works."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kamaji_equinix.automation import ClusterStack, PreflightFailed

from tests.support.fleet import CLUSTERS, Fleet
from tests.support.project import Project

STACK = "protected"


def configure(project: Project, fleet: Fleet, *, protect: bool) -> None:
    project.configure(
        STACK,
        cluster={"name": STACK, "namespace": fleet.namespace, "protect": protect},
        metal={"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        workerPools=[{"name": "a", "replicas": 1}],
        handoff={"timeoutSeconds": 60},
        management={"kubeconfigPath": str(fleet.management.kubeconfig)},
    )


def state(project: Project) -> dict[str, Any]:
    deployment: dict[str, Any] = json.loads(project.pulumi("stack", "export", "--stack", STACK).ok())["deployment"]
    return deployment


def test_a_protected_cluster_outlives_a_destroy_and_its_state_stays_whole(
    project: Project, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.pulumi("stack", "init", STACK).ok()
    configure(project, fleet, protect=True)
    project.script_here("up", "--no-wait", "--stack", STACK).ok()
    before = state(project)["resources"]

    result = project.script_here("destroy", "--yes", "--stack", STACK)
    assert result.code == 7, f"it is refused as what cannot be done now:\n{result.output}"
    assert "nothing was deleted" in result.output, result.output
    assert f"Cluster/{STACK}" in result.output, f"it names the cluster:\n{result.output}"
    assert "cluster.protect: false" in result.output, f"and the setting:\n{result.output}"
    assert "delete" not in result.output.replace("nothing was deleted", ""), (
        f"no machine is announced:\n{result.output}"
    )
    assert state(project)["resources"] == before, "the state knows all that it knew"
    monkeypatch.setenv("PATH", project.environment["PATH"])
    stack = ClusterStack(STACK, folder=project.folder, environment=project.environment)
    # Before the question of `kamaji-equinix destroy`, too, which would be about nothing.
    with pytest.raises(PreflightFailed, match=rf"Cluster/{STACK}.*`cluster\.protect: false`"):
        stack.deletions()
    project.script_here("up", "--no-wait", "--stack", STACK).ok()

    configure(project, fleet, protect=False)
    project.script_here("up", "--no-wait", "--stack", STACK).ok()
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert not fleet.http.get(CLUSTERS.format(fleet.namespace)).json()["items"], "the advice works to the letter"
