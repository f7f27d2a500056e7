"""What a killed engine left in the state, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kamaji_equinix.automation.configuration import check, sections, write_plain
from kamaji_equinix.automation.errors import ConfigurationError
from kamaji_equinix.automation.repair import recovery

Json = dict[str, Any]


def inputs(kind: str, name: str, group: str = "cluster.x-k8s.io/v1beta1") -> Json:
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": "default"}}


def resource(kind: str, name: str) -> Json:
    urn = f"urn:pulumi:dev::p::kubernetes:cluster.x-k8s.io/v1beta1:{kind}::{name}"
    return {"urn": urn, "type": f"kubernetes:cluster.x-k8s.io/v1beta1:{kind}", "inputs": inputs(kind, name)}


def state(resources: list[Json], pending: list[tuple[str, Json]]) -> Json:
    operations = [{"type": type_, "resource": entry} for type_, entry in pending]
    return {"resources": resources, "pending_operations": operations, "manifest": {"magic": "kept"}}


def living(*objects: Json) -> recovery.Find:
    by_name = {(item["kind"], item["metadata"]["name"]): item for item in objects}

    def find(manifest: Mapping[str, Any]) -> Json | None:
        return by_name.get((manifest["kind"], manifest["metadata"]["name"]))

    return find


def test_an_object_that_was_being_created_and_lives_is_entered() -> None:
    cluster = resource("Cluster", "c1")
    manager = {"manager": "pulumi-kubernetes-1", "operation": "Apply"}
    metadata = {**cluster["inputs"]["metadata"], "uid": "u1", "managedFields": [manager]}
    obj = {**cluster["inputs"], "metadata": metadata}
    after, names = recovery.settle(state([], [("creating", cluster)]), living(obj))
    assert names == ["Cluster default/c1"], "a destroy would leave it behind, with its machines"
    (entry,) = after["resources"]
    assert entry["id"] == "default/c1", "under the id that the provider would have given"
    assert entry["outputs"]["metadata"]["uid"] == "u1", "as it lives: its parts refer to it by UID"
    assert entry["outputs"]["__inputs"] == cluster["inputs"], "with what it was made from"
    assert entry["outputs"]["__fieldManager"] == "pulumi-kubernetes-1", "and whose fields it has"
    assert after["pending_operations"] == [], "and nothing is doubtful any more"
    assert after["manifest"] == {"magic": "kept"}, "all else stays"


PROVIDERS = {
    "management": "urn:pulumi:dev::p::pulumi:providers:kubernetes::management::1",
    "tenant": "urn:pulumi:dev::p::kamaji-equinix:index:TenantCluster$pulumi:providers:kubernetes::c1-tenant::2",
}


def inside(kind: str, name: str, **extra: Any) -> Json:
    """An object of the tenant cluster c1."""
    return {**resource(kind, name), "provider": PROVIDERS["tenant"], **extra}


def test_a_tenants_object_is_not_looked_up_in_the_management_cluster() -> None:
    def nowhere(_inputs: Mapping[str, Any]) -> Json | None:
        raise AssertionError("the management cluster may have another object of that name")

    cluster = inside("Cluster", "nested")
    after, names = recovery.settle(state([], [("creating", cluster)]), nowhere)
    assert (after["resources"], after["pending_operations"], names) == ([], [], []), "it is applied again"
    assert recovery.drift([cluster], nowhere) == [], "nor has it drifted there"
    assert recovery.possible_deletions(state([cluster], [("deleting", cluster)])) == [], "nor is its end awaited there"


def test_a_chart_has_no_object_that_could_drift() -> None:
    chart = {"urn": "urn:chart", "type": "kubernetes:helm.sh/v4:Chart", "custom": False}
    assert recovery.drift([chart], living()) == [], "its objects have"


def test_the_same_object_of_the_management_cluster_is_looked_up() -> None:
    cluster = {**resource("Cluster", "c1"), "provider": PROVIDERS["management"]}
    _, names = recovery.settle(state([], [("creating", cluster)]), living(cluster["inputs"]))
    assert names == ["Cluster default/c1"], "the provider tells which is which"


def tenant(name: str, provider: str) -> tuple[Json, list[Json]]:
    """A tenant cluster's Cluster, and what stands above it and its provider."""
    component = {"urn": f"urn:tenant:{name}", "type": recovery.TENANT_CLUSTER}
    provider_ = {"urn": provider.rpartition("::")[0], "type": "pulumi:providers:kubernetes", "parent": component["urn"]}
    return {**resource("Cluster", name), "parent": component["urn"]}, [component, provider_]


@pytest.mark.parametrize("loss", ["Cluster", "KamajiControlPlane"])
def test_a_tenants_objects_leave_the_state_with_what_holds_their_data(loss: str) -> None:
    their = PROVIDERS["tenant"].replace("c1", "c2")
    assert their != PROVIDERS["tenant"], "each tenant has a provider of its own"
    (cluster, above), (other, beside) = tenant("c1", PROVIDERS["tenant"]), tenant("c2", their)
    parts = {"urn": "urn:parts", "type": "kamaji-equinix:index:TenantControlPlane", "parent": above[0]["urn"]}
    plane = {**resource("KamajiControlPlane", "plane"), "parent": parts["urn"]}
    agent, config_map = (
        inside("DaemonSet", "agent", deletedWith=cluster["urn"]),
        inside("ConfigMap", "of-another-program"),
    )
    elsewhere = {**inside("DaemonSet", "other", deletedWith=other["urn"]), "provider": their}
    depends = {"dependencies": [agent["urn"], other["urn"]], "propertyDependencies": {"a": [agent["urn"]], "b": None}}
    after = {**resource("Secret", "after"), **depends}
    survivors = [*above, cluster, parts, plane, *beside, other, elsewhere]
    before = state([*survivors, agent, config_map, after], [])
    losses = recovery.clusters_by_name(before, ["Cluster default/c1"]) if loss == "Cluster" else [plane]
    result, objects = recovery.without_tenants(before, losses)
    assert objects == sorted([agent["urn"], config_map["urn"]]), "no API server is left to tell that they are gone"
    assert [entry["urn"] for entry in result["resources"]] == [entry["urn"] for entry in (*survivors, after)], (
        "those of a cluster that lives stay"
    )
    assert result["resources"][-1]["dependencies"] == [other["urn"]], "nothing depends on what is not there"
    assert result["resources"][-1]["propertyDependencies"] == {"a": [], "b": []}, "in no property either"


