"""Another `capi.contract` on a living stack: the same objects in another API version, and nothing is made anew."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet
from tests.support.lab import eventually
from tests.support.prepared_plane import prepared_plane
from tests.support.project import Project
from tests.support.settings_cases import FULL
from tests.support.two_generations import upgrade

STACK = "contract"
HARMLESS = {"same", "update", "read"}

PLURALS = {
    "clusters": "cluster.x-k8s.io/v1beta1",
    "machinedeployments": "cluster.x-k8s.io/v1beta1",
    "machinehealthchecks": "cluster.x-k8s.io/v1beta1",
    "kubeadmconfigtemplates": "bootstrap.cluster.x-k8s.io/v1beta1",
    "kamajicontrolplanes": "controlplane.cluster.x-k8s.io/v1alpha1",
    "packetclusters": "infrastructure.cluster.x-k8s.io/v1beta1",
    "packetmachinetemplates": "infrastructure.cluster.x-k8s.io/v1beta1",
}


NEWEST = {
    plural: version.replace("v1beta1", "v1beta2")
    for plural, version in PLURALS.items()
    if version.startswith(("cluster.", "bootstrap."))
}

INFRASTRUCTURE = ("PacketCluster", "PacketMachineTemplate")
"""capp has one version."""


@dataclass
class Living:
    """A stack that has come up with the older contract, and the management cluster under it, upgraded since."""

    project: Project
    plane: ManagementPlane
    fleet: Fleet
    sections: dict[str, Any]
    uids: dict[str, str] = field(default_factory=dict)

    def objects(self) -> dict[str, dict[str, Any]]:
        """All objects of the stack, by kind and name."""
        with self.plane.client() as client:
            return {
                f"{plural} {item['metadata']['name']}": item
                for plural, version in PLURALS.items()
                for item in client.get(f"/apis/{version}/namespaces/{self.fleet.namespace}/{plural}")
                .raise_for_status()
                .json()["items"]
            }

    def current_uids(self) -> dict[str, str]:
        return {name: item["metadata"]["uid"] for name, item in self.objects().items()}

    def newest(self) -> dict[str, Any]:
        """What Cluster API's controllers act on: each spec in the version that they read."""
        with self.plane.client() as client:
            return {
                f"{plural} {item['metadata']['name']}": item["spec"]
                for plural, version in NEWEST.items()
                for item in client.get(f"/apis/{version}/namespaces/{self.fleet.namespace}/{plural}")
                .raise_for_status()
                .json()["items"]
            }

    def contract(self, name: str, **extra: Any) -> None:
        self.project.configure(STACK, **{**self.sections, **extra, "capi": {"contract": name}})

    def steps(self) -> dict[str, str]:
        """What a preview would do, by URN."""
        output = self.project.pulumi("preview", "--json", "--stack", STACK).ok()
        steps = json.loads(output[output.index("{") :])["steps"]
        return {step["urn"]: step["op"] for step in steps}

    def resources(self) -> list[dict[str, Any]]:
        output = self.project.pulumi("stack", "export", "--stack", STACK).ok()
        resources: list[dict[str, Any]] = json.loads(output)["deployment"]["resources"]
        return resources


@pytest.fixture(scope="module")
def living(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with prepared_plane(tmp_path_factory.mktemp("generations")) as plane, Fleet(plane) as fleet:
        make_data_store(plane)
        sections = {
            # What lives in the tenant cluster knows no contract, and there is no tenant cluster here.
            **{key: value for key, value in FULL.items() if key not in ("network", "addons")},
            "cluster": {**FULL["cluster"], "namespace": fleet.namespace, "createNamespace": False, "paused": False},
            "management": {"kubeconfigPath": str(plane.kubeconfig)},
            "handoff": {"timeoutSeconds": 60},
        }
        instance = Living(project, plane, fleet, sections)
        project.pulumi("stack", "init", STACK).ok()
        instance.contract("v1beta1")
        project.up(STACK).ok()
        instance.uids = instance.current_uids()
        with upgrade(plane):
            yield instance


def assert_in_place(living: Living) -> None:
    """Preview and up do nothing but update, and all objects are those of before."""
    steps, content = living.steps(), living.newest()
    assert set(steps.values()) <= HARMLESS, f"a delete or replace takes the servers away: {steps}"
    assert "update" in steps.values(), f"the contract is part of the objects: {steps}"
    output = living.project.up(STACK).ok()
    assert re.findall(r" (?:created|replaced|deleted) \(", output) == [], (
        f"nothing is made anew, and nothing goes:\n{output}"
    )
    assert living.current_uids() == living.uids, "each object, each template's name and each UID is that of before"
    assert living.newest() == content, "Cluster API sees no change at all, so that no machine rolls"


@contextmanager
def refused_updates(plane: ManagementPlane, plural: str) -> Iterator[None]:
    """Let the API server refuse changes of a kind, and wait until it does."""
    path, name = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic", "frozen"
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": [plural]}
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "frozen by the test"}],
    }
    url = f"/apis/{PLURALS[plural]}/{plural}"
    with plane.client() as client:
        for part, spec in (("ies", policy), ("ybindings", {"policyName": name, "validationActions": ["Deny"]})):
            client.post(f"{path}{part}", json={"metadata": {"name": name}, "spec": spec}).raise_for_status()
        metadata = client.get(url).raise_for_status().json()["items"][0]["metadata"]
        target = f"/apis/{PLURALS[plural]}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"

        def frozen() -> bool:
            change = {"metadata": {"annotations": {"example.com/tried": str(time.monotonic())}}}
            return client.patch(
                target, json=change, params={"dryRun": "All"}, headers={"Content-Type": "application/merge-patch+json"}
            ).is_client_error

        eventually(frozen, bool, 30, "the refusal is in force")
        try:
            yield
        finally:
            for part in ("ybindings", "ies"):
                client.delete(f"{path}{part}/{name}").raise_for_status()
            eventually(frozen, lambda state: not state, 30, "the refusal is over")


