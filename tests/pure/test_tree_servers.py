"""What `status` says of the servers under a cluster's machines: which is at fault, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.tree import Blocker, Failure, discovery
from kamaji_equinix.components.tree.model import Reference
from kamaji_equinix.components.tree.servers import metal3

from tests.support import cluster_objects as build
from tests.support.cluster_objects import Object, condition
from tests.support.snapshots import pool, snapshot

NO_HOST = condition(False, "AssociateBMHFailed", "Error", "no available host found. Requeuing", type_="AssociateBMH")
POOL_A = {"matchLabels": {"pool": "a"}}
NODE: Object = {"nodeRef": {"name": "a-0"}}
SILENT: Object = {
    **NODE,
    "conditions": [condition(True), {"type": "NodeHealthy", "status": "Unknown", "reason": "NodeConditionsFailed"}],
}
"""Of a machine whose kubelet says nothing any more, as its server is off or gone."""


def host(
    name: str, state: str = "available", *, error: tuple[str, str] | None = None, machine: str = "", **extra: Any
) -> Object:
    """A BareMetalHost of pool a, as the baremetal-operator leaves it."""
    status: Object = {"provisioning": {"state": state}, "poweredOn": state == "provisioned", **extra.pop("status", {})}
    if error:
        status |= {"errorType": error[0], "errorMessage": error[1]}
    spec: Object = {"online": True}
    if machine:
        spec["consumerRef"] = {"kind": "Metal3Machine", "name": machine}
    metadata = {"name": name, "uid": f"uid-of-{name}", "labels": {"pool": "a"}, **extra}
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def blocker(
    *servers: Object | Failure,
    on: str = "",
    selector: Object | None = None,
    machine: Object | None = None,
    extra: Object | None = None,
) -> Blocker | None:
    """What blocks a cluster of one machine; ``on`` is the host that CAPM3 has chosen for it."""
    annotations = {"metal3.io/BareMetalHost": f"default/{on}"} if on else {}
    metal3_machine: Object = {
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
        "kind": "Metal3Machine",
        "metadata": {"name": "a-0", "annotations": annotations},
        "spec": {"hostSelector": POOL_A if selector is None else selector},
        "status": {"conditions": [condition(True, type_="AssociateBMH") if on else NO_HOST], **(extra or {})},
    }
    # As Cluster API 1.13 says of a Machine whose server is not there yet.
    deployment, machine_set, obj = pool("a", [condition(True)], readyReplicas=0)
    obj["status"] = {**obj["status"], "infrastructureReady": False, "nodeRef": None, **(machine or {})}
    obj["spec"]["infrastructureRef"] = build.reference(metal3_machine)
    reference = Reference.parse(build.reference(metal3_machine), "default")
    assert reference is not None, "a reference"
    failure = next((server for server in servers if isinstance(server, Failure)), None)
    return tree.first_blocker(
        tree.build(
            snapshot(deployment, machine_set, obj, references={reference: metal3_machine}, servers=failure or servers)
        )
    )


def test_an_error_of_the_host_under_a_machine_is_told_with_the_ways_out() -> None:
    failing_host = host("x", "provisioning", error=("provisioning error", "image\nnot there"), machine="a-0")
    obstacle = blocker(failing_host, on="x")
    assert obstacle is not None, "it blocks"
    assert obstacle.subject == "BareMetalHost/x", "the server is at fault, not the machine"
    assert obstacle.reason == "Machine/a-0 is on it, and it is provisioning with provisioning error: image not there"
    assert "kubectl -n default describe baremetalhost.metal3.io x" in obstacle.action, "where to look"
    assert "annotate baremetalhosts.metal3.io x capm3.metal3.io/unhealthy=" in obstacle.action, (
        "CAPM3 takes it again otherwise"
    )
    assert "kubectl -n default delete machine a-0" in obstacle.action, "and then another server"


@pytest.mark.parametrize("state", ["provisioning", "preparing", "inspecting", "deprovisioning"])
def test_a_host_that_takes_long_is_named_with_its_state(state: str) -> None:
    history = {"operationHistory": {"provision": {"start": "2026-01-02T03:04:05Z"}}}
    obstacle = blocker(host("x", state, machine="a-0", status=history), on="x")
    assert obstacle is not None, "it blocks"
    assert f"it is {state}" in obstacle.reason, obstacle.reason
    assert ("since 03:04:05 UTC" in obstacle.reason) == (state == "provisioning"), "how long it has been installed"


def test_a_host_that_is_gone_is_told_with_the_machine_that_it_was() -> None:
    obstacle = blocker(host("y"), on="x", machine=SILENT)
    assert obstacle is not None, "it blocks"
    assert obstacle.subject == "Machine/a-0", "what to replace"
    assert "no BareMetalHost/x in namespace default" in obstacle.reason, obstacle.reason
    assert "delete machine a-0" in obstacle.action, obstacle.action


def test_a_machine_that_is_well_is_not_judged_by_servers_that_nobody_has_read() -> None:
    obstacle = blocker(on="x", machine=NODE)
    assert obstacle is not None, "its pool still waits for it"
    assert obstacle.subject == "MachineDeployment/a", f"nothing is known of its server: {obstacle}"


def test_a_host_that_runs_without_a_node_is_told_with_the_label_that_finds_it() -> None:
    obstacle = blocker(host("x", "provisioned", machine="a-0"), on="x")
    assert obstacle is not None, "it blocks"
    assert "no node with label metal3.io/uuid=uid-of-x" in obstacle.reason, obstacle.reason
    assert "kubectl label node a-0 metal3.io/uuid=uid-of-x" in obstacle.action, obstacle.action


def test_a_host_without_power_is_told() -> None:
    obstacle = blocker(host("x", "provisioned", machine="a-0", status={"poweredOn": False}), on="x", machine=SILENT)
    assert obstacle is not None, "it blocks"
    assert (obstacle.subject, "switched off" in obstacle.reason) == ("BareMetalHost/x", True), obstacle.reason


@pytest.mark.parametrize(
    ("servers", "reason", "action"),
    [
        ([], "of 0 hosts in namespace default 0 fit pool=a", "Declare servers in `metal3.hosts`"),
        (
            [{**host("x"), "metadata": {"name": "x", "labels": {"pool": "b"}}}],
            "of 1 hosts in namespace default 0 fit pool=a",
            "metal3.hosts[].labels",
        ),
        (
            [host("x", "registering", error=("registration error", "no answer"))],
            "1 fit pool=a: x (registering with registration error: no answer)",
            "Mend BareMetalHost/x",
        ),
        ([host("x", "inspecting")], "1 fit pool=a: x (inspecting)", "describe baremetalhost.metal3.io x"),
        ([host("x", "provisioned", machine="b-0")], "x (Metal3Machine/b-0 is on it)", "ask for fewer machines"),
        (
            [host("x", annotations={"capm3.metal3.io/unhealthy": ""})],
            "x (marked unhealthy)",
            "describe baremetalhost.metal3.io x",
        ),
        (
            [host(f"x-{n}", "provisioned", machine=f"b-{n}") for n in range(7)],
            "7 fit pool=a: x-0 (Metal3Machine/b-0 is on it), x-1",
            "Declare more servers",
        ),
    ],
)
def test_where_no_host_is_free_each_that_fits_is_told_with_its_reason(
    servers: list[Object], reason: str, action: str
) -> None:
    obstacle = blocker(*servers)
    assert obstacle is not None, "it blocks"
    assert obstacle.subject == "Metal3Machine/a-0", "which waits for one"
    assert reason in obstacle.reason, obstacle.reason
    assert action in obstacle.action, obstacle.action
    assert ("2 more" in obstacle.reason) == (len(servers) == 7), "not all of a rack"


def test_without_a_selector_any_host_will_do_and_the_text_says_so() -> None:
    obstacle = blocker(host("x", "inspecting"), selector={})
    assert obstacle is not None, "it blocks"
    assert "of 1 hosts in namespace default any will do: x (inspecting)" in obstacle.reason, obstacle.reason


def test_hosts_that_could_not_be_read_are_told_with_the_file_of_the_rights() -> None:
    obstacle = blocker(Failure("BareMetalHosts", "Forbidden", "no"), on="x")
    assert obstacle is not None, "it blocks"
    assert "Forbidden: no" in obstacle.reason, obstacle.reason
    assert "rbac-metal3.yaml" in obstacle.action, obstacle.action


def test_a_machine_that_is_being_deleted_is_told_with_the_state_of_its_server() -> None:
    failing_host = host("x", "deprovisioning", error=("provisioning error", "no power"), machine="a-0")
    deployment, machine_set, machine = pool("a", [condition(True)])
    metal3_machine: Object = {"apiVersion": "x/v1", "kind": "Metal3Machine", "metadata": {"name": "a-0"}}
    metal3_machine["metadata"]["annotations"] = {"metal3.io/BareMetalHost": "default/x"}
    machine["metadata"] |= {"deletionTimestamp": build.SINCE, "finalizers": ["machine.cluster.x-k8s.io"]}
    machine["spec"]["infrastructureRef"] = build.reference(metal3_machine)
    reference = Reference.parse(build.reference(metal3_machine), "default")
    assert reference is not None, "a reference"
    obstacle = tree.first_blocker(
        tree.build(
            snapshot(deployment, machine_set, machine, references={reference: metal3_machine}, servers=(failing_host,))
        )
    )
    assert obstacle is not None, "it blocks"
    assert "its server BareMetalHost/x is deprovisioning with provisioning error: no power" in obstacle.reason, (
        obstacle.reason
    )


@pytest.mark.parametrize(
    ("selector", "text", "some", "others"),
    [
        ({}, "", [{}, {"a": "1"}], []),
        ({"matchLabels": {"a": "1", "b": "2"}}, "a=1,b=2", [{"a": "1", "b": "2"}], [{"a": "1"}, {}]),
        (
            {"matchExpressions": [{"key": "a", "operator": "in", "values": ["1", "2"]}]},
            "a in (1,2)",
            [{"a": "2"}],
            [{"a": "3"}, {}],
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "notin", "values": ["1"]}]},
            "a notin (1)",
            [{}, {"a": "2"}],
            [{"a": "1"}],
        ),
        ({"matchExpressions": [{"key": "a", "operator": "exists"}]}, "a", [{"a": ""}], [{}]),
        ({"matchExpressions": [{"key": "a", "operator": "!"}]}, "!a", [{}], [{"a": ""}]),
    ],
)
def test_a_selector_is_shown_as_kubectl_writes_it_and_fits_as_apimachinery_decides(
    selector: Object, text: str, some: list[Object], others: list[Object]
) -> None:
    assert metal3.selector_text(selector) == text
    assert all(metal3.fits(selector, labels) for labels in some), "these do"
    assert not any(metal3.fits(selector, labels) for labels in others), "and these don't"


class Answers:
    """A management cluster that says what it was asked."""

    def __init__(self, *machines: Object) -> None:
        self.paths: list[str] = []
        self._machines = list(machines)

    def get(self, path: str) -> dict[str, Any]:
        self.paths.append(path)
        if "/clusters/" in path:
            return build.cluster(ready=None, infrastructure=build.packet_cluster(), plane=build.control_plane())
        if path.partition("?")[0].endswith("/machines"):
            return {"items": self._machines}
        if path.endswith("/baremetalhosts"):
            return {"apiVersion": "metal3.io/v1alpha1", "items": [{"metadata": {"name": "x"}}]}
        raise ApiError("NotFound", "not found", 404)


@pytest.mark.parametrize(
    ("ready", "node", "kind", "asks"),
    [
        (True, "True", "Metal3Machine", False),
        (False, "True", "Metal3Machine", True),
        (True, "Unknown", "Metal3Machine", True),
        (False, "True", "PacketMachine", False),
    ],
)
def test_hosts_are_read_only_where_they_explain_something(ready: bool, node: str, kind: str, asks: bool) -> None:
    *_, machine = pool("a", [condition(ready)])
    machine["status"]["conditions"].append(condition(node, type_="NodeHealthy"))
    machine["spec"]["infrastructureRef"] = {
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
        "kind": kind,
        "name": "a-0",
    }
    api = Answers(machine)
    result = discovery.take(api, "default", "c1")
    assert any("baremetalhosts" in path for path in api.paths) == asks, api.paths
    assert [server["kind"] for server in result.servers if not isinstance(result.servers, Failure)] == (
        ["BareMetalHost"] if asks else []
    )
