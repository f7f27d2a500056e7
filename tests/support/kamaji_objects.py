"""A tenant cluster's objects in a real API, with the statuses that Cluster API and Kamaji would write."""

from __future__ import annotations

import base64
import secrets
import threading
from typing import Any

import httpx

from lab.plane import ManagementPlane

from . import kubeconfig_secret
from .answers import body_of
from .tls_endpoint import TenantAuthority

Json = dict[str, Any]

CLUSTERS = "/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/clusters"
CONTROL_PLANES = "/apis/controlplane.cluster.x-k8s.io/v1alpha1/namespaces/{}/kamajicontrolplanes"
INFRASTRUCTURE = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/{}/packetclusters"
TENANTS = "/apis/kamaji.clastix.io/v1alpha1/namespaces/{}/tenantcontrolplanes"
SERVICES = "/api/v1/namespaces/{}/services"
SECRETS = "/api/v1/namespaces/{}/secrets"

MERGE = {"Content-Type": "application/merge-patch+json"}
CLUSTER, CONTROL_PLANE = "c1", "cp"


class Tenant:
    """The objects of one tenant cluster, in a namespace of their own; its controllers are played by a thread.

    Attributes:
        secret: a text that stands in every credential of the tenant; it must show up nowhere.
        uid: UID of the Cluster.
    """

    def __init__(self, management: ManagementPlane) -> None:
        self.management = management
        self.namespace = f"tenant-{secrets.token_hex(4)}"
        self.secret = f"credential-{secrets.token_hex(8)}"
        self.authority = TenantAuthority()
        self.http = management.client()
        self.uid = ""
        self._stop = threading.Event()
        self._players: list[threading.Thread] = []
        body_of(self.http.post("/api/v1/namespaces", json={"metadata": {"name": self.namespace}}))

    # Objects

    def create(self, *, owned: bool = True, paused: bool = False) -> Tenant:
        """Write Cluster, PacketCluster and KamajiControlPlane, as a stack and Cluster API's controller leave them."""
        refers = {"kind": "KamajiControlPlane", "apiVersion": "controlplane.cluster.x-k8s.io/v1alpha1"}
        infra = {"kind": "PacketCluster", "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1"}
        spec: Json = {"infrastructureRef": {**infra, "name": CLUSTER, "namespace": self.namespace}}
        spec["controlPlaneRef"] = {
            **refers,
            "name": CONTROL_PLANE if owned else "another",
            "namespace": self.namespace,
        }
        cluster = self._post(CLUSTERS, "cluster.x-k8s.io/v1beta1", "Cluster", CLUSTER, {**spec, "paused": paused})
        self.uid = cluster["metadata"]["uid"]
        owner = [{"apiVersion": cluster["apiVersion"], "kind": "Cluster", "name": CLUSTER, "uid": self.uid}]
        marks = {"ownerReferences": owner} if owned else {}
        self.infrastructure()
        plane = {"version": "1.33.0", "dataStoreName": "default", "replicas": 1}
        self._post(CONTROL_PLANES, refers["apiVersion"], refers["kind"], CONTROL_PLANE, plane, **marks)
        return self

    def infrastructure(self, **metadata: Any) -> None:
        """Write the PacketCluster."""
        marks = {"annotations": {"cluster.x-k8s.io/managed-by": "kamaji"}, **metadata}
        spec = {"projectID": "00000000-0000-0000-0000-000000000000", "vipManager": "EMLB", "metro": "da"}
        version = "infrastructure.cluster.x-k8s.io/v1beta1"
        self._post(INFRASTRUCTURE, version, "PacketCluster", CLUSTER, spec, **marks)

    def tenant(
        self,
        *,
        state: str = "Ready",
        conditions: tuple[Json, ...] = (),
        authority: bool = True,
        kubeconfig: bool = True,
    ) -> None:
        """Write the TenantControlPlane, its status, and the Secrets of its authority and its kubeconfig, as Kamaji does."""
        spec: Json = {"controlPlane": {"service": {"serviceType": "LoadBalancer"}}}
        spec["networkProfile"] = {"port": 6443}
        spec["kubernetes"] = {"version": "1.33.0", "kubelet": {"cgroupfs": "systemd"}}
        obj = self._post(TENANTS, "kamaji.clastix.io/v1alpha1", "TenantControlPlane", CONTROL_PLANE, spec)
        deployment = {
            "name": CONTROL_PLANE,
            "namespace": self.namespace,
            "selector": "a=b",
            "conditions": list(conditions),
        }
        holder, admin = f"{CONTROL_PLANE}-ca", f"{CONTROL_PLANE}-admin-kubeconfig"
        obj["status"] = {
            "kubeconfig": {"admin": {"secretName": admin}} if kubeconfig else {},
            "kubernetesResources": {"version": {"status": state}, "deployment": deployment},
            "certificates": {"ca": {"secretName": holder}} if authority else {},
        }
        body_of(self.http.put(f"{TENANTS.format(self.namespace)}/{CONTROL_PLANE}/status", json=obj))
        if authority:
            self.write_secret(
                holder, {"ca.crt": self.authority.pem, "ca.key": f"{self.authority.key_pem}\n# {self.secret}"}
            )
        if kubeconfig:
            self.write_secret(admin, {"admin.conf": f"token: {self.secret}"})

    def service(self, address: str | None) -> None:
        """Write the control plane's Service, with or without an address of a load balancer."""
        spec: Json = {"type": "LoadBalancer", "ports": [{"port": 6443}], "selector": {"a": "b"}}
        obj = self._post(SERVICES, "v1", "Service", CONTROL_PLANE, spec)
        if address:
            obj["status"] = {"loadBalancer": {"ingress": [{"ip": address}]}}
            body_of(self.http.put(f"{SERVICES.format(self.namespace)}/{CONTROL_PLANE}/status", json=obj))

    def publish(self, host: str, port: int) -> None:
        """Set the KamajiControlPlane's endpoint, as Kamaji's provider does once the load balancer answers."""
        self.patch(CONTROL_PLANES, CONTROL_PLANE, {"spec": {"controlPlaneEndpoint": {"host": host, "port": port}}})

    def write_secret(self, name: str, data: dict[str, str]) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self._post(SECRETS, "v1", "Secret", name, None, data=encoded)

    # What a test looks at

    def get(self, path: str, name: str) -> Json:
        return body_of(self.http.get(f"{path.format(self.namespace)}/{name}"))

    def packet_cluster(self) -> Json:
        return self.get(INFRASTRUCTURE, CLUSTER)

    def patch(self, path: str, name: str, content: Json, *, subresource: str = "", manager: str = "manager") -> Json:
        url = f"{path.format(self.namespace)}/{name}{subresource}"
        return body_of(self.http.patch(url, json=content, headers=MERGE, params={"fieldManager": manager}))

    def delete(self, path: str, name: str) -> None:
        body_of(self.http.delete(f"{path.format(self.namespace)}/{name}"))

    # Controllers

    def play(self, *, cluster_api: bool = True, kamaji: bool = True, impatient: bool = True) -> Tenant:
        """Play the controllers in a thread.

        Args:
            cluster_api: sets Cluster.status.infrastructureReady once the PacketCluster is ready.
            kamaji: then sets the KamajiControlPlane's version and writes the kubeconfig.
            impatient: without waiting for the hand-off's annotation; a backoff of minutes otherwise.
        """
        thread = threading.Thread(target=self._play, args=(cluster_api, kamaji, impatient), daemon=True)
        self._players.append(thread)
        thread.start()
        return self

    def _play(self, cluster_api: bool, kamaji: bool, impatient: bool) -> None:
        client = self.management.client()
        while not self._stop.wait(0.1):
            try:
                if self._round(client, cluster_api, kamaji, impatient):
                    break
            except (httpx.HTTPError, KeyError, AssertionError):
                # The API server restarts, or an object is not there yet: the next round looks again.
                continue
        client.close()

    def _round(self, client: httpx.Client, cluster_api: bool, kamaji: bool, impatient: bool) -> bool:
        def read(path: str, name: str) -> Json:
            return body_of(client.get(f"{path.format(self.namespace)}/{name}"))

        def status(path: str, name: str, content: Json) -> None:
            url = f"{path.format(self.namespace)}/{name}/status"
            body_of(client.patch(url, json={"status": content}, headers=MERGE))

        cluster = read(CLUSTERS, CLUSTER)
        if cluster_api and read(INFRASTRUCTURE, CLUSTER).get("status", {}).get("ready"):
            status(CLUSTERS, CLUSTER, {"infrastructureReady": True})
        plane = read(CONTROL_PLANES, CONTROL_PLANE)
        nudged = "kamaji-equinix.io/handed-off" in (plane["metadata"].get("annotations") or {})
        if not kamaji or not cluster.get("status", {}).get("infrastructureReady") or not (impatient or nudged):
            return False
        counts = dict.fromkeys(("readyReplicas", "replicas", "unavailableReplicas", "updatedReplicas"), 1)
        flags = dict.fromkeys(("initialized", "ready", "externalManagedControlPlane"), True)
        status(CONTROL_PLANES, CONTROL_PLANE, {**counts, **flags, "selector": "", "version": "1.33.0"})
        kubeconfig_secret.keep(client, plane, CLUSTER, f"token: {self.secret}")
        return True

    def close(self) -> None:
        self._stop.set()
        for thread in self._players:
            thread.join(20)
        self.http.close()

    def _post(self, path: str, version: str, kind: str, name: str, spec: Json | None, **extra: Any) -> Json:
        data = {"data": extra.pop("data")} if "data" in extra else {}
        metadata = {"name": name, "namespace": self.namespace, **extra}
        document: Json = {"apiVersion": version, "kind": kind, "metadata": metadata, **data}
        if spec is not None:
            document["spec"] = spec
        # An API server answers the first requests for a kind with 429 while it fills its cache.
        for _ in range(20):
            answer = self.http.post(path.format(self.namespace), json=document)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            self._stop.wait(0.5)
        return body_of(answer)
