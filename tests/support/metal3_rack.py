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
from .metal3_settings import IMAGE, PASSWORD, host
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
    found: Json = {
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
        found["metal3"]["networkData"] = NETWORK
    return found


@dataclass
class Rack:
    """A cluster, and a project whose settings describe it.

    Attributes:
        made_by: what made it: ``kubectl apply``, ``kubectl apply --server-side``, or another stack.
        sections: the settings.
        names: names that somebody gave to the templates, by those that the settings give.
    """

    project: Project
    fleet: Metal3Fleet
    made_by: str
    sections: Json
    names: dict[str, str] = field(default_factory=dict)

    def configure(self, *, password: str = PASSWORD) -> None:
        """Write the stack's file, with each host's password as a secret."""
        plain = copy.deepcopy(self.sections)
        for one in plain["metal3"]["hosts"]:
            del one["bmc"]["password"]
        self.project.configure(STACK, **plain)
        for index in range(len(plain["metal3"]["hosts"])):
            path = f"kamaji-equinix:metal3.hosts[{index}].bmc.password"
            self.project.pulumi("config", "set", "--path", "--secret", "--stack", STACK, path, password).ok()

    def change(self, **metal3: Any) -> None:
        """Other settings of the section."""
        self.sections = {**self.sections, "metal3": {**self.sections["metal3"], **metal3}}

    def live(self) -> None:
        """Make it, and let a machine be on its first host."""
        self.project.pulumi("stack", "init", STACK).ok()
        self.configure()
        if self.made_by == "another stack":
            self.project.script("up", "--no-wait", "--stack", STACK).ok()
            self.project.pulumi("stack", "rm", STACK, "--force", "--yes", "--preserve-config").ok()
        else:
            self.apply()
        self.fleet.machines["host-0"] = "one-a-x"
        eventually(self.host, lambda one: dig(one, "spec", "online"), 60, "a machine is on the host")
        # Kamaji's provider writes it last, and on a busy machine after all else.
        secret = f"/api/v1/namespaces/{self.fleet.namespace}/secrets/one-kubeconfig"
        eventually(
            lambda: self.fleet.http.get(secret), lambda got: got.status_code == 200, 60, "the tenant's kubeconfig"
        )

    def host(self) -> Json:
        """The host with a machine."""
        found: Json = self.fleet.http.get(f"{HOSTS.format(self.fleet.namespace)}/host-0").json()
        return found

    def manifests(self) -> list[Json]:
        """What the settings make, under the names that somebody gave."""
        (tenant,) = load_stack({key: value for key, value in self.sections.items() if key != "management"}).clusters
        found = []
        for document in documents(tenant):
            if document["kind"] == "Secret":
                data = {key: text.get_secret_value() for key, text in document.pop("data").items()}
                document["stringData"] = data
            found.append(document)
        text = json.dumps(found)
        for made, given in self.names.items():
            text = text.replace(json.dumps(made), json.dumps(given))
        whole: list[Json] = json.loads(text)
        return whole

    def rename(self) -> None:
        """Give all templates names of somebody's own."""
        for one in self.manifests():
            if one["kind"].endswith("Template"):
                self.names[one["metadata"]["name"]] = f"by-hand-{one['kind'].lower()}"

    def apply(self) -> None:
        """As somebody does with kubectl: the Metal3Cluster last, once the control plane has an address."""
        whole = [one for one in self.manifests() if one["kind"] != "Namespace"]
        last = [one for one in whole if one["kind"] == "Metal3Cluster"]
        self.kubectl([one for one in whole if one not in last])
        plane = eventually(
            lambda: self.fleet.read(NEWER[CONTROL_PLANES], "one-control-plane"),
            lambda one: dig(one, "spec", "controlPlaneEndpoint", "host"),
            20,
            "the control plane has an address",
        )
        last[0]["spec"]["controlPlaneEndpoint"] = dig(plane, "spec", "controlPlaneEndpoint")
        self.kubectl(last)
        self.own()

    def own(self) -> None:
        """What Cluster API and CAPM3 enter into templates: the Cluster, which they go with."""
        cluster = self.fleet.read(NEWER[CLUSTERS], "one")
        owner = {key: cluster[key] for key in ("apiVersion", "kind")} | {
            key: cluster["metadata"][key] for key in ("name", "uid")
        }
        for path, one in self.objects():
            if one["kind"].endswith("Template"):
                change = {"metadata": {"ownerReferences": [owner]}}
                where = f"{path}/{one['metadata']['name']}"
                self.fleet.http.patch(where, json=change, headers=MERGE, params=MANAGER).raise_for_status()

    def kubectl(self, manifests: list[Json]) -> None:
        """Apply manifests."""
        path = self.project.folder / "manifests.yaml"
        path.write_text(yaml.safe_dump_all(manifests))
        kubeconfig = self.fleet.management.kubeconfig
        self.project.run(KUBECTL, "--kubeconfig", kubeconfig, *self.made_by.split()[1:], "--filename", path).ok()

    def snapshot(self) -> dict[str, tuple[str, Any]]:
        """UID and content of each object."""
        return {
            f"{one['kind']} {one['metadata']['name']}": (
                one["metadata"]["uid"],
                one.get("spec", one.get("data")),
            )
            for _, one in self.objects()
        }

    def written(self) -> dict[str, str]:
        """When each object was last written, as its resource version."""
        return {
            f"{one['kind']} {one['metadata']['name']}": one["metadata"]["resourceVersion"] for _, one in self.objects()
        }

    def objects(self) -> Iterator[tuple[str, Json]]:
        """All objects of the namespace that a stack would make, each with the path of its collection."""
        for kind in KINDS:
            version, _, resource = kind.rpartition("/")
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            path = f"{root}/namespaces/{self.fleet.namespace}/{resource}"
            found = self.fleet.http.get(path).raise_for_status().json()
            for one in found["items"]:
                yield path, {"kind": found["kind"].removesuffix("List"), **one}
