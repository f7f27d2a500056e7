"""What a run does to machines is told before it does it: pool by pool, whatever the settings change."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.automation import MachinesChange
from kamaji_equinix.components.checks.living_cluster import LivingCluster
from kamaji_equinix.components.checks.machines import plan_of, skew_problems
from kamaji_equinix.components.checks.pool_change import PoolChange, change_in
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import TenantClusterSettings

from tests.support.settings_cases import configuration

Json = dict[str, Any]

WEB = {"name": "web", "replicas": 3, "machineType": "c3.small.x86"}


def tenant(*pools: Json, **sections: Any) -> TenantClusterSettings:
    """Settings of a cluster with some pools."""
    (cluster,) = load_stack(configuration(workerPools=list(pools), **sections)).clusters
    return cluster


def apply(before: TenantClusterSettings) -> tuple[LivingCluster, Json]:
    """What lives, and a stack's state, once settings were applied."""
    objects = copy.deepcopy(documents(before))
    deployments = [item for item in objects if item["kind"] == "MachineDeployment"]
    for item in deployments:
        item["spec"].setdefault("replicas", 1)
        item["status"] = {"replicas": item["spec"]["replicas"]}
    state = {
        f"urn:x$kubernetes:{item['apiVersion']}:{item['kind']}::{i}": {"outputs": item}
        for i, item in enumerate(objects)
    }
    return LivingCluster({}, tuple(deployments)), state


def plan(before: TenantClusterSettings, after: TenantClusterSettings) -> list[PoolChange]:
    """What a run from some settings to others does to machines."""
    living, state = apply(before)
    return plan_of(after, living, state)


@pytest.mark.parametrize(
    ("pool", "counts", "reason"),
    [
        ({"machineType": "m3.large.x86"}, (0, 3, 0), "machineType c3.small.x86 to m3.large.x86"),
        ({"metro": "sv"}, (0, 3, 0), "metro"),
        ({"os": "ubuntu_22_04"}, (0, 3, 0), "os"),
        ({"billingCycle": "daily"}, (0, 3, 0), "billingCycle hourly to daily"),
        ({"kubernetesVersion": "1.33.1"}, (0, 3, 0), "Kubernetes 1.33.0 to 1.33.1"),
        ({"bootstrap": {"files": [{"path": "/etc/motd", "content": "x"}]}}, (0, 3, 0), "its bootstrap changed"),
        ({"taints": [{"key": "a", "effect": "NoSchedule"}]}, (0, 3, 0), "its bootstrap changed"),
        ({"replicas": 1}, (2, 0, 0), "replicas 3 to 1"),
        ({"replicas": 0}, (3, 0, 0), "replicas 3 to 0"),
        ({"replicas": 5}, (0, 0, 2), "replicas 3 to 5"),
        ({"replicas": 2, "machineType": "m3.large.x86"}, (1, 2, 0), "machineType"),
        ({"machineType": "m3.large.x86", "strategy": {"type": "OnDelete"}}, (0, 0, 0), "once you delete it"),
    ],
)
def test_each_change_of_a_pool_tells_its_machines_and_why(
    pool: Json, counts: tuple[int, int, int], reason: str
) -> None:
    (change,) = plan(tenant(WEB), tenant({**WEB, **pool}))
    assert (change.deleted, change.rolled, change.added) == counts, str(change)
    assert reason in change.reason, "in words of the settings"
    assert change.pool == "web", "by the pool's name"


@pytest.mark.parametrize(
    "pool",
    [
        {},
        {"strategy": {"maxSurge": 2}},
        {"nodeDrainTimeoutSeconds": 60},
        {"annotations": {"a": "b"}},
        {"healthCheck": {}},
        {"wait": True},
    ],
)
def test_what_changes_in_place_is_not_told(pool: Json) -> None:
    assert plan(tenant(WEB), tenant({**WEB, **pool})) == [], "no machine goes, rolls or comes"


def test_a_removed_and_a_renamed_pool_lose_their_machines() -> None:
    (change,) = plan(tenant(WEB), tenant())
    assert (change.deleted, change.pool) == (3, "web"), "all of them"
    removal, addition = sorted(plan(tenant(WEB), tenant({**WEB, "name": "api"})), key=lambda change: change.added)
    assert (removal.pool, removal.deleted, addition.pool, addition.added) == ("web", 3, "api", 3), (
        "another name is another pool"
    )


