"""The table of what a change does to a living cluster, row by row against the real webhooks and controllers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import yaml
from kamaji_equinix.components.capi.kinds import TENANT_CONTROL_PLANE
from kamaji_equinix.components.checks import admission
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.management import management_access
from kamaji_equinix.components.kube.objects import Kube
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.effects import effect
from kamaji_equinix.components.settings.model import ManagementSettings, TenantClusterSettings

from tests.support.dry_run import create_namespaces
from tests.support.interrupting import gone
from tests.support.lab import Lab, eventually
from tests.support.setting_changes import CHANGES, tenant

Json = dict[str, Any]

NAMESPACE = "effects"
MERGE = {"Content-Type": "application/merge-patch+json"}
CLUSTERS = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/{NAMESPACE}/clusters"
PLANES = f"/apis/controlplane.cluster.x-k8s.io/v1alpha1/namespaces/{NAMESPACE}/kamajicontrolplanes"

REFUSED_UPSTREAM = {
    "cluster.serviceDomain": "changing the cluster domain is not supported",
    "controlPlane.dataStoreSchema": "changing the dataStoreSchema is not supported",
    "controlPlane.network.loadBalancerClass": "LoadBalancerClass",
    "metal.projectId": "field is immutable",
    "metal.vipManager": "field is immutable",
}
"""What a webhook or a schema refuses, in its words. The others that never change are refused by this program alone, because
nodes, Services or the Cluster would go on with the old value; or they are names, which make other objects."""

NAMES = ("cluster.name", "cluster.namespace", "controlPlane.name", "workerPools[].name")


@dataclass
class Living:
    """Control planes that live, without machines, each of the settings that some rows change."""

    lab: Lab
    api: Api
    made: dict[str, TenantClusterSettings] = field(default_factory=dict)

    def apply(self, client: httpx.Client, document: Json, *, dry_run: bool = False) -> httpx.Response:
        """Apply a manifest as the engine does."""
        version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        return client.patch(
            f"{prefix}{namespace}/{kind.lower()}s/{metadata['name']}",
            params={"fieldManager": "effects", "force": "true", **({"dryRun": "All"} if dry_run else {})},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=yaml.safe_dump(document).encode(),
        )

    def of(self, before: Json) -> str:
        """The name of a living cluster with some settings; made where none has them."""
        key = yaml.safe_dump(without_machines(before))
        if key not in self.made:
            settings = tenant(without_machines(before), name=f"effects-{len(self.made)}")
            with self.lab.management() as client:
                found = documents(settings)
                create_namespaces(client, found)
                for document in found:
                    self.apply(client, document).raise_for_status()
            self.made[key] = settings
            name = settings.control_plane_name
            kube = Kube(self.api, NAMESPACE)
            eventually(lambda: kube.find(TENANT_CONTROL_PLANE, name), bool, 30, f"TenantControlPlane {name}")
        return self.made[key].cluster.name

    def refusals(self, key: str, before: Json, after: Json) -> list[str]:
        """What real webhooks say to a change of one setting."""
        name = self.of(before)
        found = documents(tenant(without_machines(after), name=name))
        with self.lab.management() as client:
            answers = [self.apply(client, document, dry_run=True) for document in found]
        texts = [answer.json()["message"] for answer in answers if answer.is_error]
        by_kind = {document["kind"]: document for document in found}
        plane = by_kind["KamajiControlPlane"]
        living = Kube(self.api, NAMESPACE).find(TENANT_CONTROL_PLANE, plane["metadata"]["name"])
        verdict = admission.ask(self.api, by_kind["Cluster"], plane, living)
        assert not verdict.note, f"Kamaji must be asked, or {key} is not tested: {verdict.note}"
        return [*texts, *filter(None, [verdict.refusal])]


def without_machines(change: Json) -> Json:
    """A change with no machine to buy."""
    (pool,) = change.get("workerPools", [{}])
    sized = {} if "min" in pool else {"replicas": 0}
    return {**copy.deepcopy(change), "workerPools": [{**pool, **sized}]}


@pytest.fixture(scope="module")
def living(lab: Lab) -> Iterator[Living]:
    api = Api(management_access(ManagementSettings(kubeconfig_path=str(lab.kubeconfig))))
    found = Living(lab, api)
    with lab.management() as client:
        stores = "/apis/kamaji.clastix.io/v1alpha1/datastores"
        default = client.get(f"{stores}/default").raise_for_status().json()
        second = {**default, "metadata": {"name": "second"}}
        second.pop("status", None)
        client.post(stores, json=second).raise_for_status()
    yield found
    with lab.management() as client:
        for settings in found.made.values():
            client.delete(f"{CLUSTERS}/{settings.cluster.name}").raise_for_status()
        for settings in found.made.values():
            gone(lab, settings.cluster.name)
        client.delete(f"{stores}/second").raise_for_status()
        client.delete(f"/api/v1/namespaces/{NAMESPACE}").raise_for_status()
    api.close()


ROWS = [(key, before, after) for key, before, after in CHANGES if key not in NAMES and key != "capi.contract"]


@pytest.mark.parametrize(("key", "before", "after"), ROWS, ids=[key for key, _, _ in ROWS])
def test_the_real_webhooks_agree_with_the_table(living: Living, key: str, before: Json, after: Json) -> None:
    refusals = living.refusals(key, before, after)
    if key in REFUSED_UPSTREAM:
        assert effect(key).how == "never", "the table says so before anybody is asked"
        assert any(REFUSED_UPSTREAM[key] in text for text in refusals), f"it is refused in these words: {refusals}"
    else:
        assert refusals == [], "whoever decides it takes it"


def test_a_refused_version_is_refused_by_the_dry_run_too(living: Living) -> None:
    for version, words in (("1.33.5", "greater than the supported one"), ("1.31.9", "unable to downgrade")):
        (text,) = living.refusals("cluster.kubernetesVersion", {}, {"cluster": {"kubernetesVersion": version}})
        assert words in text, f"{version}: {text}"


def test_cluster_api_keeps_the_first_address_whatever_becomes_of_the_port(living: Living) -> None:
    """Why ``cluster.apiServerPort`` and its like never change: new machines would be told the old address for ever."""
    before = {"cluster": {"apiServerPort": 6444}}
    name = living.of(before)

    def endpoints() -> tuple[Any, Any]:
        cluster = client.get(f"{CLUSTERS}/{name}").raise_for_status().json()
        plane = client.get(f"{PLANES}/{cluster['spec']['controlPlaneRef']['name']}").raise_for_status().json()
        ports = [item["spec"].get("controlPlaneEndpoint", {}).get("port") for item in (plane, cluster)]
        return ports[0], ports[1]

    with living.lab.management() as client:
        eventually(endpoints, lambda ports: ports == (6444, 6444), 60, "Cluster API takes Kamaji's address over")
        changed = documents(tenant(without_machines({"cluster": {"apiServerPort": 6445}}), name=name))
        (cluster,) = (document for document in changed if document["kind"] == "Cluster")
        living.apply(client, cluster).raise_for_status()
        ports = eventually(endpoints, lambda ports: ports[0] == 6445, 60, "Kamaji moves the control plane")
        assert ports == (6445, 6444), "the Cluster holds the old address"
