"""The table of what a change does to a living cluster, row by row against the real webhooks and controllers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml
from kamaji_equinix.components.capi.contract import CONTRACTS
from kamaji_equinix.components.capi.kinds import TENANT_CONTROL_PLANE
from kamaji_equinix.components.checks import admission
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.management import management_access
from kamaji_equinix.components.kube.objects import Kube, plural
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.manifests.tenant import differences, tenant_control_plane
from kamaji_equinix.components.settings.effects import effect
from kamaji_equinix.components.settings.model import ManagementSettings

from tests.support.dry_run import create_namespaces
from tests.support.generation import generation, sections
from tests.support.interruptions import require_absence
from tests.support.lab import Lab, eventually
from tests.support.setting_changes import CHANGES, tenant

Json = dict[str, Any]

NAMESPACE = "effects"
CLUSTERS = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/{NAMESPACE}/clusters"
INFRASTRUCTURE = f"/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/{NAMESPACE}/packetclusters"
READY: Json = {"status": {"ready": True}}
MERGE = {"Content-Type": "application/merge-patch+json"}
PLANES = f"/apis/{CONTRACTS[generation().contract].control_plane}/namespaces/{NAMESPACE}/kamajicontrolplanes"

REFUSED_UPSTREAM = {
    "cluster.serviceDomain": "changing the cluster domain is not supported",
    "controlPlane.dataStoreSchema": "changing the dataStoreSchema is not supported",
    "controlPlane.network.loadBalancerClass": "LoadBalancerClass",
    # Its provider never takes a load balancer's class away.
    "controlPlane.network.serviceType": "LoadBalancerClass is supported only with LoadBalancer service type",
    "metal.projectId": "field is immutable",
    "metal.vipManager": "field is immutable",
}
"""What a webhook or a schema refuses, in its words. The others that never change are refused by this program alone, because
nodes, Services or the Cluster would go on with the old value; or they are names, which make other objects."""

NAMES = ("cluster.name", "cluster.namespace", "controlPlane.name", "workerPools[].name")


# Of what may only be given when a cluster is made, something is given: else nothing could change.
SETTINGS: Json = {
    **sections(),
    "cluster": {"serviceDomain": "a.example", "apiServerPort": 6444},
    "controlPlane": {
        "dataStoreSchema": "one",
        "network": {"loadBalancerClass": "example.org/one", "loadBalancerSourceRanges": ["203.0.113.0/24"]},
    },
    "workerPools": [{"replicas": 0}],
}
WITHOUT_BALANCER = {"loadBalancerClass": "DELETE", "loadBalancerSourceRanges": "DELETE"}


@dataclass
class Living:
    """A control plane that lives, without machines."""

    lab: Lab
    api: Api
    client: httpx.Client
    documents: list[Json]

    def apply(self, document: Json, *, dry_run: bool = False) -> httpx.Response:
        """Apply a manifest as the engine does."""
        version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
        return self.client.patch(
            f"/apis/{version}/namespaces/{metadata['namespace']}/{plural(kind)}/{metadata['name']}",
            params={"fieldManager": "effects", "force": "true", **({"dryRun": "All"} if dry_run else {})},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=yaml.safe_dump(document).encode(),
        )

    def tenant(self) -> Json | None:
        """The TenantControlPlane that Kamaji's provider has made."""
        return Kube(self.api, NAMESPACE).find(TENANT_CONTROL_PLANE, f"{NAMESPACE}-control-plane")

    def refusals(self, *changes: Json) -> list[str]:
        """What real webhooks say to changes."""
        after = documents(tenant(SETTINGS, *changes))
        edits = [item for item in after if item not in self.documents and item["kind"] != "Namespace"]
        texts = [answer.json()["message"] for item in edits if (answer := self.apply(item, dry_run=True)).is_error]
        if {"Cluster", "KamajiControlPlane"} & {item["kind"] for item in edits}:
            by_kind = {item["kind"]: item for item in after}
            verdict = admission.ask(self.api, by_kind["Cluster"], by_kind["KamajiControlPlane"], self.tenant())
            assert not verdict.note, f"Kamaji must be asked, or nothing is tested: {verdict.note}"
            texts += filter(None, [verdict.refusal])
        return texts


