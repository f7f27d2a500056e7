"""Changes that would delete what lives, or that a controller refuses."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components.checks import changes, departures
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import StackSettings
from kamaji_equinix.components.settings.report import Problem

from tests.support.settings_cases import configuration

OTHER_PROJECT = "0b8a6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"


def stack(**difference: Any) -> StackSettings:
    """A stack's settings."""
    return load_stack(configuration(**difference))


def refusals(old: StackSettings, new: StackSettings) -> list[Problem]:
    """What of a change of settings, of which the old ones have come to life, can't be done."""
    before = [
        departures.AppliedCluster(cluster.name, cluster.namespace, allow_replacement=cluster.allow_replacement)
        for cluster in (tenant.cluster for tenant in old.clusters)
    ]
    living = {tenant.cluster.name: changes.of_settings(tenant) for tenant in old.clusters}
    problems = departures.problems(departures.absent(before, new), new, before)
    for index, tenant in enumerate(new.clusters):
        if tenant.cluster.name in living:
            problems += changes.check_cluster(living[tenant.cluster.name], tenant, departures.base_of(index, new))
    return problems


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (
            {"cluster": {"name": "other"}},
            "cluster.name",
            "prod would be deleted with all its machines, and other created",
        ),
        ({"cluster": {"namespace": "other"}}, "cluster.namespace", "is default in the living cluster"),
        ({"controlPlane": {"name": "other"}}, "controlPlane.name", "is prod-control-plane in the living cluster"),
        ({"metal": {"projectId": OTHER_PROJECT}}, "metal.projectId", "capp refuses to move a living cluster"),
        ({"metal": {"vipManager": "KUBE_VIP"}}, "metal.vipManager", "is EMLB in the living cluster"),
        ({"cluster": {"podCidrs": ["10.0.0.0/16"]}}, "cluster.podCidrs", "is 192.168.0.0/16 in the living cluster"),
        ({"cluster": {"serviceCidrs": ["10.0.0.0/16"]}}, "cluster.serviceCidrs", "is 172.26.0.0/16"),
        (
            {"controlPlane": {"network": {"loadBalancerClass": "a/b"}}},
            "controlPlane.network.loadBalancerClass",
            "is not set in the living cluster",
        ),
        ({"cluster": {"kubernetesVersion": "1.32.9"}}, "cluster.kubernetesVersion", "Kamaji refuses to go back"),
        ({"cluster": {"kubernetesVersion": "1.35.0"}}, "cluster.kubernetesVersion", "skips a minor"),
    ],
)
def test_a_change_that_would_break_is_named_with_its_reason(change: dict[str, Any], path: str, words: str) -> None:
    (problem,) = refusals(stack(), stack(**change))
    assert problem.path == path, "the key to look at"
    assert words in str(problem), "what would happen"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"cluster": {"kubernetesVersion": "1.33.7"}},
        {"cluster": {"kubernetesVersion": "1.34.0"}},
        {"cluster": {"paused": True}},
        {"cluster": {"labels": {"a": "b"}}},
        {"controlPlane": {"replicas": 3}},
        {"metal": {"metro": "sv"}},
        {"workerPools": []},
        {"workerPools": [{"name": "b", "machineType": "m3.large.x86"}]},
        {"capi": {"contract": "v1beta2"}},
    ],
)
def test_other_changes_pass(change: dict[str, Any]) -> None:
    assert refusals(stack(), stack(**change)) == [], "they happen in place"


def test_a_change_that_the_stack_allows_passes() -> None:
    permission = {"namespace": "other", "allowReplacement": True}
    assert refusals(stack(), stack(cluster=permission)) == [], "it was asked for"


def test_permission_to_replace_is_none_to_go_back() -> None:
    new = stack(cluster={"kubernetesVersion": "1.31.0", "allowReplacement": True})
    assert [problem.path for problem in refusals(stack(), new)] == ["cluster.kubernetesVersion"], "Kamaji refuses it"


def test_a_cluster_that_leaves_the_list_is_missed_until_it_was_allowed_to() -> None:
    both = {"clusters": [{"cluster": {"name": "a"}}, {"cluster": {"name": "b"}}, {"cluster": {"name": "c"}}]}
    rest = {"clusters": [{"cluster": {"name": "a"}}, {"cluster": {"name": "c"}}]}
    (problem,) = refusals(stack(**both), stack(**rest))
    assert "lacks the living cluster b" in str(problem), "by name"
    both["clusters"][1]["cluster"]["allowReplacement"] = True  # type: ignore[assignment]
    assert refusals(stack(**both), stack(**rest)) == [], "after the permission was applied"


