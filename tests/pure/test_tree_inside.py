"""What in a tenant cluster keeps it from use: taints of its nodes, add-ons that do not run, a tenant that is down."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from kamaji_equinix.components import tree
from kamaji_equinix.components.capi.manifest import ADD_ON, NETWORK_PLUGIN
from kamaji_equinix.components.checks.request import request_of
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.tree import Failure, Inside, Request, inside

from tests.support import cluster_objects as build
from tests.support.cluster_objects import Object, condition
from tests.support.settings_cases import configuration
from tests.support.snapshots import TRUE, pool, snapshot

UNINITIALIZED = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "effect": "NoSchedule"}
REQUEST = Request("1.33.0", 2, looks_inside=True)


def node(name: str, *taints: Object) -> Object:
    return {"kind": "Node", "metadata": {"name": name}, "spec": {"taints": list(taints)}}


def workload(kind: str, spec: Object, status: Object, addon: str = "mine") -> Object:
    metadata = {"name": "a", "namespace": "tools", "generation": 2, "labels": {ADD_ON: addon}}
    return {"kind": kind, "metadata": metadata, "spec": spec, "status": {"observedGeneration": 2, **status}}


def blocker(*, nodes: Any = (), workloads: Any = (), request: Request | None = REQUEST) -> tree.Blocker | None:
    status_tree = tree.build(snapshot(inside=Inside(tuple(nodes), tuple(workloads))), request)
    return tree.first_blocker(status_tree)


def test_a_cluster_whose_nodes_and_add_ons_are_well_is_ready() -> None:
    for obj in (
        workload("DaemonSet", {}, {"desiredNumberScheduled": 3, "numberAvailable": 3}),
        workload("DaemonSet", {}, {"desiredNumberScheduled": 0}),
        workload("Deployment", {"replicas": 2}, {"availableReplicas": 2}),
        workload("Deployment", {"replicas": 0}, {}),
        workload("StatefulSet", {}, {"availableReplicas": 1}),
        workload("Job", {}, {"conditions": [{"type": "Complete", "status": "True"}]}),
        workload("Job", {}, {"active": 1}),
    ):
        assert blocker(nodes=[node("n")], workloads=[obj]) is None, f"nothing is wrong with {obj}"


@pytest.mark.parametrize(
    ("obj", "lacks"),
    [
        (
            workload("DaemonSet", {}, {"desiredNumberScheduled": 3, "numberAvailable": 1}),
            "DaemonSet tools/a has 1 of 3 pods available",
        ),
        (
            workload(
                "Deployment", {}, {"conditions": [{"type": "Available", "status": "False", "message": "no minimum"}]}
            ),
            "Deployment tools/a has 0 of 1 pods available (Available: no minimum)",
        ),
        (
            workload("StatefulSet", {"replicas": 2}, {"availableReplicas": 1}),
            "StatefulSet tools/a has 1 of 2 pods available",
        ),
        (
            workload("Deployment", {"replicas": 1}, {"availableReplicas": 1, "observedGeneration": 1}),
            "is not acted on yet by its controller",
        ),
        (
            workload("Job", {}, {"conditions": [{"type": "Failed", "status": "True", "message": "backoff limit"}]}),
            "Job tools/a has failed (Failed: backoff limit)",
        ),
    ],
    ids=["DaemonSet", "Deployment", "StatefulSet", "a change", "Job"],
)
def test_an_add_on_that_does_not_run_is_named_with_what_its_workload_says(obj: Object, lacks: str) -> None:
    obstacle = blocker(workloads=[obj])
    assert obstacle is not None, "the cluster is not as asked"
    assert obstacle.subject == "AddOn/mine", "by the name in the settings"
    assert lacks in obstacle.reason, "what of it"
    assert "kubectl -n tools describe" in obstacle.action, "where to look"


def test_a_node_that_no_cloud_controller_has_seen_comes_before_the_pods_that_wait_for_it() -> None:
    deployment = workload("Deployment", {}, {})
    obstacle = blocker(nodes=[node("a"), node("b", {"key": "own"}, UNINITIALIZED)], workloads=[deployment])
    assert obstacle is not None, "pods don't start on it"
    assert obstacle.subject == "Node/b", "the one with the taint"
    assert "no cloud controller has seen it" in obstacle.reason, "who would take it away"
    assert "`cloudController`" in obstacle.action, "and how one gets one"


def test_an_add_on_of_this_programs_own_of_which_nothing_is_there_has_failed() -> None:
    obstacle = blocker(request=Request("1.33.0", 2, add_ons=("cilium",), looks_inside=True))
    assert obstacle is not None, "nothing of it is there"
    assert obstacle.subject == "AddOn/cilium", "which one"
    assert "was not installed, or was deleted there" in obstacle.reason, "what that means"
    assert "pulumi up --refresh" in obstacle.action, "what installs it"


def test_a_tenant_that_cannot_be_asked_blocks_nothing_and_is_told() -> None:
    status_tree = tree.build(snapshot(inside=Failure("tenant cluster c1", "Unreachable", "refused")), REQUEST)
    assert tree.first_blocker(status_tree) is None, "it may be reached from elsewhere alone"
    text = "\n".join(map(str, tree.differences(status_tree)))
    assert "Not known: tenant cluster c1" in text, f"that it is not known:\n{text}"
    assert "Unreachable: refused" in text, "and why"


@pytest.mark.parametrize(
    ("changes", "looks_inside", "add_ons"),
    [
        ({"network": {"plugin": "none"}}, False, ()),
        ({"network": {"plugin": "cilium"}}, True, ("cilium",)),
        ({"network": {"plugin": "cilium"}, "workerPools": []}, False, ()),
        ({"addons": [{"name": "a", "chart": "a"}]}, True, ()),
        ({"addons": [{"name": "a", "chart": "a", "wait": False}]}, False, ()),
        ({"metal": {"cloudController": "external"}}, True, ()),
        ({"metal": {"cloudController": "cpem", "cpem": {"apiToken": "t"}}}, True, ("cloud-controller",)),
    ],
)
def test_a_tenant_is_asked_only_where_the_stack_has_something_in_it(
    changes: Object, looks_inside: bool, add_ons: tuple[str, ...]
) -> None:
    none: Object = {"network": {"plugin": "none"}}
    (tenant,) = load_stack(configuration(**{**none, **changes})).clusters
    request = request_of(tenant)
    assert (request.looks_inside, request.add_ons) == (looks_inside, add_ons), (
        "each look at a tenant is a connection more"
    )


class Reader:
    """A management cluster that holds one Secret, or none."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def get(self, path: str) -> dict[str, Any]:
        if self.value is None:
            raise ApiError("Forbidden", f"{path} is forbidden", 403)
        return {"data": {"value": base64.b64encode(self.value.encode()).decode()}}


