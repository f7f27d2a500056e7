"""A rack's cluster that lives before any stack knows it, on an API server whose controllers are played."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack

from .fleet import CLUSTERS, CONTROL_PLANES, MERGE, Json, dig
from .lab import eventually
from .metal3_fleet import HOSTS, NEWER, Metal3Fleet
from .metal3_settings import IMAGE, PASSWORD, host, passwords
from .project import Project

MANAGER = {"fieldManager": "manager"}
KUBECTL = Path(sys.executable).parent / "kubectl"
STACK = "rack"
NETWORK: Json = {
    "links": {"ethernets": [{"id": "eth0", "macAddress": {"fromHostInterface": "nic-1"}}]},
    "networks": {"ipv4": [{"id": "n4", "link": "eth0", "pool": "nodes"}]},
    "services": {"dns": ["192.0.2.53"]},
}
KINDS = (
    *("cluster.x-k8s.io/v1beta2/clusters", "cluster.x-k8s.io/v1beta2/machinedeployments"),
    "controlplane.cluster.x-k8s.io/v1alpha2/kamajicontrolplanes",
    "infrastructure.cluster.x-k8s.io/v1beta2/metal3clusters",
    *(f"infrastructure.cluster.x-k8s.io/v1beta2/metal3{kind}templates" for kind in ("machine", "data")),
    "bootstrap.cluster.x-k8s.io/v1beta2/kubeadmconfigtemplates",
    "ipam.metal3.io/v1alpha1/ippools",
    "metal3.io/v1alpha1/baremetalhosts",
    "v1/secrets",
)


def sections_of(namespace: str, kubeconfig: Path, *, network: bool) -> Json:
    """Settings of a cluster on a rack of three hosts, whose servers are told of their network or not."""
    settings: Json = {
        "cluster": {"name": "one", "namespace": namespace},
        "capi": {"contract": "v1beta2"},
        "metal3": {
            "image": IMAGE,
            "hostSelector": {"matchLabels": {"pool": "worker-a"}},
            "ipPools": [{"name": "nodes", "ranges": [{"start": "192.0.2.100", "end": "192.0.2.200"}], "prefix": 24}],
            "metaData": {"ipAddressesFromPool": {"nodeIP": "nodes"}, "strings": {"site": "ams", "row": "b"}},
            "hosts": [host(number, labels={"pool": "worker-a", "row": "b"}) for number in range(3)],
        },
        "workerPools": [{"name": "a", "replicas": 1}],
        "management": {"kubeconfigPath": str(kubeconfig)},
        "handoff": {"timeoutSeconds": 60},
    }
    if network:
        settings["metal3"]["networkData"] = NETWORK
    return settings


@dataclass
class Rack:
    """A cluster, and a project whose settings describe it.

    Attributes:
        maker: what made it: ``kubectl apply``, ``kubectl apply --server-side``, or another stack.
        sections: the settings.
        names: names that somebody gave to the templates, by those that the settings give.
    """

    project: Project
    fleet: Metal3Fleet
    maker: str
    sections: Json
    names: dict[str, str] = field(default_factory=dict)

    def configure(self, *, password: str = PASSWORD) -> None:
        """Write the stack's file, with each host's password as a secret."""
        plain = copy.deepcopy(self.sections)
        for entry in plain["metal3"]["hosts"]:
            del entry["bmc"]["password"]
        self.project.configure(STACK, **plain)
        self.project.store(STACK, passwords(plain["metal3"]["hosts"], password))

    def change(self, **metal3: Any) -> None:
        """Other settings of the section."""
        self.sections = {**self.sections, "metal3": {**self.sections["metal3"], **metal3}}

    def live(self) -> None:
        """Make it, and let a machine be on its first host."""
        self.project.pulumi("stack", "init", STACK).ok()
        self.configure()
        if self.maker == "another stack":
            self.project.script_here("up", "--no-wait", "--stack", STACK).ok()
            self.project.pulumi("stack", "rm", STACK, "--force", "--yes", "--preserve-config").ok()
        else:
            self.apply()
        self.fleet.occupy("host-0", "one-a-x")
        eventually(self.host, lambda host: dig(host, "spec", "online"), 60, "a machine is on the host")
        # Kamaji's provider writes it last, and on a busy machine after all else.
        secret = f"/api/v1/namespaces/{self.fleet.namespace}/secrets/one-kubeconfig"
        eventually(
            lambda: self.fleet.http.get(secret), lambda answer: answer.status_code == 200, 60, "the tenant's kubeconfig"
        )

    def host(self) -> Json:
        """The host with a machine."""
        host: Json = self.fleet.http.get(f"{HOSTS.format(self.fleet.namespace)}/host-0").json()
        return host

    def manifests(self) -> list[Json]:
        """What the settings make, under the names that somebody gave."""
        (tenant,) = load_stack({key: value for key, value in self.sections.items() if key != "management"}).clusters
        manifests = []
        for document in documents(tenant):
            if document["kind"] == "Secret":
                data = {key: text.get_secret_value() for key, text in document.pop("data").items()}
                document["stringData"] = data
            manifests.append(document)
        text = json.dumps(manifests)
        for original, custom in self.names.items():
            text = text.replace(json.dumps(original), json.dumps(custom))
        whole: list[Json] = json.loads(text)
        return whole

    def rename(self) -> None:
        """Give all templates names of somebody's own."""
        for manifest in self.manifests():
            if manifest["kind"].endswith("Template"):
                self.names[manifest["metadata"]["name"]] = f"by-hand-{manifest['kind'].lower()}"

    def apply(self) -> None:
        """As somebody does with kubectl: the Metal3Cluster last, once the control plane has an address."""
        whole = [manifest for manifest in self.manifests() if manifest["kind"] != "Namespace"]
        last = [manifest for manifest in whole if manifest["kind"] == "Metal3Cluster"]
        self.kubectl([manifest for manifest in whole if manifest not in last])
        plane = eventually(
            lambda: self.fleet.read(NEWER[CONTROL_PLANES], "one-control-plane"),
            lambda manifest: dig(manifest, "spec", "controlPlaneEndpoint", "host"),
            20,
            "the control plane has an address",
        )
        last[0]["spec"]["controlPlaneEndpoint"] = dig(plane, "spec", "controlPlaneEndpoint")
        self.kubectl(last)
        self.adopt()

    def adopt(self) -> None:
        """What Cluster API and CAPM3 enter into templates: the Cluster, which they go with."""
        cluster = self.fleet.read(NEWER[CLUSTERS], "one")
        owner = {key: cluster[key] for key in ("apiVersion", "kind")} | {
            key: cluster["metadata"][key] for key in ("name", "uid")
        }
        for path, obj in self.objects():
            if obj["kind"].endswith("Template"):
                change = {"metadata": {"ownerReferences": [owner]}}
                url = f"{path}/{obj['metadata']['name']}"
                self.fleet.http.patch(url, json=change, headers=MERGE, params=MANAGER).raise_for_status()

    def kubectl(self, manifests: list[Json]) -> None:
        """Apply manifests."""
        path = self.project.folder / "manifests.yaml"
        path.write_text(yaml.safe_dump_all(manifests))
        kubeconfig = self.fleet.management.kubeconfig
        self.project.run(KUBECTL, "--kubeconfig", kubeconfig, *self.maker.split()[1:], "--filename", path).ok()

    def snapshot(self) -> dict[str, tuple[str, Any]]:
        """UID and content of each object."""
        return {
            f"{obj['kind']} {obj['metadata']['name']}": (
                obj["metadata"]["uid"],
                obj.get("spec", obj.get("data")),
            )
            for _, obj in self.objects()
        }

    def resource_versions(self) -> dict[str, str]:
        """When each object was last written, as its resource version."""
        return {
            f"{obj['kind']} {obj['metadata']['name']}": obj["metadata"]["resourceVersion"] for _, obj in self.objects()
        }

    def objects(self) -> Iterator[tuple[str, Json]]:
        """All objects of the namespace that a stack would make, each with the path of its collection."""
        for kind in KINDS:
            version, _, resource = kind.rpartition("/")
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            path = f"{root}/namespaces/{self.fleet.namespace}/{resource}"
            collection = self.fleet.http.get(path).raise_for_status().json()
            for obj in collection["items"]:
                yield path, {"kind": collection["kind"].removesuffix("List"), **obj}
