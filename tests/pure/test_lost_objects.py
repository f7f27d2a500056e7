"""What somebody else has deleted behind a stack's back: told, and machines of a control plane that is gone are rolled."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components import tree
from kamaji_equinix.components.capi.former import deployments_after, former_pools, is_former
from kamaji_equinix.components.checks.living_cluster import LivingCluster, former_deployments
from kamaji_equinix.components.checks.losses import losses
from kamaji_equinix.components.checks.machines import plan_of
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack

from tests.support import cluster_objects as build
from tests.support.settings_cases import configuration
from tests.support.snapshots import TRUE, pool, snapshot

Json = dict[str, Any]
(TENANT,) = load_stack(configuration(cluster={"name": "c1", "namespace": "prod"})).clusters
PLANE = TENANT.control_plane_name
POOL = f"c1-{TENANT.worker_pools[0].name}"


def state() -> Json:
    """A stack's state after `up`."""
    objects = copy.deepcopy(documents(TENANT))
    for item in objects:
        item["metadata"]["uid"] = f"uid-of-{item['metadata']['name']}"
    return {
        f"urn:x$kubernetes:{item['apiVersion']}:{item['kind']}::{i}": {"outputs": item}
        for i, item in enumerate(objects)
    }


def deployments() -> tuple[Json, ...]:
    objects = [copy.deepcopy(item) for item in documents(TENANT) if item["kind"] == "MachineDeployment"]
    for item in objects:
        item["metadata"]["creationTimestamp"] = "2026-01-01T00:00:10Z"
    return tuple(objects)


def machine(bootstrap_time: str, *, condition: str = "BootstrapReady", name: str = POOL) -> Json:
    labels = {"cluster.x-k8s.io/deployment-name": name}
    ready = {"type": condition, "status": "True", "lastTransitionTime": bootstrap_time}
    return {"kind": "Machine", "metadata": {"name": "m", "labels": labels}, "status": {"conditions": [ready]}}


def plane(time: str) -> Json:
    return {"kind": "KamajiControlPlane", "metadata": {"name": PLANE, "creationTimestamp": time}}


@given(st.integers(0, 59), st.integers(0, 59), st.sampled_from(["BootstrapReady", "BootstrapConfigReady"]))
def test_a_machine_is_of_a_former_control_plane_exactly_where_it_had_its_bootstrap_data_before(
    bootstrap: int, creation: int, condition: str
) -> None:
    machine_ = machine(f"2026-01-01T00:00:{bootstrap:02}Z", condition=condition)
    result = is_former(machine_, plane(f"2026-01-01T00:00:{creation:02}Z"))
    assert result == (bootstrap < creation), "one that gets it in the second of the control plane's birth may stay"


@pytest.mark.parametrize("missing", ["status", "metadata"])
def test_a_machine_without_bootstrap_data_and_a_control_plane_without_an_age_tell_nothing(missing: str) -> None:
    machine_, plane_ = machine("2026-01-01T00:00:00Z"), plane("2026-01-01T00:00:30Z")
    (machine_ if missing == "status" else plane_)[missing] = {}
    assert not is_former(machine_, plane_), "no machine is rolled on a guess"
    remnant = machine("2026-01-01T00:00:00Z")
    remnant["metadata"]["deletionTimestamp"] = "2026-01-01T00:01:00Z"
    assert not is_former(remnant, plane("2026-01-01T00:00:30Z")), "one that goes needs no roll"


class NoRequests(Api):
    """An API that must not be asked."""

    def __init__(self) -> None:
        """There is nothing to connect to."""

    def get(self, path: str, *_: Any, **__: Any) -> Json:
        raise AssertionError(f"asked for {path}")


def test_a_cluster_whose_pools_are_younger_than_its_control_plane_costs_no_request() -> None:
    names = former_deployments(NoRequests(), TENANT, deployments(), plane("2026-01-01T00:00:09Z"), False)
    assert names == (set(), set()), "as the hand-off makes every cluster"


def test_all_pools_outlive_a_control_plane_that_is_not_there() -> None:
    assert former_deployments(NoRequests(), TENANT, deployments(), None, True) == ({POOL}, set()), "each is rolled"
    assert former_deployments(NoRequests(), TENANT, deployments(), None, False) == (set(), set()), (
        "unless it was not read"
    )


