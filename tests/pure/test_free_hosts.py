"""What `status` says of a machine without a host: whether one is free, and how a roll goes on without another."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.tree import Blocker
from kamaji_equinix.components.tree.model import Reference

from tests.support import cluster_objects
from tests.support.cluster_objects import Object, condition
from tests.support.snapshots import snapshot

NO_HOST = condition(False, "AssociateBMHFailed", "Error", "no available host found. Requeuing", type_="AssociateBMH")
COMPLETE = {"bootstrapReady": True, "infrastructureReady": True, "nodeRef": {"name": "n"}}


def host(name: str, state: str = "available", *, machine: str = "", error: str = "", **metadata: Any) -> Object:
    """A BareMetalHost of pool a."""
    spec: Object = {"consumerRef": {"kind": "Metal3Machine", "name": machine}} if machine else {}
    status: Object = {"provisioning": {"state": state}, **({"errorMessage": error} if error else {})}
    labels = {"pool": "a", **metadata.pop("labels", {})}
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": {"name": name, "labels": labels, **metadata},
        "spec": spec,
        "status": status,
    }


def blocker(*hosts: Object, rolls: bool = False, strategy: Object | None = None) -> Blocker:
    """What blocks a pool whose machine ``a-new`` has no host.

    Args:
        hosts: of the namespace.
        rolls: whether the pool has a machine of a former MachineSet, too.
        strategy: the pool's rolling update.
    """
    deployment = cluster_objects.deployment("a", 1, ready=condition(True), readyReplicas=0)
    deployment["metadata"]["labels"] = {"pool": "workers"}
    if strategy:
        deployment["spec"]["strategy"] = {"rollingUpdate": strategy}
    new_set, old_set = cluster_objects.machine_set("a-2", deployment), cluster_objects.machine_set("a-1", deployment)
    metal3_machine: Object = {
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
        "kind": "Metal3Machine",
        "metadata": {"name": "a-new"},
        "spec": {"hostSelector": {"matchLabels": {"pool": "a"}}},
        "status": {"conditions": [NO_HOST]},
    }
    machine = cluster_objects.machine("a-new", new_set, ready=condition(True), bootstrapReady=True)
    machine["status"] |= {"infrastructureReady": False, "nodeRef": None}
    machine["spec"]["infrastructureRef"] = cluster_objects.reference(metal3_machine)
    machines = [
        machine,
        *([cluster_objects.machine("a-old", old_set, ready=condition(True), **COMPLETE)] if rolls else []),
    ]
    for item in machines:
        item["metadata"].setdefault("labels", {})["cluster.x-k8s.io/deployment-name"] = "a"
    reference = Reference.parse(cluster_objects.reference(metal3_machine), "default")
    assert reference is not None, "a reference"
    result = tree.first_blocker(
        tree.build(
            snapshot(
                deployment, new_set, old_set, *machines, references={reference: metal3_machine}, servers=tuple(hosts)
            )
        )
    )
    assert result is not None, "it blocks"
    return result


@pytest.mark.parametrize("state", ["available", "ready"])
def test_a_free_host_is_not_told_as_the_reason_why_none_is_free(state: str) -> None:
    result = blocker(host("busy", "provisioned", machine="b-0"), host("idle", state))
    assert "no host is free" not in result.reason, f"one is: {result.reason}"
    assert result.reason == "CAPM3 has not chosen a host for Machine/a-new yet; free and fit: BareMetalHost/idle"
    assert "Wait: CAPM3 looks for one every 30 s" in result.action, result.action


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (host("x", error="no power"), "x (available with an error: no power)"),
        (host("x", annotations={"capm3.metal3.io/unhealthy": ""}), "x (marked unhealthy)"),
        (host("x", annotations={"baremetalhost.metal3.io/paused": ""}), "x (paused)"),
        (host("x", deletionTimestamp=cluster_objects.SINCE), "x (it is being deleted)"),
        (
            host("x", labels={"infrastructure.cluster.x-k8s.io/node-reuse": "md-other"}),
            "x (kept for MachineDeployment/other by nodeReuse)",
        ),
        (host("x", "deprovisioning"), "x (deprovisioning)"),
    ],
)
def test_no_host_that_is_listed_where_none_is_free_is_called_free(candidate: Object, reason: str) -> None:
    result = blocker(candidate)
    assert "no host is free for Machine/a-new" in result.reason, result.reason
    assert result.reason.endswith(reason), "CAPM3 passes over it, and this is why"


def test_a_host_that_is_kept_for_its_own_pool_is_free_for_it() -> None:
    result = blocker(host("x", labels={"infrastructure.cluster.x-k8s.io/node-reuse": "md-a"}))
    assert "free and fit: BareMetalHost/x" in result.reason, result.reason


@pytest.mark.parametrize("strategy", [None, {"maxSurge": 1, "maxUnavailable": 0}])
def test_a_roll_without_a_spare_host_is_told_how_it_goes_on_with_those_that_there_are(strategy: Object | None) -> None:
    result = blocker(host("x", "provisioned", machine="a-old"), rolls=True, strategy=strategy)
    assert "Declare more servers in `metal3.hosts`" in result.action, "one way"
    assert "set `strategy: {maxSurge: 0, maxUnavailable: 1}` of pool workers in `workerPools`" in result.action, (
        f"the other: {result.action}"
    )


def test_who_rolls_without_a_surge_or_does_not_roll_is_not_told_to() -> None:
    busy_host = host("x", "provisioned", machine="a-old")
    assert "maxSurge" not in blocker(busy_host).action, "a pool that grows needs a host"
    no_surge = {"maxSurge": 0, "maxUnavailable": 1}
    assert "maxSurge" not in blocker(busy_host, rolls=True, strategy=no_surge).action, "it is set already"
