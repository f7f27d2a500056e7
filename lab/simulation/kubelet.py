"""A kubelet's reports to its API server: the Node, its status and its lease.

Follows pkg/kubelet/kubelet_node_status.go and nodestatus/setters.go of Kubernetes 1.33; its pods are in :mod:`.workloads`.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ..pki import write_private
from .join import NodeCredentials, client_context, require_answer, status_text
from .kubeadm import UNINITIALIZED_TAINT, Join
from .pod_rules import NO_NETWORK
from .pod_summary import rfc3339
from .trouble import BootFailure, NotYet

LEASE_SECONDS = 40
MERGE = {"Content-Type": "application/strategic-merge-patch+json"}


def save(credentials: NodeCredentials, disk: Path) -> None:
    """Write a node's credentials to its disk, readable by the lab's owner only."""
    write_private(disk / "ca.crt", credentials.cluster.ca_pem.encode())
    write_private(disk / "server", credentials.cluster.server.encode())
    write_private(disk / "kubelet.pem", (credentials.certificate_pem + "\n" + credentials.key_pem).encode())


def has_credentials(disk: Path) -> bool:
    """Whether a node's credentials are on its disk."""
    return (disk / "kubelet.pem").exists()


@dataclass(frozen=True)
class Hardware:
    """A machine as its kubelet reports it.

    Attributes:
        id: UUID of the machine.
        hostname: hostname of the machine.
        operating_system: image of its operating system.
        architecture: architecture of its processor, in Go's terms.
        addresses: its addresses, by their type in a Node: InternalIP, ExternalIP.
    """

    id: str
    hostname: str
    operating_system: str
    architecture: str
    addresses: Mapping[str, str]


