"""Many tenant clusters at once: their controllers played by one thread, and light endpoints for their API servers."""

from __future__ import annotations

import base64
import math
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx

from lab.changes import IDLE_SECONDS, POLL_SECONDS, Changes
from lab.plane import ManagementPlane

from . import kamaji_builder, kubeconfig_secret
from .answers import body_of
from .light_endpoints import LightEndpoints
from .tls_endpoint import TenantAuthority

Json = dict[str, Any]

CLUSTERS = "/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/clusters"
CONTROL_PLANES = "/apis/controlplane.cluster.x-k8s.io/v1alpha1/namespaces/{}/kamajicontrolplanes"
INFRASTRUCTURE = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/{}/packetclusters"
TENANTS = "/apis/kamaji.clastix.io/v1alpha1/namespaces/{}/tenantcontrolplanes"
SECRETS = "/api/v1/namespaces/{}/secrets"

DEPENDENTS = (
    CONTROL_PLANES,
    INFRASTRUCTURE,
    TENANTS,
    SECRETS,
    *(CLUSTERS.replace("clusters", kind) for kind in ("machinedeployments", "machinesets", "machinehealthchecks")),
    INFRASTRUCTURE.replace("packetclusters", "packetmachinetemplates"),
    "/apis/bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{}/kubeadmconfigtemplates",
)
"""Collections of what belongs to a Cluster or a control plane."""

MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Member:
    """One tenant's control plane, as its load balancer shows it.

    Attributes:
        listener: its port; refuses connections until it answers.
        publication: when its address was published, in seconds of ``time.monotonic``; 0 before.
        answers: since when it answers; 0 before.
    """

    name: str
    listener: socket.socket
    publication: float = 0.0
    answers: float = 0.0

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port