def test_an_object_that_was_never_created_is_dropped() -> None:
    after, names = recovery.settle(state([], [("creating", resource("Cluster", "c1"))]), living())
    assert (after["resources"], names) == ([], []), "there is nothing to know"


def test_an_object_that_a_later_run_created_is_not_entered_twice() -> None:
    entry = {**resource("Cluster", "c1"), "id": "default/c1"}
    pending = resource("Cluster", "c1")
    after, names = recovery.settle(state([entry], [("creating", pending)]), living(pending["inputs"]))
    assert (after["resources"], names) == ([entry], []), "one URN stands for one object"


def test_a_hand_off_that_was_under_way_is_dropped() -> None:
    pending = {"urn": "urn:x", "type": "pulumi-python:dynamic/kamaji-equinix:ControlPlaneEndpoint", "inputs": {}}
    after, names = recovery.settle(state([], [("creating", pending)]), living())
    assert (after["resources"], names) == ([], []), "it is no object: the next run does it again"


def test_a_cluster_that_goes_is_waited_for() -> None:
    cluster = resource("Cluster", "c1")
    remnant = {**cluster["inputs"], "metadata": {**cluster["inputs"]["metadata"], "deletionTimestamp": "now"}}
    answers = [remnant, remnant, None]
    pauses: list[str] = []
    names = recovery.await_deletions(
        recovery.possible_deletions(state([cluster], [])), lambda _: answers.pop(0), pauses.append
    )
    assert names == ["Cluster default/c1"], "an up that took it for unchanged would build around nothing"
    assert len(pauses) == 2, f"each look but the last: {pauses}"


def test_a_cluster_that_was_being_deleted_and_is_gone_is_told() -> None:
    cluster = resource("Cluster", "c1")
    candidates = recovery.possible_deletions(state([cluster], [("deleting", cluster)]))
    assert recovery.await_deletions(candidates, living(), lambda _: None) == ["Cluster default/c1"], (
        "its end was awaited by nobody"
    )


def test_a_cluster_that_is_missing_without_a_sign_is_not_forgotten() -> None:
    cluster = resource("Cluster", "c1")
    part = {**resource("PacketCluster", "c1"), "deletedWith": cluster["urn"]}
    candidates = recovery.possible_deletions(state([cluster, part], []))
    assert recovery.await_deletions(candidates, living(), lambda _: None) == [], (
        "the credentials may lead to another cluster"
    )


def test_a_cluster_whose_parts_the_state_holds_no_longer_was_being_deleted() -> None:
    candidates = recovery.possible_deletions(state([resource("Cluster", "c1")], []))
    assert recovery.await_deletions(candidates, living(), lambda _: None) == ["Cluster default/c1"], (
        "a destroy that was interrupted leaves no other sign, and an up would build around nothing"
    )


def test_other_objects_are_asked_for_only_where_their_deletion_was_under_way() -> None:
    pool, plane = resource("MachineDeployment", "a"), resource("KamajiControlPlane", "cp")
    deletions = recovery.possible_deletions(state([pool, plane], [("deleting", pool)]))
    assert [(entry["kind"], is_deletion) for entry, is_deletion in deletions] == [("MachineDeployment", True)], (
        "a run costs no more than needed"
    )


SECTIONS: Json = {
    "cluster": {"name": "c1", "kubernetesVersion": "1.33.0"},
    "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
    "workerPools": [{"name": "a", "replicas": 2, "machineType": "c3.small.x86", "labels": {"tier": "web"}}],
    "management": {"kubeconfigPath": "management.kubeconfig"},
}


def test_settings_come_back_the_same_from_a_stacks_configuration(tmp_path: Path) -> None:
    settings = check(SECTIONS)
    document = sections(settings, tmp_path)
    assert check(document).clusters == settings.clusters, "nothing is lost on the way"
    path = document["management"]["kubeconfigPath"]
    assert path == str(tmp_path / "management.kubeconfig"), "the engine may run in another folder"


def test_wrong_settings_are_one_error_of_the_family() -> None:
    with pytest.raises(ConfigurationError) as error:
        check({**SECTIONS, "clutser": {}, "metal": {"metro": "da"}})
    assert len(error.value.problems) == 2, f"all mistakes at once: {error.value}"


def test_what_else_stands_in_a_stacks_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(yaml.safe_dump({"encryptionsalt": "v1:x", "config": {"aws:region": "x", "kamaji-equinix:capi": 1}}))
    write_plain(path, {"capi": {"contract": "v1beta2"}})
    assert yaml.safe_load(path.read_text()) == {
        "encryptionsalt": "v1:x",
        "config": {"aws:region": "x", "kamaji-equinix:capi": {"contract": "v1beta2"}},
    }, "pulumi keeps its salt there, and other packages their keys"