def node(machine: Hardware, join: Join) -> dict[str, Any]:
    """The Node as a kubelet first registers it."""
    labels = {
        "kubernetes.io/hostname": machine.hostname,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": machine.architecture,
        **join.labels,
    }
    # CAPM3 finds the Node by a label and writes its providerID later.
    spec: dict[str, Any] = {"providerID": join.provider_id} if join.provider_id else {}
    if join.taints:
        spec["taints"] = [dict(taint) for taint in join.taints]
    metadata = {
        "name": join.name or machine.hostname,
        "labels": labels,
        "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def readiness(*, healthy: bool, network: bool) -> tuple[str, str, str]:
    """Status, reason and message of a Node's condition Ready.

    Args:
        healthy: False for a container runtime that does not answer.
        network: whether a network plugin's configuration is on the machine.
    """
    if not healthy:
        return "False", "KubeletNotReady", "container runtime is down"
    if not network:
        return "False", "KubeletNotReady", NO_NETWORK
    return "True", "KubeletReady", "kubelet is posting ready status"


def status(
    machine: Hardware, version: str, now: datetime.datetime, condition: tuple[str, str, str], *, external: bool
) -> dict[str, Any]:
    """The status that a kubelet reports.

    Args:
        machine: the kubelet's machine.
        version: the kubelet's version.
        now: time of this report.
        condition: status, reason and message of Ready.
        external: whether a cloud controller sets the addresses.
    """
    conditions = {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        "Ready": condition,
    }
    resources = {"cpu": "24", "memory": "65536Mi", "pods": "110", "ephemeral-storage": "200Gi"}
    addresses = {} if external else machine.addresses
    return {
        "capacity": resources,
        "allocatable": resources,
        "addresses": [
            {"type": kind, "address": address} for kind, address in {**addresses, "Hostname": machine.hostname}.items()
        ],
        "conditions": [
            {
                "type": name,
                "status": value,
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": rfc3339(now),
                "lastTransitionTime": rfc3339(now),
            }
            for name, (value, reason, message) in conditions.items()
        ],
        "nodeInfo": {
            "architecture": machine.architecture,
            "operatingSystem": "linux",
            "osImage": machine.operating_system,
            "kernelVersion": "6.8.0-lab",
            "containerRuntimeVersion": "containerd://1.7.27",
            "kubeletVersion": version,
            "kubeProxyVersion": "",
            "machineID": machine.id.replace("-", ""),
            "systemUUID": machine.id,
            "bootID": machine.id,
        },
    }


class Kubelet:
    """A machine with a node's certificate.

    Attributes:
        client: client of the API server, with the node's credentials.
        name: the Node's name.
        node: the Node when it was last read.
    """

    def __init__(self, machine: Hardware, join: Join, version: str, disk: Path) -> None:
        """Prepare, from the credentials on the machine's disk."""
        context: ssl.SSLContext = client_context((disk / "ca.crt").read_text())
        context.load_cert_chain(disk / "kubelet.pem")
        self.client = httpx.Client(base_url=(disk / "server").read_text(), verify=context, timeout=5.0, trust_env=False)
        self._machine, self._join, self._version = machine, join, version
        self.name = join.name or machine.hostname
        self.node: dict[str, Any] = {}
        self._path = f"/api/v1/nodes/{self.name}"
        self._lease = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.name}"

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def register(self) -> None:
        """Create the Node, or read it if it exists.

        Raises:
            NotYet: the API server does not answer, or with a temporary error.
            BootFailure: the API server rejects this Node permanently.
        """
        if not self._version:
            self._version = require_answer(lambda: self.client.get("/version"), "the API server's version")[
                "gitVersion"
            ]
        try:
            answer = self.client.post("/api/v1/nodes", json=node(self._machine, self._join))
        except httpx.HTTPError as error:
            raise NotYet(f"the API server {self.client.base_url} does not answer: {error}") from None
        if answer.status_code == httpx.codes.CONFLICT:
            return
        if answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.BAD_REQUEST):
            raise BootFailure(f"the API server refuses its Node: {status_text(answer)}")
        require_answer(lambda: answer, f"creating Node {self.name}")

    def look(self) -> None:
        """Read the Node.

        Raises:
            NotYet: the API server does not answer, or the Node is gone.
        """
        self.node = require_answer(lambda: self.client.get(self._path), f"Node {self.name}")

    def beat(self, *, healthy: bool = True, network: bool = True) -> None:
        """Send a heartbeat: renew the lease, and report the status if it has changed.

        Raises:
            NotYet: the API server does not answer, or the Node is gone.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        self.look()
        self._renew(self.node, now)
        condition = readiness(healthy=healthy, network=network)
        if ready_condition(self.node) != condition or self._has_old_version(self.node):
            external = UNINITIALIZED_TAINT in self._join.taints
            body = {"status": status(self._machine, self._version, now, condition, external=external)}
            self.node = require_answer(
                lambda: self.client.patch(f"{self._path}/status", json=body, headers=MERGE),
                f"status of Node {self.name}",
            )

    def _has_old_version(self, node: Mapping[str, Any]) -> bool:
        return bool(node["status"].get("nodeInfo", {}).get("kubeletVersion") != self._version)

    def _renew(self, node: Mapping[str, Any], now: datetime.datetime) -> None:
        spec = {
            "holderIdentity": self.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        answer = self.client.patch(
            self._lease, json={"spec": spec}, headers={"Content-Type": "application/merge-patch+json"}
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            owner = {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": node["metadata"]["uid"]}
            metadata = {"name": self.name, "namespace": "kube-node-lease", "ownerReferences": [owner]}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            answer = self.client.post(self._lease.rsplit("/", 1)[0], json=lease)
        require_answer(lambda: answer, f"Lease {self.name}")


def ready_condition(node: Mapping[str, Any]) -> tuple[str, str, str]:
    """Status, reason and message of a Node's condition Ready; empty texts while it has none."""
    conditions = (node.get("status") or {}).get("conditions") or []
    condition: Mapping[str, str] = next((entry for entry in conditions if entry["type"] == "Ready"), {})
    return condition.get("status", ""), condition.get("reason", ""), condition.get("message", "")
