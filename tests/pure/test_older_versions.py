"""Objects whose API version the management cluster converts, or serves no longer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kamaji_equinix.automation.repair.recovery import live_version
from kamaji_equinix.components.checks.references import bootstrap_versions

NEWER = "bootstrap.cluster.x-k8s.io/v1beta2"


def deployment(core: str, **reference: str) -> dict[str, Any]:
    spec = {"template": {"spec": {"bootstrap": {"configRef": {"kind": "KubeadmConfigTemplate", **reference}}}}}
    outputs = {"metadata": {"namespace": "racks", "name": "one-pool"}, "spec": spec}
    return {"type": f"kubernetes:cluster.x-k8s.io/{core}:MachineDeployment", "outputs": outputs}


def test_a_reference_is_known_as_the_api_server_gave_it_back() -> None:
    state = {"urn:a": deployment("v1beta1", apiVersion=NEWER), "urn:b": {"type": "pulumi:pulumi:Stack"}}
    assert bootstrap_versions(state) == {("racks", "one-pool"): NEWER}


def test_of_the_newer_contract_no_reference_has_a_version() -> None:
    assert bootstrap_versions({"urn:a": deployment("v1beta2", apiGroup="bootstrap.cluster.x-k8s.io")}) == {}


def test_an_object_that_was_never_read_says_nothing() -> None:
    assert bootstrap_versions({"urn:a": {**deployment("v1beta1"), "outputs": None}}) == {}


def resource_of(version: str) -> dict[str, Any]:
    return {
        "inputs": {"apiVersion": version, "kind": "KamajiControlPlane", "metadata": {"name": "a", "namespace": "b"}}
    }


def test_an_object_of_a_version_that_is_gone_is_looked_for_in_the_other() -> None:
    newer = "controlplane.cluster.x-k8s.io/v1alpha2"

    def find(inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return inputs if inputs["apiVersion"] == newer else None

    assert live_version(resource_of("controlplane.cluster.x-k8s.io/v1alpha1"), find) == newer
    assert live_version(resource_of(newer), lambda _inputs: None) == "", "what is nowhere is deleted"
    assert live_version(resource_of("v1"), find) == "", "a kind of one version has no other"
