"""The table of what a change does to a living cluster: complete, and true of what this program does."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from kamaji_equinix.components.capi.kinds import TENANT_CONTROL_PLANE
from kamaji_equinix.components.checks import changes, departures
from kamaji_equinix.components.checks.living_cluster import LivingCluster
from kamaji_equinix.components.checks.machines import plan_of
from kamaji_equinix.components.checks.pool_change import PoolChange
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.effects import EFFECTS, effect
from kamaji_equinix.components.settings.model import StackSettings, TenantClusterSettings
from kamaji_equinix.components.settings.schema import table

from tests.support.setting_changes import CHANGES, ELSEWHERE, stack, tenant

Json = dict[str, Any]

LOUD = {
    "cluster.kubernetesVersion": "the order of the upgrade is told",
    "controlPlane.version": "the order of the upgrade is told",
    "workerPools[].name": "the machines of both pools are told",
}
"""Settings with care that are told in another way than by a line of their own."""


def keys() -> list[str]:
    """All settings, as docs/settings.md lists them."""
    return re.findall(r"^\| `([^`]+)` \|", table(), re.M)


def leaves() -> Iterator[str]:
    """The settings that are no sections."""
    all_keys = keys()
    for key in all_keys:
        if not any(other != key and other.startswith((f"{key}.", f"{key}[")) for other in all_keys):
            yield key


def test_each_setting_has_an_effect_and_each_row_a_setting() -> None:
    all_keys = {key.replace("[]", "") for key in keys()} | {key.partition(".")[0].replace("[]", "") for key in keys()}
    for key in keys():
        effect(key)
    assert {key.replace("[]", "") for key in EFFECTS} <= all_keys, "a row about nothing is out of date"
    with pytest.raises(KeyError):
        effect("nothing.like.it")


def test_each_setting_has_a_change_here() -> None:
    rows = {key for key, _, _ in CHANGES}
    missing = [key for key in leaves() if key not in rows and not key.startswith(ELSEWHERE)]
    assert missing == [], "what a new setting does to a living cluster has to be said, and tested"


def living(before: TenantClusterSettings) -> tuple[LivingCluster, Json]:
    """What lives of settings that were applied, and the stack's state."""
    objects = copy.deepcopy(documents(before))
    for item in objects:
        if item["kind"] == "MachineDeployment":
            item["spec"].setdefault("replicas", 2)
        if item["kind"] == "Cluster":
            item["spec"]["controlPlaneEndpoint"] = {"host": "198.51.100.1", "port": 6443}
    state = {
        f"urn:x$kubernetes:{item['apiVersion']}:{item['kind']}::{index}": {"outputs": item}
        for index, item in enumerate(objects)
    }
    by_kind = {item["kind"]: item for item in objects}
    version = f"v{before.control_plane_version}"
    by_kind[TENANT_CONTROL_PLANE.name] = {
        "kind": TENANT_CONTROL_PLANE.name,
        "spec": {
            "kubernetes": {"version": version},
            "dataStoreSchema": before.control_plane.data_store_schema or "made_up",
            "networkProfile": {"port": before.cluster.api_server_port or 6443},
        },
        "status": {"kubernetesResources": {"version": {"version": version}}},
    }
    return LivingCluster(by_kind, tuple(item for item in objects if item["kind"] == "MachineDeployment")), state


def outcome(before: TenantClusterSettings, new: StackSettings) -> tuple[list[str], list[str], list[PoolChange]]:
    """What is refused, by its key; what is told; and what happens to machines."""
    cluster, state = living(before)
    identity = departures.AppliedCluster(before.cluster.name, before.cluster.namespace)
    (after,) = new.clusters
    problems = departures.problems(departures.absent([identity], new), new, [identity])
    objects = changes.of_objects(list(cluster.objects.values()))
    if not problems:
        problems += changes.check_cluster(objects, after)
    messages = list(changes.careful("", objects, changes.of_settings(after)))
    return [problem.path for problem in problems], messages, plan_of(after, cluster, state)


@pytest.mark.parametrize(("key", "before", "after"), CHANGES, ids=[key for key, _, _ in CHANGES])
def test_a_change_has_the_effect_that_the_table_says(key: str, before: Json, after: Json) -> None:
    refusals, messages, machines = outcome(tenant(before), stack(after))
    consequence = effect(key).how
    assert refusals == ([key] if consequence == "never" else []), "refused is what can never be, and nothing else"
    rolls = sum(change.rolled for change in machines)
    if consequence == "never":
        return
    if consequence == "rolls machines":
        expected = 0 if key == "workerPools[].rolloutAfter" else 2
        assert rolls >= expected or rolls == 2, f"both machines roll: {machines}"
    elif key not in LOUD:
        assert rolls == 0, f"no machine rolls: {machines}"
    if consequence == "with care" and key not in LOUD:
        assert [line.partition(" changes from ")[0] for line in messages] == [key], "what follows is told"
    elif consequence != "with care":
        assert messages == [], "nothing else is"


@pytest.mark.parametrize(("key", "before", "after"), CHANGES, ids=[key for key, _, _ in CHANGES])
def test_settings_that_stay_as_they_are_have_no_effect(key: str, before: Json, after: Json) -> None:
    for change in (before, after):
        assert outcome(tenant(change), stack(change)) == ([], [], []), f"{key}: nothing changes"


def test_the_control_planes_address_is_free_until_the_cluster_has_taken_one_over() -> None:
    cluster, _ = living(tenant({}))
    del cluster.objects["Cluster"]["spec"]["controlPlaneEndpoint"]
    objects = changes.of_objects(list(cluster.objects.values()))
    for key, _, after in CHANGES:
        if key in changes.ADDRESS:
            refusals = [problem.path for problem in changes.check_cluster(objects, tenant(after))]
            assert refusals == [], f"{key} may be what keeps it from coming up"


def test_the_address_that_is_in_use_may_be_pinned() -> None:
    cluster, _ = living(tenant({}))
    objects = changes.of_objects(list(cluster.objects.values()))
    network = {"serviceAddress": "198.51.100.1"}
    assert changes.check_cluster(objects, tenant({"controlPlane": {"network": network}})) == [], "it stays where it is"
    pinned, _ = living(tenant({"controlPlane": {"network": network}}))
    objects = changes.of_objects(list(pinned.objects.values()))
    (problem,) = changes.check_cluster(objects, tenant({}))
    assert problem.path == "controlPlane.network.serviceAddress", "but without it, it may move"


def test_allow_replacement_is_no_way_around_what_the_controllers_refuse() -> None:
    cluster, _ = living(tenant({}))
    objects = changes.of_objects(list(cluster.objects.values()))
    for key in ("metal.projectId", "cluster.podCidrs", "cluster.apiServerPort"):
        (after,) = (after for name, _, after in CHANGES if name == key)
        (problem,) = changes.check_cluster(objects, tenant(after, {"cluster": {"allowReplacement": True}}))
        assert problem.path == key, "the engine would change the living object, not replace the cluster"
        assert "under another cluster.name" in str(problem), "which is the way"


def test_source_ranges_neither_come_nor_go() -> None:
    ranges = {"controlPlane": {"network": {"loadBalancerSourceRanges": ["203.0.113.0/24"]}}}
    for before, after in (({}, ranges), (ranges, {})):
        refusals, _, _ = outcome(tenant(before), stack(after))
        assert refusals == ["controlPlane.network.loadBalancerSourceRanges"], "upstream refuses it, or does nothing"
