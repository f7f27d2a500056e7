"""An engine that is killed at the worst moments: an object was made, or deleted, and the state does not know."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from lab.plane import ManagementPlane
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.fleet import CLUSTERS, CONTROL_PLANES, INFRASTRUCTURE, Fleet
from tests.support.interruptions import kill, start
from tests.support.lab import eventually
from tests.support.project import Project

STACK = "held"


@pytest.fixture(scope="module")
def management(collecting_management: ManagementPlane) -> ManagementPlane:
    """With the garbage collector, which clears what belongs to a Cluster that is gone."""
    return collecting_management


@pytest.fixture
def project(project_behind_proxy: Callable[[str], Project]) -> Project:
    return project_behind_proxy(STACK)


def uid(fleet: Fleet) -> str:
    uids = {
        item["metadata"]["name"]: str(item["metadata"]["uid"])
        for item in fleet.http.get(CLUSTERS.format(fleet.namespace)).json()["items"]
    }
    return uids.get(STACK, "")


def parts(fleet: Fleet) -> list[str]:
    """What the garbage collector clears once the Cluster is gone, one after the other."""
    lists = [fleet.http.get(path.format(fleet.namespace)).json()["items"] for path in (CONTROL_PLANES, INFRASTRUCTURE)]
    return [item["metadata"]["name"] for items in lists for item in items]


def killed_at(project: Project, proxy: FaultProxy, method: str, *command: str) -> None:
    """Run a command that is killed while the management cluster carries out a request for the Cluster."""
    process = start(project, *command, "--stack", STACK)
    dead = threading.Event()

    def at_the_request() -> None:
        kill(process)
        dead.set()

    proxy.on_hit = at_the_request
    proxy.faults.append(Fault(method, f"/clusters/{STACK}", 0))
    assert dead.wait(90), f"the request came: {proxy.requests[-20:]}"
    proxy.on_hit = lambda: None


def state(project: Project) -> dict[str, Any]:
    deployment: dict[str, Any] = json.loads(project.pulumi("stack", "export", "--stack", STACK).ok())["deployment"]
    return deployment


def appears(fleet: Fleet) -> str:
    for _ in range(100):
        if identity := uid(fleet):
            return identity
        threading.Event().wait(0.1)
    raise AssertionError("the Cluster was not made")


def test_a_cluster_that_the_state_does_not_know_is_destroyed_all_the_same(
    project: Project, proxy: FaultProxy, fleet: Fleet
) -> None:
    killed_at(project, proxy, "PATCH", "up", "--no-wait")
    appears(fleet)
    content = state(project)
    assert [operation["type"] for operation in content["pending_operations"]] == ["creating"], (
        "its creation was under way"
    )
    assert f"v1beta1:Cluster::{STACK}" not in str(content["resources"]), "and is not known to have ended"
    output = project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert f"the state now holds those that exist: Cluster {fleet.namespace}/{STACK}" in output, (
        f"it is said:\n{output}"
    )
    assert not uid(fleet), "a Cluster that stays would go on buying machines"


def test_a_cluster_that_the_state_does_not_know_is_gone_on_with(
    project: Project, proxy: FaultProxy, fleet: Fleet
) -> None:
    killed_at(project, proxy, "PATCH", "up", "--no-wait")
    before = appears(fleet)
    project.script_here("up", "--no-wait", "--stack", STACK).ok()
    assert uid(fleet) == before, "it is the same Cluster"
    assert not state(project).get("pending_operations"), "and the state is whole"
    rerun = project.script_here("up", "--no-wait", "--stack", STACK).ok()
    assert "created" not in rerun, f"there is nothing left to do:\n{rerun}"
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert not uid(fleet), "and it goes"


def test_a_cluster_that_was_being_deleted_comes_up_anew(project: Project, proxy: FaultProxy, fleet: Fleet) -> None:
    project.script_here("up", "--no-wait", "--stack", STACK).ok()
    before = uid(fleet)
    killed_at(project, proxy, "DELETE", "destroy", "--yes")
    # With Cluster API's controllers a Cluster outlives its parts; here nobody holds it that long.
    eventually(lambda: (uid(fleet), parts(fleet)), lambda rest: rest == ("", []), 60, "Cluster and its parts gone")
    output = project.script_here("up", "--no-wait", "--stack", STACK).ok()
    assert "an earlier run that was interrupted has deleted these" in output, f"it is said:\n{output}"
    assert uid(fleet) not in ("", before), "an up that took it for unchanged would build around nothing"
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert not uid(fleet), "and it goes"