class Fleet:
    """The control planes of the KamajiControlPlanes in one namespace, whoever makes those.

    Args:
        management: where they are.
        delay: seconds from a published address to its first answer; can be changed.
        kubeconfig: what the tenants' Secrets hold, where a tenant's own API server is more than played.
        namespace: where; one of its own by default.

    Attributes:
        problem: what the last round of playing failed with.
    """

    dependents: tuple[str, ...] = DEPENDENTS
    watches: tuple[str, ...] = (CONTROL_PLANES, INFRASTRUCTURE, CLUSTERS)
    """Collections whose changes begin a round; a fleet that also looks elsewhere has none, and looks again and again."""

    def __init__(
        self,
        management: ManagementPlane,
        *,
        delay: float = 0.0,
        namespace: str | None = None,
        kubeconfig: str | None = None,
    ) -> None:
        self.management, self._delay = management, delay
        self.namespace = namespace or f"fleet-{secrets.token_hex(4)}"
        self.secret = f"credential-{secrets.token_hex(8)}"
        self.kubeconfig = kubeconfig or f"token: {self.secret}"
        self.authority = TenantAuthority()
        self.members: dict[str, Member] = {}
        self.problem: BaseException | None = None
        self._owners: set[str] = set()
        self._endpoints = LightEndpoints(self.authority.server_context())
        self._stop = threading.Event()
        self.http = management.client()
        answer = self.http.post("/api/v1/namespaces", json={"metadata": {"name": self.namespace}})
        assert answer.status_code in (httpx.codes.CREATED, httpx.codes.CONFLICT), answer.text
        self._changes = Changes(management.client, [path.format(self.namespace) for path in self.watches])
        self._player = threading.Thread(target=self._play, daemon=True)

    def start(self) -> Fleet:
        """Begin to play."""
        self._changes.start()
        self._endpoints.start()
        self._player.start()
        return self

    def create(self, *names: str) -> None:
        """Write the objects that a stack would, for hand-offs without one."""
        for name in names:
            kinds: list[tuple[str, str, str, Json]] = [
                (CLUSTERS, "cluster.x-k8s.io/v1beta1", "Cluster", {}),
                (
                    INFRASTRUCTURE,
                    "infrastructure.cluster.x-k8s.io/v1beta1",
                    "PacketCluster",
                    {"projectID": "00000000-0000-0000-0000-000000000000", "vipManager": "EMLB", "metro": "da"},
                ),
                (
                    CONTROL_PLANES,
                    "controlplane.cluster.x-k8s.io/v1alpha1",
                    "KamajiControlPlane",
                    {"version": "1.33.0", "dataStoreName": "default", "replicas": 1},
                ),
            ]
            for path, version, kind, spec in kinds:
                self._post(self.http, path, version, kind, name, {"spec": spec})

    def read(self, path: str, name: str) -> Json:
        """An object."""
        return body_of(self.http.get(f"{path.format(self.namespace)}/{name}"))

    def change(self, path: str, name: str, content: Json, *, subresource: str = "") -> Json:
        """Change an object, as somebody else."""
        url = f"{path.format(self.namespace)}/{name}{subresource}"
        return body_of(self.http.patch(url, json=content, headers=MERGE, params={"fieldManager": "somebody"}))

    def close(self) -> None:
        """Stop playing."""
        self._stop.set()
        self._changes.stop()
        self._player.join(20)
        self._endpoints.close()
        self.http.close()

    def __enter__(self) -> Fleet:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def delay(self) -> float:
        """Seconds from a published address to its first answer."""
        return self._delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._delay = seconds
        self._changes.tell()

    # Control planes

    def answer(self, member: Member) -> None:
        """Let a control plane answer from now on."""
        self._endpoints.open(member.listener)
        member.answers = time.monotonic()

    def publish_again(self) -> None:
        """Count the delay from now for all whose control planes do not answer yet."""
        for member in self.members.values():
            member.publication = time.monotonic()

    # Controllers

    def _play(self) -> None:
        with self.management.client() as client:
            while self._changes.wait(seconds=self._pause()):
                try:
                    self._round(client)
                    self.problem = None
                except (httpx.HTTPError, KeyError, AssertionError) as error:
                    # The API server restarts, or fills its cache (429): the next round looks again.
                    self.problem = error

    def _pause(self) -> float:
        """Seconds to the next round at the latest: no change tells that it is time for a control plane to answer."""
        if self.problem:
            return POLL_SECONDS
        silent = [member.publication for member in self.members.values() if member.publication and not member.answers]
        return min(IDLE_SECONDS, max(0.0, min(silent, default=math.inf) + self.delay - time.monotonic()))

    def _round(self, client: httpx.Client) -> None:
        planes, infrastructures = self._list(client, CONTROL_PLANES), self._list(client, INFRASTRUCTURE)
        clusters = self._list(client, CLUSTERS)
        for name in self.members.keys() - planes.keys():
            # What is gone does not answer any more.
            self._endpoints.remove(self.members.pop(name).listener)
        for name, plane in planes.items():
            owner = next((other for other in clusters if refers(clusters[other], name)), name)
            self._member(client, name, plane, clusters.get(owner))
            if not dig(infrastructures.get(owner), "status", "ready"):
                continue
            if owner in clusters and not dig(clusters[owner], "status", "infrastructureReady"):
                self._status(client, CLUSTERS, owner, {"infrastructureReady": True})
            elif dig(plane, "status", "version") != (version := f"v{plane['spec']['version']}"):
                counts = dict.fromkeys(("readyReplicas", "replicas", "unavailableReplicas", "updatedReplicas"), 1)
                flags = dict.fromkeys(("initialized", "ready", "externalManagedControlPlane"), True)
                kubeconfig_secret.keep(client, plane, owner, self.kubeconfig)
                self._status(client, CONTROL_PLANES, name, {**counts, **flags, "selector": "", "version": version})
        self._collect(client, [*clusters.values(), *planes.values()])
        for member in self.members.values():
            if member.publication and not member.answers and time.monotonic() - member.publication >= self.delay:
                self.answer(member)

    def _collect(self, client: httpx.Client, owners: list[Json]) -> None:
        """Delete what belonged to an owner that is gone, as the garbage collector does."""
        living = {str(dig(owner, "metadata", "uid")) for owner in owners}
        lost, self._owners = self._owners - living, self._owners | living
        orphans = [
            f"{path.format(self.namespace)}/{name}"
            for path in self.dependents
            if lost
            for name, item in self._items(client, path).items()
            if (uids := {owner["uid"] for owner in dig(item, "metadata", "ownerReferences") or ()}) and uids <= lost
        ]
        for path in orphans:
            client.delete(path)
        if not orphans:
            self._owners = living

    def _items(self, client: httpx.Client, path: str) -> dict[str, Json]:
        """The objects of a collection; none where its kind is not served."""
        answer = client.get(path.format(self.namespace))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        return {item["metadata"]["name"]: item for item in body_of(answer)["items"]}

    def _member(self, client: httpx.Client, name: str, plane: Json, cluster: Json | None) -> None:
        if name in self.members:
            return
        member = Member(name, self._endpoints.reserve())
        holder, admin = f"{name}-ca", f"{name}-admin-kubeconfig"
        self._secret(
            client, holder, {"ca.crt": self.authority.pem, "ca.key": f"{self.authority.key_pem}#{self.secret}"}
        )
        self._secret(client, admin, {"admin.conf": f"token: {self.secret}"})
        spec: Json = {"controlPlane": {"service": {"serviceType": "LoadBalancer"}}, "networkProfile": {"port": 6443}}
        spec["kubernetes"] = {"version": f"v{plane['spec']['version']}", "kubelet": {"cgroupfs": "systemd"}}
        if cluster and dig(cluster, "spec", "clusterNetwork"):
            # Made by a stack: then as Kamaji's provider would make it. The control plane does not tell, because its CRD fills
            # in a network.
            spec = kamaji_builder.tenant_control_plane(cluster, plane)["spec"]
        owner = {key: plane[key] for key in ("apiVersion", "kind")} | {
            key: plane["metadata"][key] for key in ("name", "uid")
        }
        content = {"spec": spec, "metadata": {"ownerReferences": [{**owner, "controller": True}]}}
        self._post(client, TENANTS, "kamaji.clastix.io/v1alpha1", "TenantControlPlane", name, content)
        self._status(
            client,
            TENANTS,
            name,
            {"certificates": {"ca": {"secretName": holder}}, "kubeconfig": {"admin": {"secretName": admin}}},
        )
        url = f"{CONTROL_PLANES.format(self.namespace)}/{name}"
        endpoint = {"host": "127.0.0.1", "port": member.port}
        body_of(client.patch(url, json={"spec": {"controlPlaneEndpoint": endpoint}}, headers=MERGE))
        member.publication = time.monotonic()
        self.members[name] = member

    def _list(self, client: httpx.Client, path: str) -> dict[str, Json]:
        items = body_of(client.get(path.format(self.namespace)))["items"]
        return {item["metadata"]["name"]: item for item in items}

    def _status(self, client: httpx.Client, path: str, name: str, content: Json) -> None:
        url = f"{path.format(self.namespace)}/{name}/status"
        body_of(client.patch(url, json={"status": content}, headers=MERGE))

    def _secret(self, client: httpx.Client, name: str, data: dict[str, str]) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self._post(client, SECRETS, "v1", "Secret", name, {"data": encoded})

    def _post(self, client: httpx.Client, path: str, version: str, kind: str, name: str, content: Json) -> None:
        metadata = {**content.get("metadata", {}), "name": name, "namespace": self.namespace}
        document = {**content, "apiVersion": version, "kind": kind, "metadata": metadata}
        # An API server answers the first requests for a kind with 429 while it fills its cache.
        for _ in range(20):
            answer = client.post(path.format(self.namespace), json=document)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            self._stop.wait(0.5)
        if answer.status_code != httpx.codes.CONFLICT:
            body_of(answer)


def refers(cluster: Json, control_plane: str) -> bool:
    """Whether a Cluster names a control plane."""
    return bool(dig(cluster, "spec", "controlPlaneRef", "name") == control_plane)


def dig(value: Any, *path: str) -> Any:
    """A field below a field, None where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
