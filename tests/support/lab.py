"""A lab as tests use it: through its command line, its files and its API servers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from lab.kubeconfig import client_of, http_client
from lab.metal import Control
from lab.state import StateFolder
from tests.support.project import ROOT

Value = TypeVar("Value")

CLUSTERS = "cluster.x-k8s.io/v1beta1/clusters"

CLUSTER_API_KINDS = (
    CLUSTERS,
    "cluster.x-k8s.io/v1beta1/machinedeployments",
    "cluster.x-k8s.io/v1beta1/machinesets",
    "cluster.x-k8s.io/v1beta1/machines",
    "cluster.x-k8s.io/v1beta1/machinehealthchecks",
    "bootstrap.cluster.x-k8s.io/v1beta1/kubeadmconfigs",
    "bootstrap.cluster.x-k8s.io/v1beta1/kubeadmconfigtemplates",
    "infrastructure.cluster.x-k8s.io/v1beta1/packetclusters",
    "infrastructure.cluster.x-k8s.io/v1beta1/packetmachines",
    "infrastructure.cluster.x-k8s.io/v1beta1/packetmachinetemplates",
    "kamaji.clastix.io/v1alpha1/tenantcontrolplanes",
)

METAL3_KINDS = (
    "infrastructure.cluster.x-k8s.io/v1beta1/metal3clusters",
    "infrastructure.cluster.x-k8s.io/v1beta1/metal3machines",
    "infrastructure.cluster.x-k8s.io/v1beta1/metal3machinetemplates",
    "infrastructure.cluster.x-k8s.io/v1beta1/metal3datatemplates",
    "infrastructure.cluster.x-k8s.io/v1beta1/metal3datas",
    "ipam.metal3.io/v1alpha1/ippools",
    "ipam.metal3.io/v1alpha1/ipclaims",
    "ipam.metal3.io/v1alpha1/ipaddresses",
)


class Lab:
    """A lab in a folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.folder = StateFolder(state)
        self._options: tuple[str, ...] = ()

    def up(self, *options: str) -> None:
        """Start it with these options; without any, again with those that it had: a lab that went down has forgotten them."""
        self._options = options or self._options
        process = self.command("up", *self._options)
        assert process.returncode == 0, f"the lab does not start:\n{process.stdout}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m lab``; its output, both streams, is in ``stdout``."""
        return subprocess.run(
            [sys.executable, "-m", "lab", "--state", str(self.state), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def kubeconfig(self) -> Path:
        """The management cluster's."""
        return self.folder.kubeconfig

    def environment(self) -> dict[str, str]:
        """What ``. .lab/env`` sets."""
        return self.folder.read_env()

    def metal(self) -> Control:
        """The simulator's control."""
        return Control.of_lab(self.state)

    def management(self) -> httpx.Client:
        """The management cluster's API."""
        return http_client(self.kubeconfig)

    def items(self, path: str) -> list[dict[str, Any]]:
        """Objects of a kind: ``<group>/<version>/<plural>``, in all namespaces."""
        with self.management() as client:
            objects: list[dict[str, Any]] = client.get(f"/apis/{path}").raise_for_status().json()["items"]
            return objects

    def control_planes(self) -> list[dict[str, Any]]:
        """The KamajiControlPlanes, in the version that is served."""
        return self.items(f"controlplane.cluster.x-k8s.io/{self.kamaji_version()}/kamajicontrolplanes")

    def kamaji_version(self) -> str:
        """Version of KamajiControlPlane that is served."""
        return "v1alpha2" if self.state_file()["contract"] == "v1beta2" else "v1alpha1"

    def secrets(self, namespace: str) -> list[str]:
        """Names of a namespace's Secrets."""
        with self.management() as client:
            items = client.get(f"/api/v1/namespaces/{namespace}/secrets").raise_for_status().json()["items"]
        return [item["metadata"]["name"] for item in items]

    def clusters(self) -> set[tuple[str, str]]:
        """Namespace and name of each Cluster."""
        metadata = (item["metadata"] for item in self.items(CLUSTERS))
        return {(item["namespace"], item["name"]) for item in metadata}

    def remove(self, clusters: Iterable[tuple[str, str]]) -> None:
        """Delete Clusters, and wait until their machines and control planes are gone with them."""
        clusters = set(clusters)
        group, _, kind = CLUSTERS.rpartition("/")
        with self.management() as client:
            for namespace, name in clusters:
                client.delete(f"/apis/{group}/namespaces/{namespace}/{kind}/{name}").raise_for_status()
        eventually(lambda: clusters & self.clusters(), lambda rest: not rest, 120, "the Clusters gone")

    def leftovers(self, cluster: str = "") -> list[str]:
        """The Cluster API and Kamaji objects of a cluster, by their names; by default of all clusters."""
        version = self.kamaji_version()
        planes = f"controlplane.cluster.x-k8s.io/{version}/kamajicontrolplanes"
        return [
            f"{path.rpartition('/')[2]} {item['metadata']['namespace']}/{item['metadata']['name']}"
            for path in (*CLUSTER_API_KINDS, planes, *(METAL3_KINDS if version == "v1alpha2" else ()))
            for item in self.items(path)
            if item["metadata"]["name"].startswith(cluster)
        ]

    def devices(self, cluster: str = "") -> list[dict[str, Any]]:
        """The devices of a cluster's machines, which are called after it; by default all devices."""
        with contextlib.closing(self.metal()) as metal:
            return [device for device in metal.devices() if device["hostname"].startswith(cluster)]

    def state_file(self) -> dict[str, Any]:
        """What the supervisor has written down."""
        state: dict[str, Any] = json.loads((self.state / "state.json").read_text())
        return state


def nodes(kubeconfig: str) -> dict[str, bool]:
    """Whether each node of a tenant is Ready, by name, asked with the kubeconfig's own credentials."""
    with client_of(yaml.safe_load(kubeconfig)) as client:
        items = client.get("/api/v1/nodes").raise_for_status().json()["items"]
    return {
        node["metadata"]["name"]: any(
            condition["type"] == "Ready" and condition["status"] == "True"
            # A node that has just joined has none yet.
            for condition in node["status"].get("conditions", ())
        )
        for node in items
    }


def eventually(look: Callable[[], Value], holds: Callable[[Value], bool], seconds: float, expectation: str) -> Value:
    """Look until what is seen is as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        value = look()
        if holds(value):
            return value
        assert time.monotonic() < deadline, f"{expectation} not within {seconds:.0f} s; last seen: {value}"
        time.sleep(0.5)