def test_paths_name_the_cluster_in_the_list() -> None:
    old = {"clusters": [{"cluster": {"name": "a"}}, {"cluster": {"name": "b"}}]}
    new = {"clusters": [{"cluster": {"name": "a"}}, {"cluster": {"name": "b", "namespace": "x"}}]}
    (problem,) = refusals(stack(**old), stack(**new))
    assert problem.path == "clusters[1].cluster.namespace", "the second cluster"


def test_objects_as_the_api_server_returns_them_are_compared_alike() -> None:
    objects = documents(stack().clusters[0])
    for item in objects:
        item["metadata"]["uid"] = "0"
        item["spec"]["controlPlaneEndpoint"] = {"host": "192.0.2.1", "port": 6443}
        item["status"] = {}
    living = changes.of_objects(objects)
    assert changes.check_cluster(living, stack().clusters[0]) == [], "what controllers add is no change"
    (problem,) = changes.check_cluster(living, stack(metal={"projectId": OTHER_PROJECT}).clusters[0])
    assert problem.path == "metal.projectId", "what the settings change is one"


def test_a_renamed_control_plane_is_noticed_though_nothing_is_found_under_its_new_name() -> None:
    objects = [item for item in documents(stack().clusters[0]) if item["kind"] != "KamajiControlPlane"]
    (problem,) = changes.check_cluster(changes.of_objects(objects), stack(controlPlane={"name": "other"}).clusters[0])
    assert problem.path == "controlPlane.name", "the Cluster refers to the old one"


def test_a_half_made_cluster_can_be_compared() -> None:
    (cluster, *_) = documents(stack().clusters[0])
    assert changes.check_cluster(changes.of_objects([cluster]), stack().clusters[0]) == [], (
        "what is not there can't change"
    )
    with pytest.raises(ValueError, match="has a Cluster object"):
        changes.of_objects([])


URN = "urn:pulumi:prod::kamaji-equinix::kamaji-equinix:index:TenantCluster$kubernetes:cluster.x-k8s.io/v1beta1:Cluster::prod"


def state(**annotations: str) -> dict[str, Any]:
    """A stack's state with one cluster, as the engine tells it."""
    metadata = {"name": "prod", "namespace": "default", "uid": "1", "annotations": annotations}
    return {
        "urn:pulumi:prod::kamaji-equinix::pulumi:pulumi:Stack::kamaji-equinix-prod": {
            "outputs": {"clusterName": "prod"}
        },
        URN: {"outputs": {"metadata": metadata}},
        f"{URN}-half-made": {"outputs": {}},
        "urn:pulumi:prod::kamaji-equinix::kubernetes:cluster.x-k8s.io/v1beta1:Cluster::another": {
            "outputs": {"metadata": {"name": "another"}}
        },
    }


def test_the_clusters_of_a_state_are_read_from_it_in_either_generation() -> None:
    clusters = departures.clusters_in_state(state())
    assert clusters == [departures.AppliedCluster("prod", "default", "1")], (
        "a Cluster of another program's own is none of these"
    )
    newer = {urn.replace("v1beta1", "v1beta2"): resource for urn, resource in state().items()}
    assert departures.clusters_in_state(newer) == clusters, "whatever API version the last run used"
    assert departures.clusters_in_state({}) == [], "a first run has none"


def test_the_permission_in_a_state_is_read_too() -> None:
    (cluster,) = departures.clusters_in_state(state(**{departures.ALLOW_REPLACEMENT: "true"}))
    assert cluster.allow_replacement, "it was applied"
    (cluster,) = departures.clusters_in_state(state(**{departures.ALLOW_REPLACEMENT: "false"}))
    assert not cluster.allow_replacement, "only true allows"


def test_a_cluster_in_its_place_is_not_missed() -> None:
    clusters = departures.clusters_in_state(state())
    assert departures.absent(clusters, stack()) == [], "name and namespace are those of before"
    assert departures.absent(clusters, stack(cluster={"namespace": "other"})) == clusters, (
        "another namespace is another object"
    )
    assert departures.absent(clusters, stack(cluster={"name": "other"})) == clusters, "so is another name"


def test_a_moved_cluster_is_named_with_its_place_in_the_list() -> None:
    new = stack(clusters=[{"cluster": {"name": "a"}}, {"cluster": {"name": "prod", "namespace": "other"}}])
    (problem,) = departures.problems(departures.clusters_in_state(state()), new, departures.clusters_in_state(state()))
    assert problem.path == "clusters[1].cluster.namespace", "the second cluster"
    assert "is default in the living cluster" in str(problem), "where it lives"
    permission = stack(clusters=[{"cluster": {"name": "prod", "namespace": "other", "allowReplacement": True}}])
    assert (
        departures.problems(departures.clusters_in_state(state()), permission, departures.clusters_in_state(state()))
        == []
    ), "it was asked for"