def test_a_pool_that_was_rolled_for_its_control_plane_keeps_that_in_its_spec() -> None:
    time = "2026-01-01T00:00:30Z"
    for field in ({"rolloutAfter": time}, {"rollout": {"after": time}}):
        (deployment,) = deployments()
        deployment["spec"] |= field
        assert deployments_after([deployment], plane(time)) == {POOL}, (
            "or the next run would take it out, and report a change"
        )
    assert former_pools([machine("2026-01-01T00:00:00Z")], plane(time)) == {POOL}, "by Cluster API's label"


def test_the_roll_is_told_loudly_with_its_reason() -> None:
    living = LivingCluster(deployments=deployments(), former=frozenset({POOL}))
    (change,) = plan_of(TENANT, living, state())
    assert change.rolled == 3, "each machine"
    assert change.loses, "as a warning"
    assert "they joined a control plane that is gone" in str(change), "why"


def test_machines_of_a_former_control_plane_that_nobody_rolls_are_told_loudly_too() -> None:
    pools = [{"name": "worker-a", "replicas": 3, "strategy": {"type": "OnDelete"}}]
    (tenant,) = load_stack(configuration(cluster={"name": "c1", "namespace": "prod"}, workerPools=pools)).clusters
    (change,) = plan_of(tenant, LivingCluster(deployments=deployments(), former=frozenset({POOL})), {})
    assert change.loses, "they are billed until somebody deletes them"
    assert "once you delete it" in str(change), "what to do"


def test_what_the_state_holds_and_is_gone_is_a_loss() -> None:
    whole = LivingCluster(deployments=deployments())
    assert list(losses(TENANT, whole, state())) == [], "nothing is gone"
    reports = list(losses(TENANT, LivingCluster(missing_kinds=frozenset({"KamajiControlPlane"})), state()))
    assert {(loss.kind, loss.name, loss.uid) for loss in reports} == {
        ("KamajiControlPlane", PLANE, f"uid-of-{PLANE}"),
        ("MachineDeployment", POOL, f"uid-of-{POOL}"),
    }, "with the UID that the state has"
    assert "all machines of the cluster are replaced" in str(reports[0]), "what follows of a new control plane"
    (only,) = losses(TENANT, LivingCluster(missing_kinds=frozenset({"Cluster", "KamajiControlPlane"})), state())
    assert only.kind == "Cluster", "the rest went with it"
    assert list(losses(TENANT, LivingCluster(missing_kinds=frozenset({"Cluster"})), {})) == [], "a new one is not lost"


def test_a_pool_whose_machine_deployment_was_deleted_is_not_called_new() -> None:
    (change,) = plan_of(TENANT, LivingCluster(), state())
    assert "somebody else has deleted its MachineDeployment" in str(change), "a run that does not look makes none"
    assert change.loses, "as a warning"
    (change,) = plan_of(TENANT, LivingCluster(), {})
    assert str(change).endswith("a new pool"), "one that the state does not hold is"


def test_status_names_a_machine_of_a_former_control_plane_before_all_others() -> None:
    objects = pool("a", [TRUE])
    objects[-1]["status"]["conditions"].append(
        {"type": "BootstrapReady", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    )
    plane_ = build.control_plane()
    plane_["metadata"]["creationTimestamp"] = "2026-01-01T00:00:30Z"
    blocker = tree.first_blocker(tree.build(snapshot(*objects, control_plane=plane_)))
    assert blocker is not None, "it is not ready, whatever its conditions say"
    assert "it joined a control plane that is gone" in blocker.reason, "why"
    assert "kamaji-equinix up" in blocker.action, "what replaces it"


def test_status_says_what_becomes_of_the_machines_of_a_control_plane_that_is_not_there() -> None:
    missing = tree.Failure("KamajiControlPlane/cp", "NotFound", "gone")
    blocker = tree.first_blocker(tree.build(snapshot(*pool("a", [TRUE] * 2), control_plane=missing)))
    assert blocker is not None, "a cluster without a control plane is not ready"
    assert "the 2 living machines can't join it, and are replaced" in blocker.action, "the price of the advice"
