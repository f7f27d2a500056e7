"""Where a living cluster differs from what its settings ask for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.checks.request import request_of
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.tree import Failure, PoolRequest, Request, Snapshot

from tests.support import cluster_objects as build
from tests.support.cluster_objects import Object
from tests.support.settings_cases import configuration
from tests.support.snapshots import TRUE, pool, snapshot

REQUEST = Request("1.33.0", 2, {"a": PoolRequest("web", "1.33.0", 2)})
"""Of the control plane that ``cluster_objects`` makes, and a pool of two."""


def workers(name: str = "a", count: int = 2, version: str = "v1.33.0") -> list[Object]:
    objects = pool(name, [TRUE] * count)
    for obj in objects:
        if obj["kind"] == "MachineDeployment":
            obj["spec"].setdefault("template", {}).setdefault("spec", {})["version"] = version
    return objects


def reports(*objects: Object, request: Request = REQUEST, **changes: Any) -> dict[str, tuple[str, str]]:
    status_tree = tree.build(snapshot(*objects, **changes), request)
    return {difference.subject: (difference.reason, difference.action) for difference in tree.differences(status_tree)}


def test_a_cluster_as_asked_for_differs_in_nothing() -> None:
    status_tree = tree.build(snapshot(*workers()), REQUEST)
    assert tree.differences(status_tree) == [], "nothing to say"
    assert tree.first_blocker(status_tree) is None, "and it is ready"


def test_a_pool_that_is_not_there_keeps_a_cluster_from_being_ready_though_every_condition_is_true() -> None:
    status_tree = tree.build(snapshot(), REQUEST)
    (difference,) = tree.differences(status_tree)
    assert difference.subject == "MachineDeployment/a", "the object that is missing"
    assert "pool web with 2 machines is asked for" in difference.reason, "the settings' name of it"
    assert "kamaji-equinix up" in difference.action, "which looks; plain pulumi compares with its state alone"
    assert tree.first_blocker(status_tree) == difference, "so it is not called ready"


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        (workers(count=3), "it is for 3 machines, and 2 are asked for"),
        (workers(version="v1.32.0"), "its machines are for Kubernetes 1.32.0, and 1.33.0 is asked for"),
    ],
    ids=["replicas", "version"],
)
def test_a_pool_that_is_otherwise_is_told_with_both_values(objects: list[Object], words: str) -> None:
    reason, action = reports(*objects)["MachineDeployment/a"]
    assert reason == words, "what is, and what is asked for"
    assert "kamaji-equinix up" in action, "what to do"


def test_the_number_of_an_autoscaled_pool_is_its_autoscalers() -> None:
    request = Request("1.33.0", 2, {"a": PoolRequest("web", "1.33.0")})
    assert reports(*workers(count=3), request=request) == {}, "any number is right"


def test_a_control_plane_of_another_version_or_size_is_told() -> None:
    result = reports(*workers(), request=Request("1.33.1", 3, REQUEST.pools))
    assert result["KamajiControlPlane/cp"][0] == "it has 2 replicas, and 3 are asked for", "the later of the two"
    status_tree = tree.build(snapshot(*workers()), Request("1.33.1", 3, REQUEST.pools))
    reasons = [difference.reason for difference in tree.differences(status_tree)]
    assert reasons == [
        "it is for Kubernetes 1.33.0, and 1.33.1 is asked for",
        "it has 2 replicas, and 3 are asked for",
    ], "both"


def test_a_control_plane_that_has_yet_to_take_its_version_is_waited_for() -> None:
    plane = build.control_plane(version="v1.32.0")
    reason, action = reports(*workers(), control_plane=plane)["KamajiControlPlane/cp"]
    assert reason == "it runs Kubernetes 1.32.0, and 1.33.0 is asked for", "what runs counts"
    assert action.startswith("Wait"), "another `up` would find nothing to do"


def test_a_pool_too_many_is_told_with_what_removes_it_and_blocks_nothing() -> None:
    strange = workers("b", 1)
    status_tree = tree.build(snapshot(*workers(), *strange), REQUEST)
    (difference,) = tree.differences(status_tree)
    assert difference.subject == "MachineDeployment/b", "the pool"
    assert "`kubectl -n default delete machinedeployment b`" in difference.action, "no run removes what it has not made"
    assert "Run `kamaji-equinix up`" not in difference.action, "so none is advised"
    assert tree.first_blocker(status_tree) is None, "all that was asked for is there"
    strange[0]["metadata"] |= {
        "labels": {"app.kubernetes.io/managed-by": "kamaji-equinix"},
        "managedFields": [{"manager": "pulumi-kubernetes-0a1b2c3d", "operation": "Apply"}],
    }
    assert reports(*workers(), *strange)["MachineDeployment/b"][1].startswith("Run `kamaji-equinix up`"), (
        "one that it made"
    )


def test_a_kubelet_of_another_version_than_its_machine_is_told() -> None:
    objects = workers(count=1)
    objects[-1]["spec"]["version"] = "v1.33.0"
    objects[-1]["status"]["nodeInfo"] = {"kubeletVersion": "v1.31.4"}
    request = Request("1.33.0", 2, {"a": PoolRequest("web", "1.33.0", 1)})
    reason, action = reports(*objects, request=request)["Machine/a-0"]
    assert reason == "its kubelet runs 1.31.4, and 1.33.0 is asked for", "the node's word"
    assert "kubectl -n default delete machine a-0" in action, "a node is never upgraded in place"


def test_what_can_not_be_read_is_no_difference() -> None:
    missing = Snapshot("default", "c1", Failure("Cluster/c1", "NotFound", "gone"))
    assert tree.differences(tree.build(missing, REQUEST)) == [], "the Cluster is what is missing"
    unread = Failure("MachineDeployments", "Forbidden", "no")
    assert reports(machine_deployments=unread) == {}, "they may be there"


def test_the_request_names_every_pool_as_its_machine_deployment_is_called() -> None:
    pools = [
        {"name": "web", "replicas": 3},
        {"name": "one"},
        {"name": "scaled", "min": 1, "max": 4, "kubernetesVersion": "1.32.5"},
    ]
    (settings,) = load_stack(
        configuration(
            cluster={"kubernetesVersion": "1.33.0"},
            controlPlane={"version": "1.33.1", "replicas": 3},
            workerPools=pools,
            network={"plugin": "none"},
        )
    ).clusters
    name = settings.cluster.name
    assert dataclasses.replace(request_of(settings), objects=()) == Request(
        "1.33.1",
        3,
        {
            f"{name}-web": PoolRequest("web", "1.33.0", 3),
            f"{name}-one": PoolRequest("one", "1.33.0", 1),
            f"{name}-scaled": PoolRequest("scaled", "1.32.5"),
        },
    ), "versions, sizes and names as the manifests have them"