def test_a_pool_of_somebody_else_is_not_this_stacks_to_delete() -> None:
    living, _ = apply(tenant(WEB))
    assert plan_of(tenant(), living, {}) == [], "the engine deletes only what it made"


def test_an_upgrade_of_the_cluster_rolls_the_pools_that_follow_it() -> None:
    pool = {"name": "own", "replicas": 1, "kubernetesVersion": "1.32.0"}
    before = tenant(WEB, pool, cluster={"kubernetesVersion": "1.32.0"})
    (change,) = plan(before, tenant(WEB, pool, cluster={"kubernetesVersion": "1.33.0"}))
    assert (change.pool, change.rolled) == ("web", 3), "a pool with a version of its own stays"


@pytest.mark.parametrize(("creation", "rolls"), [("2026-03-09T08:59:59Z", 3), ("2026-03-09T09:00:01Z", 0)])
@pytest.mark.parametrize("contract", ["v1beta1", "v1beta2"])
def test_a_roll_on_demand_is_told_where_something_is_older(creation: str, rolls: int, contract: str) -> None:
    before = tenant(WEB, capi={"contract": contract})
    after = tenant({**WEB, "rolloutAfter": "2026-03-09T10:00:00+01:00"}, capi={"contract": contract})
    living, state = apply(before)
    assert living.deployments is not None
    (deployment,) = living.deployments
    owner = {"name": deployment["metadata"]["name"]}
    machine_set = {"metadata": {"creationTimestamp": creation, "ownerReferences": [owner]}, "spec": deployment["spec"]}
    changes = plan_of(after, dataclasses.replace(living, machine_sets=(machine_set,)), state)
    assert sum(change.rolled for change in changes) == rolls, "Cluster API looks at its MachineSets' age"
    assert [change.reason for change in changes] == ["rolloutAfter 2026-03-09T09:00:00Z"] * bool(rolls), "in UTC"
    rerun, state = apply(after)
    assert plan_of(after, rerun, state) == [], "and it was applied before"


def test_a_secret_of_a_machine_is_never_told() -> None:
    old = {**WEB, "bootstrap": {"files": [{"path": "/a", "content": "hunter2"}], "commands": ["login hunter2"]}}
    (change,) = plan(tenant(old), tenant({**old, "bootstrap": {"commands": ["login hunter3"]}}))
    assert "hunter" not in str(change), "what a bootstrap holds may be one"


def test_machines_that_can_not_be_read_are_not_guessed_at() -> None:
    assert plan_of(tenant(WEB), LivingCluster({}, None), {}) == [], "they may all be there already"


@pytest.mark.parametrize("surge", [0, 1])
def test_a_pool_of_another_minor_may_not_roll(surge: int) -> None:
    strategy = {"maxSurge": surge, "maxUnavailable": 1}
    old = {**WEB, "kubernetesVersion": "1.32.0", "strategy": strategy}
    before, after = tenant(old), tenant({**old, "machineType": "m3.large.x86"})
    (problem,) = skew_problems("", after, plan(before, after))
    assert problem.path == "workerPools[0].kubernetesVersion", "the key to change"
    assert "no machine of another minor" in str(problem), "who holds them back"
    assert list(skew_problems("", before, plan(before, before))) == [], "as it is, it stays as it is"
    exemption = tenant({**old, "machineType": "m3.large.x86", "annotations": {SKIP: "KubeadmVersionSkew"}})
    assert list(skew_problems("", exemption, plan(before, exemption))) == [], "who knows better says so"


SKIP = "machineset.cluster.x-k8s.io/skip-preflight-checks"
COUNTS = st.integers(0, 999)
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
REASONS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=30).map(str.strip)


@given(NAMES, NAMES, NAMES, COUNTS, COUNTS, COUNTS, REASONS)
def test_what_the_program_tells_is_what_other_code_gets(
    namespace: str, name: str, pool: str, deleted: int, rolled: int, added: int, reason: str
) -> None:
    change = PoolChange(f"{namespace}/{name}", pool, deleted, rolled, added, reason)
    assert change_in(str(change)) == change, "it must be read back"
    event = MachinesChange(stack="prod", **vars(change))
    assert event.counts() == {
        "cluster": change.cluster,
        "pool": pool,
        "deleted": deleted,
        "rolled": rolled,
        "added": added,
        "reason": reason,
    }, "nothing is lost on the way through the engine"
    assert str(event) == str(change), "and it reads the same"
    assert change_in(f"the {change}") is None, "other lines are other lines"