@pytest.fixture(scope="module")
def living(lab: Lab) -> Iterator[Living]:
    api = Api(management_access(ManagementSettings(kubeconfig_path=str(lab.kubeconfig))))
    with lab.management() as client:
        stores = "/apis/kamaji.clastix.io/v1alpha1/datastores"
        second = {**client.get(f"{stores}/default").raise_for_status().json(), "metadata": {"name": "second"}}
        second.pop("status", None)
        client.post(stores, json=second).raise_for_status()
        instance = Living(lab, api, client, documents(tenant(SETTINGS)))
        create_namespaces(client, instance.documents)
        for document in instance.documents:
            instance.apply(document).raise_for_status()
        eventually(instance.tenant, bool, 60, "a TenantControlPlane")
        yield instance
        client.delete(f"{CLUSTERS}/{NAMESPACE}").raise_for_status()
        require_absence(lab, NAMESPACE)
        client.delete(f"{stores}/second").raise_for_status()
        client.delete(f"/api/v1/namespaces/{NAMESPACE}").raise_for_status()
    api.close()


def test_what_kamaji_is_asked_about_is_what_its_provider_makes(living: Living) -> None:
    """Else the dry-run would ask about something else: the real provider made this one of the same two manifests."""
    by_kind = {item["kind"]: item for item in living.documents}
    expected = tenant_control_plane(by_kind["Cluster"], by_kind["KamajiControlPlane"])
    assert differences(expected, living.tenant() or {}) == {}, "field by field"


ROWS = [(key, after) for key, _, after in CHANGES if key not in NAMES and key != "capi.contract"]


@pytest.mark.parametrize(("key", "after"), ROWS, ids=[key for key, _ in ROWS])
def test_the_real_webhooks_agree_with_the_table(living: Living, key: str, after: Json) -> None:
    others = [{"controlPlane": {"network": WITHOUT_BALANCER}}] if key == "controlPlane.network.serviceType" else []
    refusals = living.refusals(*others, after)
    if key in REFUSED_UPSTREAM:
        assert effect(key).how == "never", "the table says so before anybody is asked"
        assert any(REFUSED_UPSTREAM[key] in text for text in refusals), f"it is refused in these words: {refusals}"
    else:
        assert refusals == [], "whoever decides it takes it"


def test_a_refused_version_is_refused_by_the_dry_run_too(living: Living) -> None:
    for version, words in (("1.33.5", "greater than the supported one"), ("1.31.9", "unable to downgrade")):
        (text,) = living.refusals({"cluster": {"kubernetesVersion": version}})
        assert words in text, f"{version}: {text}"


def test_cluster_api_keeps_the_first_address_whatever_becomes_of_the_port(living: Living) -> None:
    """Why ``cluster.apiServerPort`` and its like never change: new machines would be told the old address for ever."""

    def ports() -> tuple[Any, Any]:
        plane = living.client.get(f"{PLANES}/{NAMESPACE}-control-plane").raise_for_status().json()
        cluster = living.client.get(f"{CLUSTERS}/{NAMESPACE}").raise_for_status().json()
        first, second = (item["spec"].get("controlPlaneEndpoint", {}).get("port") for item in (plane, cluster))
        return first, second

    eventually(ports, lambda values: values[0] == 6444, 300, "Kamaji publishes an address")
    plane = living.client.get(f"{PLANES}/{NAMESPACE}-control-plane").raise_for_status().json()
    for part, content in (
        ("", {"spec": {"controlPlaneEndpoint": plane["spec"]["controlPlaneEndpoint"]}}),
        ("/status", READY),
    ):
        living.client.patch(f"{INFRASTRUCTURE}/{NAMESPACE}{part}", json=content, headers=MERGE).raise_for_status()
    eventually(ports, lambda values: values == (6444, 6444), 300, "Cluster API takes the address over")
    manifests = documents(tenant(SETTINGS, {"cluster": {"apiServerPort": 6445}}))
    living.apply(next(item for item in manifests if item["kind"] == "Cluster")).raise_for_status()
    # Kamaji's provider does not watch Clusters (SetupWithManager of its controller): it looks when its own object changes.
    touch = {"metadata": {"annotations": {"effects.example.com/port": "6445"}}}
    living.client.patch(f"{PLANES}/{NAMESPACE}-control-plane", json=touch, headers=MERGE).raise_for_status()
    values = eventually(ports, lambda values: values[0] == 6445, 300, "Kamaji moves the control plane")
    assert values == (6445, 6444), "the Cluster holds the old address"
