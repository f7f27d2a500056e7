"""What a kubelet tells its API server: the Node, its status and its lease.

Follows pkg/kubelet/kubelet_node_status.go and nodestatus/setters.go of Kubernetes 1.33, without pods.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from ..metal.devices import Device
from ..pki import write_private
from .join import NodeCredentials, answered, ready, status_text, trusting
from .kubeadm import Join
from .trouble import LeftOut, NotYet

LEASE_SECONDS = 40
MERGE = {"Content-Type": "application/strategic-merge-patch+json"}


def save(credentials: NodeCredentials, disk: Path) -> None:
    """Write a node's credentials to its disk, readable by the lab's owner only."""
    write_private(disk / "ca.crt", credentials.cluster.ca_pem.encode())
    write_private(disk / "server", credentials.cluster.server.encode())
    write_private(disk / "kubelet.pem", (credentials.certificate_pem + "\n" + credentials.key_pem).encode())


def saved(disk: Path) -> bool:
    """Whether a node's credentials lie on its disk."""
    return (disk / "kubelet.pem").exists()


def architecture(plan: str) -> str:
    """Go's name of a plan's processor architecture."""
    return "arm64" if ".arm" in plan else "amd64"


def node(device: Device, join: Join) -> dict[str, Any]:
    """The Node as a kubelet first registers it."""
    arch = architecture(device.plan)
    labels = {
        "kubernetes.io/hostname": device.hostname,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": arch,
        **join.labels,
    }
    spec: dict[str, Any] = {"providerID": join.provider_id}
    if join.taints:
        spec["taints"] = [dict(taint) for taint in join.taints]
    metadata = {
        "name": join.name or device.hostname,
        "labels": labels,
        "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def status(
    device: Device, version: str, now: datetime.datetime, changed: str, *, healthy: bool = True
) -> dict[str, Any]:
    """The status that a kubelet reports.

    Args:
        device: the machine.
        version: the kubelet's.
        now: time of this report.
        changed: when the node became ready, or ceased to be.
        healthy: False as where the container runtime does not answer.
    """
    reasons = {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        "Ready": ("True", "KubeletReady", "kubelet is posting ready status")
        if healthy
        else ("False", "KubeletNotReady", "container runtime is down"),
    }
    resources = {"cpu": "24", "memory": "65536Mi", "pods": "110", "ephemeral-storage": "200Gi"}
    return {
        "capacity": resources,
        "allocatable": resources,
        "addresses": [
            {"type": "InternalIP", "address": device.private_address},
            {"type": "ExternalIP", "address": device.public_address},
            {"type": "Hostname", "address": device.hostname},
        ],
        "conditions": [
            {
                "type": name,
                "status": value,
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": rfc3339(now),
                "lastTransitionTime": changed,
            }
            for name, (value, reason, message) in reasons.items()
        ],
        "nodeInfo": {
            "architecture": architecture(device.plan),
            "operatingSystem": "linux",
            "osImage": device.operating_system,
            "kernelVersion": "6.8.0-lab",
            "containerRuntimeVersion": "containerd://1.7.27",
            "kubeletVersion": version,
            "kubeProxyVersion": "",
            "machineID": device.id.replace("-", ""),
            "systemUUID": device.id,
            "bootID": device.id,
        },
    }


def rfc3339(moment: datetime.datetime) -> str:
    """A time as the API server wants it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Kubelet:
    """A machine with a node's certificate."""

    def __init__(self, device: Device, join: Join, version: str, disk: Path) -> None:
        """Prepare, from the credentials on the machine's disk."""
        context: ssl.SSLContext = trusting((disk / "ca.crt").read_text())
        context.load_cert_chain(disk / "kubelet.pem")
        self._client = httpx.Client(
            base_url=(disk / "server").read_text(), verify=context, timeout=5.0, trust_env=False
        )
        self._device, self._join, self._version = device, join, version
        self.name = join.name or device.hostname
        self._path = f"/api/v1/nodes/{self.name}"
        self._lease = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.name}"

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def register(self) -> None:
        """Create the Node, or find it there.

        Raises:
            NotYet: the API server does not answer, or not as hoped.
            LeftOut: it refuses this Node for good.
        """
        if not self._version:
            self._version = answered(lambda: self._client.get("/version"), "the API server's version")["gitVersion"]
        try:
            answer = self._client.post("/api/v1/nodes", json=node(self._device, self._join))
        except httpx.HTTPError as error:
            raise NotYet(f"the API server {self._client.base_url} does not answer: {error}") from None
        if answer.status_code == httpx.codes.CONFLICT:
            return
        if answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.BAD_REQUEST):
            raise LeftOut(f"the API server refuses its Node: {status_text(answer)}")
        answered(lambda: answer, f"creating Node {self.name}")

    def beat(self, *, healthy: bool = True) -> None:
        """One sign of life: the lease renewed, the status reported where it has changed.

        Raises:
            NotYet: the API server does not answer, or the Node is gone.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        found = answered(lambda: self._client.get(self._path), f"Node {self.name}")
        self._renew(found, now)
        if ready(found) != healthy or self._outdated(found):
            self._report(now, healthy=healthy)

    def _outdated(self, found: Mapping[str, Any]) -> bool:
        return bool(found["status"].get("nodeInfo", {}).get("kubeletVersion") != self._version)

    def _renew(self, found: Mapping[str, Any], now: datetime.datetime) -> None:
        spec = {
            "holderIdentity": self.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        answer = self._client.patch(
            self._lease, json={"spec": spec}, headers={"Content-Type": "application/merge-patch+json"}
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            owner = {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": found["metadata"]["uid"]}
            metadata = {"name": self.name, "namespace": "kube-node-lease", "ownerReferences": [owner]}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            answer = self._client.post(self._lease.rsplit("/", 1)[0], json=lease)
        answered(lambda: answer, f"Lease {self.name}")

    def _report(self, now: datetime.datetime, *, healthy: bool) -> None:
        body = {"status": status(self._device, self._version, now, rfc3339(now), healthy=healthy)}
        answered(
            lambda: self._client.patch(f"{self._path}/status", json=body, headers=MERGE), f"status of Node {self.name}"
        )