def kubeconfig(server: str) -> str:
    cluster = {"name": "a", "cluster": {"server": server}}
    context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
    users = [{"name": "a", "user": {"token": "t"}}]
    return yaml.safe_dump({"clusters": [cluster], "users": users, "contexts": [context], "current-context": "a"})


def test_whatever_keeps_it_from_looking_is_a_failure_and_no_accident() -> None:
    for value, subject, reason in (
        (None, "Secret/c1-kubeconfig", "Forbidden"),
        ("{", "Secret/c1-kubeconfig", "Unusable"),
        (kubeconfig("https://127.0.0.1:1"), "tenant cluster c1", "Unreachable"),
    ):
        failure = inside.look(Reader(value), "default", "c1")
        assert isinstance(failure, Failure), f"nothing was read with {value!r}"
        assert (failure.subject, failure.reason) == (subject, reason), "what could not be read, and why"


@pytest.mark.parametrize(
    ("plugin", "action"),
    [
        (None, "its `network.plugin` is none"),
        ("custom", "one of the stack's `addons`"),
        ("cilium", "cilium, by the stack's `network.plugin`"),
    ],
)
def test_a_node_without_network_is_told_by_what_the_stack_installs(plugin: str | None, action: str) -> None:
    objects = pool("a", [TRUE], readyReplicas=0)
    machine = objects[-1]
    machine["metadata"]["labels"]["cluster.x-k8s.io/deployment-name"] = "a"
    problem = condition(False, "NodeNotHealthy", message="reason:NetworkPluginNotReady", type_="NodeHealthy")
    machine["status"]["conditions"].append(problem)
    cluster = build.cluster(ready=TRUE, infrastructure=build.packet_cluster(), plane=build.control_plane())
    cluster["metadata"]["annotations"] = {NETWORK_PLUGIN: plugin} if plugin else {}
    obstacle = tree.first_blocker(tree.build(snapshot(*objects, cluster=cluster)))
    assert obstacle is not None, "its pods have no network"
    assert action in obstacle.action, "what should have brought it"