def test_the_stack_has_objects_of_every_kind(living: Living) -> None:
    kinds = {name.partition(" ")[0] for name in living.uids}
    assert kinds == set(PLURALS), "or the tests below show less than they say"
    assert len(living.uids) == 14, "three pools, one without and two with a health check"


def test_an_upgrade_of_the_management_cluster_alone_changes_nothing(living: Living) -> None:
    assert set(living.steps().values()) <= {"same", "read"}, "the older contract goes on being served"


def test_the_newer_contract_is_taken_in_place(living: Living) -> None:
    living.contract("v1beta2")
    assert_in_place(living)


def test_the_objects_then_have_the_newer_shape(living: Living) -> None:
    with living.plane.client() as client:
        url = f"/apis/bootstrap.cluster.x-k8s.io/v1beta2/namespaces/{living.fleet.namespace}/kubeadmconfigtemplates"
        templates = client.get(url).raise_for_status().json()["items"]
        for template in templates:
            arguments = template["spec"]["template"]["spec"]["joinConfiguration"]["nodeRegistration"][
                "kubeletExtraArgs"
            ]
            names = [argument["name"] for argument in arguments]
            assert len(names) == len(set(names)), f"an argument is there twice: {arguments}"
            assert "provider-id" in names, f"without it no node is found: {arguments}"
        url = f"/apis/cluster.x-k8s.io/v1beta2/namespaces/{living.fleet.namespace}/clusters/full"
        reference = client.get(url).raise_for_status().json()["spec"]["controlPlaneRef"]
    assert reference["apiGroup"] == "controlplane.cluster.x-k8s.io", "a reference without a version"


def test_the_state_knows_only_the_newer_types_and_whose_deletion_takes_all(living: Living) -> None:
    resources = living.resources()
    types = {resource["type"] for resource in resources if ".x-k8s.io/" in resource["type"]}
    older = {type_ for type_ in types if "/v1beta2:" not in type_ and "/v1alpha2:" not in type_}
    assert older == {f"kubernetes:{PLURALS['packetclusters']}:{kind}" for kind in INFRASTRUCTURE}, (
        "an alias is for one run: the next state has the new types"
    )
    (cluster,) = (resource["urn"] for resource in resources if resource["type"].endswith(":Cluster"))
    for resource in resources:
        if resource["type"].endswith(("MachineDeployment", "Template", "KamajiControlPlane", "ControlPlaneEndpoint")):
            assert resource["deletedWith"] == cluster, f"{resource['urn']} would be deleted before the Cluster"


def test_a_second_run_with_the_newer_contract_changes_nothing(living: Living) -> None:
    output = living.project.up(STACK).ok()
    assert "updated" not in output, f"what the API server gives back is what was sent:\n{output}"


def test_owner_references_are_left_to_cluster_api(living: Living) -> None:
    """Cluster API sets their apiVersion to its newest, whatever the contract; a change must not fail on that."""
    merge = {"Content-Type": "application/merge-patch+json"}
    for name, item in living.objects().items():
        plural, _, object_name = name.partition(" ")
        if plural == "clusters":
            continue
        (owner,) = item["metadata"]["ownerReferences"]
        assert owner["uid"] == living.uids["clusters full"], f"{name} belongs to the Cluster"
        patch = {"metadata": {"ownerReferences": [{**owner, "apiVersion": "cluster.x-k8s.io/v1beta2"}]}}
        url = f"/apis/{PLURALS[plural]}/namespaces/{living.fleet.namespace}/{plural}/{object_name}"
        with living.plane.client() as client:
            client.patch(url, json=patch, headers=merge, params={"fieldManager": "manager"}).raise_for_status()
    labels = {**living.sections["cluster"], "labels": {"team": "b"}}
    living.contract("v1beta2", cluster=labels)
    living.project.up(STACK).ok()
    living.contract("v1beta1", cluster={**labels, "labels": {"team": "c"}})
    assert_in_place(living)
    for name, item in living.objects().items():
        assert item["metadata"]["labels"]["team"] == "c", f"{name} has taken the change"
        for owner in item["metadata"].get("ownerReferences", []):
            assert owner["apiVersion"] == "cluster.x-k8s.io/v1beta2", f"{name}: Cluster API's entry stays"


def test_the_older_contract_is_taken_again_in_place(living: Living) -> None:
    living.contract("v1beta2")
    assert_in_place(living)
    living.contract("v1beta1")
    assert_in_place(living)


def test_a_change_that_fails_halfway_goes_on_in_place(living: Living) -> None:
    """Then the state has the newer type of some objects and the older of others; all must go on with the one Cluster."""
    living.contract("v1beta2")
    with refused_updates(living.plane, "machinedeployments"):
        result = living.project.up(STACK)
    assert result.code != 0, f"the pools could not be changed:\n{result.output}"
    types = {resource["type"] for resource in living.resources()}
    assert {
        f"kubernetes:cluster.x-k8s.io/{part}" for part in ("v1beta2:Cluster", "v1beta1:MachineHealthCheck")
    } <= types, f"or it was not halfway: {types}"
    assert living.current_uids() == living.uids, "half of the change harms nothing"
    assert_in_place(living)


def test_destroy_deletes_the_cluster_through_its_present_type(living: Living) -> None:
    living.project.pulumi("state", "unprotect", "--all", "--yes", "--stack", STACK).ok()
    living.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK).ok()
    assert not [name for name in living.current_uids() if name.startswith("clusters ")], "the Cluster is gone"
