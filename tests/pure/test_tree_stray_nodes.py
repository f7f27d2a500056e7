"""What `status` says of a node that a machine which is gone has left, on the server of another machine."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.tree import Blocker, Failure, servers

from tests.support.cluster_objects import Object
from tests.support.metal3_machines import host, rack

BEFORE, AFTER = "2026-01-01T00:00:00Z", "2026-01-02T03:30:00Z"
UID = "uid-of-a-host"
NEW_ID = "metal3://default/a-host/{}"


def node(name: str, *, birth: str = BEFORE, provider_id: str = "", uid: str = UID, owner: str = "") -> Object:
    metadata: Object = {"name": name, "creationTimestamp": birth, "labels": {"metal3.io/uuid": uid} if uid else {}}
    if owner:
        metadata["annotations"] = {"cluster.x-k8s.io/machine": owner}
    return {"kind": "Node", "metadata": metadata, "spec": {"providerID": provider_id} if provider_id else {}}


def blocker(*nodes: Object | Failure, node_name: str = "", pools: tuple[str, ...] = ("a",), **changed: Any) -> Blocker:
    """The first reason of a cluster whose machine a-0 is on a server that runs."""
    known_nodes: Any = nodes[0] if nodes and isinstance(nodes[0], Failure) else nodes
    hosts = [host(f"{pool}-host", f"{pool}-0", "provisioned") for pool in pools]
    reason = tree.first_blocker(
        tree.build(rack(*hosts, pools=pools, node=node_name, **{"nodes": known_nodes, **changed}))
    )
    assert reason is not None, "its machine has no node"
    return reason


@pytest.mark.parametrize(
    ("provider_id", "former"),
    [("", "a-old"), (NEW_ID.format("a-older"), "a-older"), (f"metal3://{UID}", "a-old")],
    ids=["without an ID", "with the ID of a machine", "with the ID of the server"],
)
def test_a_node_in_the_way_is_named_with_the_machine_that_left_it(provider_id: str, former: str) -> None:
    reason = blocker(node("a-old", provider_id=provider_id))
    assert reason.subject == "Node/a-old", str(reason)
    assert f"it was left by Machine/{former}, which is gone" in reason.reason, reason.reason
    assert "BareMetalHost/a-host, metal3.io/uuid=uid-of-a-host, where Machine/a-0 is now" in reason.reason, (
        reason.reason
    )
    assert "`kubectl delete node a-old`" in reason.action, reason.action
    assert not reason.is_progress, "CAPM3 never decides for one of them"


def test_a_machine_that_is_bound_to_anothers_node_says_so_and_how_it_gets_its_own() -> None:
    reason = blocker(node("a-old", provider_id=NEW_ID.format("a-0"), owner="a-0"), node_name="a-old")
    assert reason.subject == "Machine/a-0", str(reason)
    assert (
        "it is bound to Node/a-old, which is not its own: it was left by Machine/a-old, which is gone" in reason.reason
    )
    assert "`kubectl delete node a-old`" in reason.action, reason.action
    assert "patch machines.cluster.x-k8s.io a-0 --subresource status" in reason.action, reason.action


def test_the_annotation_of_a_node_says_whose_it_was() -> None:
    assert "left by Machine/a-first" in blocker(node("worker-17", owner="a-first")).reason


@pytest.mark.parametrize(
    "other",
    [
        node("a-0", birth=AFTER),
        node("worker-17", birth=AFTER),
        node("a-0", birth=BEFORE),
        node("a-host", birth=BEFORE),
        node("a-old", uid="uid-of-another"),
        node("a-old", uid=""),
    ],
    ids=["its own", "of another name", "after a move", "named after its host", "of another server", "without a label"],
)
def test_no_other_node_is_taken_for_a_stray_one(other: Object) -> None:
    reason = blocker(other)
    assert reason.subject == "Machine/a-0", f"it only has not joined yet: {reason}"
    assert "delete node" not in reason.action, f"nothing is to be deleted: {reason.action}"


def test_the_node_of_a_living_machine_loses_a_label_and_no_node_is_deleted() -> None:
    reason = blocker(node("b-0", birth=BEFORE), pools=("a", "b"))
    assert "it is the node of Machine/b-0" in reason.reason, reason.reason
    assert "`kubectl label node b-0 metal3.io/uuid-`" in reason.action, reason.action
    assert "delete" not in reason.action, "its machine lives"


@pytest.mark.parametrize("nodes", [None, Failure("tenant cluster c1", "Unreachable", "refused")])
def test_where_the_nodes_are_not_known_the_machine_says_what_it_said_before(nodes: Any) -> None:
    reason = blocker(nodes=nodes)
    assert "no node with label metal3.io/uuid=uid-of-a-host has joined" in reason.reason, reason.reason


@pytest.mark.parametrize(("state", "is_asked"), [("provisioned", True), ("provisioning", False), ("available", False)])
def test_the_tenant_is_asked_for_its_nodes_only_once_a_server_runs(state: str, is_asked: bool) -> None:
    assert servers.asks_nodes(rack(host("a-host", "a-0", state))) == is_asked, "each look is a connection more"
