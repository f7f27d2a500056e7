"""Control planes with Metal3's infrastructure on an API server of the second generation, all their controllers played.

Of CAPM3 and the baremetal-operator it plays what the program meets: a Metal3Cluster is marked ready, hosts become available,
take a machine (``consumerRef``, ``online``, the Cluster's label) and give it back.
"""

from __future__ import annotations

from typing import Any

import httpx

from lab.plane import ManagementPlane
from tests.support.answers import body_of
from tests.support.fleet import CLUSTERS, CONTROL_PLANES, DEPENDENTS, INFRASTRUCTURE, MERGE, Fleet, Json, dig

NEWER = {
    CLUSTERS: CLUSTERS.replace("v1beta1", "v1beta2"),
    CONTROL_PLANES: CONTROL_PLANES.replace("v1alpha1", "v1alpha2"),
    INFRASTRUCTURE: INFRASTRUCTURE.replace("v1beta1", "v1beta2").replace("packetclusters", "metal3clusters"),
}
HOSTS = "/apis/metal3.io/v1alpha1/namespaces/{}/baremetalhosts"


class Metal3Fleet(Fleet):
    """Played on the second generation's kinds.

    Attributes:
        early: whether a Metal3Cluster was there before its control plane answered.
    """

    watches = (*NEWER.values(), HOSTS)
    dependents = (
        *(NEWER.get(path, path).replace("/v1beta1/", "/v1beta2/") for path in DEPENDENTS if "packet" not in path),
        *(
            NEWER[INFRASTRUCTURE].replace("metal3clusters", kind)
            for kind in ("metal3clusters", "metal3machinetemplates", "metal3datatemplates")
        ),
        "/apis/ipam.metal3.io/v1alpha1/namespaces/{}/ippools",
    )

    def __init__(self, management: ManagementPlane, *, delay: float = 0.0) -> None:
        super().__init__(management, delay=delay)
        self.early = False
        self._machines: dict[str, str] = {}

    def occupy(self, host: str, machine: str) -> None:
        """Let a host have a machine."""
        self._machines[host] = machine
        self._changes.tell()

    def vacate(self) -> None:
        """Let no host have a machine."""
        self._machines.clear()
        self._changes.tell()

    def _list(self, client: httpx.Client, path: str) -> dict[str, Json]:
        objects = super()._list(client, NEWER.get(path, path))
        for obj in objects.values():
            # The play reads the older generation's words.
            status = obj.setdefault("status", {})
            status["ready"] = dig(status, "initialization", "provisioned") or dig(status, "ready")
            status["infrastructureReady"] = dig(status, "initialization", "infrastructureProvisioned")
        return objects

    def _status(self, client: httpx.Client, path: str, name: str, content: Json) -> None:
        if path == CLUSTERS:
            content = {"initialization": {"infrastructureProvisioned": True}}
        elif path == CONTROL_PLANES:
            keys = ("version", "selector", "ready", "externalManagedControlPlane")
            content = {key: content[key] for key in keys} | {"initialization": {"controlPlaneInitialized": True}}
        super()._status(client, NEWER.get(path, path), name, content)

    def _member(self, client: httpx.Client, name: str, plane: Json, cluster: Json | None) -> None:
        super()._member(_Newer(client), name, plane, cluster)  # type: ignore[arg-type]

    def _round(self, client: httpx.Client) -> None:
        for name, obj in super()._list(client, NEWER[INFRASTRUCTURE]).items():
            self.early = self.early or not any(member.answers for member in self.members.values())
            if not dig(obj, "status", "initialization", "provisioned"):
                super()._status(client, NEWER[INFRASTRUCTURE], name, {"initialization": {"provisioned": True}})
        for name, host in super()._list(client, HOSTS).items():
            self._host(client, name, host)
        super()._round(client)

    def _host(self, client: httpx.Client, name: str, host: Json) -> None:
        """What CAPM3 and the operator write into a host."""
        machine = self._machines.get(name)
        consumer: Json | None = None
        if machine:
            consumer = {
                "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
                "kind": "Metal3Machine",
                "name": machine,
            }
        if (dig(host, "spec", "consumerRef", "name") or None) != machine:
            label = {"cluster.x-k8s.io/cluster-name": "one" if machine else None}
            change: dict[str, Any] = {
                "metadata": {"labels": label},
                "spec": {"consumerRef": consumer, "online": bool(machine)},
            }
            body_of(client.patch(f"{HOSTS.format(self.namespace)}/{name}", json=change, headers=MERGE))


class _Newer:
    """A client that finds the older generation's paths in the newer one."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """The client's own."""
        return getattr(self._client, name)

    def patch(self, url: str, **extra: Any) -> httpx.Response:
        """As of the client."""
        return self._client.patch(
            url.replace("controlplane.cluster.x-k8s.io/v1alpha1", "controlplane.cluster.x-k8s.io/v1alpha2"), **extra
        )
