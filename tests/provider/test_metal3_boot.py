"""Hosts of Metal3 join a real control plane from what their BareMetalHost refers to, or are left out with the reason."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from lab import crds
from lab.generations import OPERATOR, SECOND, Folder
from lab.metal import BootOptions
from lab.metal3 import Hosts
from lab.metal3.host import FAULTS
from lab.plane import ManagementPlane
from tests.support.devices import CLOUD_CONFIG, TOKEN, eventually
from tests.support.tenant import Tenant

BASE = "/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = {"Content-Type": "application/merge-patch+json"}
CARD = "00:60:2f:00:00:01"

JOIN = """
      apiVersion: kubeadm.k8s.io/v1beta4
      discovery:
        bootstrapToken:
          apiServerEndpoint: {endpoint}
          caCertHashes: [{pin}]
          token: {token}
      kind: JoinConfiguration
      nodeRegistration:
        name: '{name}'
        kubeletExtraArgs:
        - name: node-labels
          value: {labels}
"""

META_DATA = "name: {name}\nlocal-hostname: {name}\nnodeIP: 10.10.0.100\n"

NETWORK_DATA = f"""
links: [{{type: phy, id: eth0, mtu: 1500, ethernet_mac_address: '{CARD}'}}]
networks: [{{type: ipv4, id: nodes, link: eth0, ip_address: 10.10.0.100, netmask: 255.255.255.0, routes: []}}]
services: []
"""


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    running = Tenant(tmp_path_factory.mktemp("tenant"))
    try:
        running.token(TOKEN)
        yield running
    finally:
        running.stop()


@dataclass
class Rack:
    """Hosts as the baremetal-operator and CAPM3 leave them, and the lab that looks at them."""

    client: httpx.Client
    hosts: Hosts
    tenant: Tenant
    names: list[str] = field(default_factory=list)

    def provision(
        self,
        name: str,
        *,
        labels: str = "metal3.io/uuid={{ ds.meta_data.uuid }},pool=a",
        node: str = "{{ ds.meta_data.name }}",
        meta: str = META_DATA,
        network: str = NETWORK_DATA,
        faults: str = "",
    ) -> str:
        """Make a host that is provisioned; its UID."""
        join = JOIN.format(endpoint=self.tenant.endpoint, pin=self.tenant.pin(), token=TOKEN, name=node, labels=labels)
        content = {
            "userData": CLOUD_CONFIG.format(join=join.strip("\n")),
            "metaData": meta.format(name=name),
            "networkData": network,
        }
        for key, text in content.items():
            secret = {
                "metadata": {"name": f"{name}-{key.lower()}"},
                "data": {key: base64.b64encode(text.encode()).decode()},
            }
            self.client.post(SECRETS, json=secret).raise_for_status()
        document = {
            "apiVersion": "metal3.io/v1alpha1",
            "kind": "BareMetalHost",
            "metadata": {"name": name, "annotations": {FAULTS: faults} if faults else {}},
            "spec": {
                "online": True,
                "bootMACAddress": CARD,
                **{key: {"name": f"{name}-{key.lower()}", "namespace": "default"} for key in content},
            },
        }
        uid: str = self.client.post(BASE, json=document).raise_for_status().json()["metadata"]["uid"]
        self.names.append(name)
        self.state(name, "provisioned")
        return uid

    def state(self, name: str, state: str) -> None:
        status = {
            "provisioning": {"state": state, "ID": "", "image": {"url": ""}},
            "operationalStatus": "OK",
            "errorMessage": "",
            "poweredOn": True,
            "errorCount": 0,
        }
        self.client.patch(f"{BASE}/{name}/status", json={"status": status}, headers=MERGE).raise_for_status()
        self.hosts.reconcile()

    def stage(self, name: str) -> dict[str, str]:
        """What the lab says of a host."""
        self.hosts.reconcile()
        return next((entry for entry in self.hosts.overview() if entry["name"] == f"default/{name}"), {})

    def clear(self) -> None:
        for name in self.names:
            self.client.delete(f"{BASE}/{name}")
        self.hosts.reconcile()


@pytest.fixture
def rack(management: ManagementPlane, tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    with management.client() as client:
        module, path = OPERATOR, "config/base/crds/bases"
        assert Folder(module, path) in SECOND.crds, "the CRD is that which the lab installs"
        names = []
        for definition in crds.definitions(SECOND):
            if definition["metadata"]["name"] == "baremetalhosts.metal3.io":
                crds.apply(client, definition)
                names.append(definition["metadata"]["name"])
        crds.await_crds(client, names)
        eventually(lambda: client.get(BASE).is_success, "BareMetalHosts served")
        boot = BootOptions(seconds=0.1, join_seconds=30, heartbeat_seconds=0.5, network="provided")
        hosts = Hosts(client, tmp_path_factory.mktemp("hosts"), lambda: boot, programs={})
        instance = Rack(client, hosts, tenant)
        try:
            yield instance
        finally:
            hosts.stop()
            with contextlib.suppress(httpx.HTTPError):
                instance.clear()


def is_ready(node: dict[str, Any]) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"].get("conditions", [])
    )


def test_a_host_joins_with_what_metal3_gives_it_and_leaves_when_it_is_given_back(rack: Rack) -> None:
    uid = rack.provision("joins")
    node = eventually(
        lambda: (candidate := rack.tenant.nodes().get("joins")) and is_ready(candidate) and candidate,
        "a Ready Node",
        90,
    )
    assert node["metadata"]["labels"]["metal3.io/uuid"] == uid, "jinja makes the host's UID of ds.meta_data.uuid"
    assert node["metadata"]["labels"]["pool"] == "a", "and the other labels stay"
    assert "providerID" not in node["spec"], "CAPM3 writes it"
    addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
    assert addresses["InternalIP"] == "10.10.0.100", "the address is that of the network data"
    eventually(lambda: rack.stage("joins").get("stage") == "joined", "told")
    rack.state("joins", "deprovisioning")
    assert rack.stage("joins") == {}, "it no longer runs"
    assert list(rack.hosts._folder.iterdir()) == [], "and its disk is wiped"


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("no-label", {"labels": "pool=a"}, "its kubelet registers without label metal3.io/uuid="),
        (
            "other-label",
            {"labels": "metal3.io/uuid=1"},
            "its kubelet's label metal3.io/uuid is '1', where the host is ",
        ),
        ("no-variable", {"node": "{{ ds.meta_data.nobody }}"}, "unresolved jinja variable"),
        ("no-mapping", {"meta": "- {name}"}, "its metaData is no YAML mapping"),
        ("no-card", {"network": NETWORK_DATA.replace(CARD, "00:00:00:00:00:99")}, "which the host doesn't have"),
    ],
)
def test_a_mistake_leaves_the_host_out_and_is_told(name: str, changes: dict[str, str], reason: str, rack: Rack) -> None:
    rack.provision(name, **changes)
    report = eventually(
        lambda: (candidate := rack.stage(name)).get("stage") == "left out" and candidate, "left out", 60
    )
    assert reason in report["problem"], report
    assert name not in rack.tenant.nodes(), "there is no Node"


def test_a_secret_that_is_not_there_leaves_the_host_out(rack: Rack) -> None:
    rack.client.delete(f"{SECRETS}/gone-userdata")
    rack.provision("gone", node="gone")
    rack.state("gone", "available")
    rack.client.delete(f"{SECRETS}/gone-userdata").raise_for_status()
    rack.state("gone", "provisioned")
    report = eventually(
        lambda: (candidate := rack.stage("gone")).get("stage") == "left out" and candidate, "left out", 60
    )
    assert "Secret default/gone-userdata of its spec.userData is not there" in report["problem"], report


def test_a_fault_takes_the_label_from_the_node_alone(rack: Rack) -> None:
    rack.provision("unlabelled", faults="no-uuid-label")
    node = eventually(
        lambda: (candidate := rack.tenant.nodes().get("unlabelled")) and is_ready(candidate) and candidate, "Ready", 90
    )
    assert "metal3.io/uuid" not in node["metadata"]["labels"], "CAPM3 will never find it"
    assert node["metadata"]["labels"]["pool"] == "a", "the others are there"
