"""Shared parts of all manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Manifest = dict[str, Any]
"""A Kubernetes object as ``kubectl apply`` takes it."""

CLUSTER_LABEL = "cluster.x-k8s.io/cluster-name"
POOL_LABEL = "pool"
MANAGED_BY = {"app.kubernetes.io/managed-by": "kamaji-equinix"}

NETWORK_PLUGIN = "kamaji-equinix.io/network-plugin"
"""Annotation of a Cluster with the network plugin that this program installs into it; none where it installs none."""

ADD_ON = "kamaji-equinix.io/add-on"
"""Label of an add-on's workloads in the tenant cluster, where the cluster is not ready without them: the add-on's name."""

COMPONENTS = {
    "Cluster": "cluster",
    "KamajiControlPlane": "control-plane",
    "MachineDeployment": "workers",
    "MachineHealthCheck": "workers",
    "KubeadmConfigTemplate": "workers",
    "Secret": "workers",
}
"""``app.kubernetes.io/component`` by kind; anything else is infrastructure."""


class ClusterMetadata(Protocol):
    """The Cluster's settings that its objects' metadata are made of."""

    @property
    def name(self) -> str:
        """Name of the Cluster."""

    @property
    def namespace(self) -> str:
        """Namespace of all its objects."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The user's labels."""


class Tenant(Protocol):
    """Settings of a tenant cluster."""

    @property
    def cluster(self) -> ClusterMetadata:
        """Settings of its Cluster."""


class Pool(Protocol):
    """Settings of a worker pool."""

    @property
    def name(self) -> str:
        """Its name, unique in the cluster."""


def labels(settings: Tenant, kind: str, pool: Pool | None = None) -> dict[str, str]:
    """Labels of an object: the user's, then the recommended ones, which win.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
    """
    common_labels = {
        **settings.cluster.labels,
        "app.kubernetes.io/name": "kamaji-equinix",
        "app.kubernetes.io/instance": settings.cluster.name,
        "app.kubernetes.io/component": COMPONENTS.get(kind, "infrastructure"),
        **MANAGED_BY,
        CLUSTER_LABEL: settings.cluster.name,
    }
    return common_labels | ({POOL_LABEL: pool.name} if pool else {})


def selector(settings: Tenant, pool: Pool) -> dict[str, str]:
    """Labels that tell a pool's machines from all others."""
    return {CLUSTER_LABEL: settings.cluster.name, POOL_LABEL: pool.name}


def manifest(
    settings: Tenant,
    api_version: str,
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    *,
    pool: Pool | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """An object of a tenant cluster."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": settings.cluster.namespace,
        "labels": labels(settings, kind, pool),
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": dict(spec)}


def without(value: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A manifest, or a part of it, without the field at a path.

    >>> without({"spec": {"online": False, "bootMode": "UEFI"}}, "spec.online")
    {'spec': {'bootMode': 'UEFI'}}
    """
    first, _, subpath = path.partition(".")
    if not subpath:
        return {key: item for key, item in value.items() if key != first}
    inner = value.get(first)
    return {**value, first: without(inner, subpath)} if isinstance(inner, Mapping) else dict(value)


def drop_empty(**values: Any) -> dict[str, Any]:
    """The values of optional fields without None, empty text, maps and lists; 0 and false stay.

    >>> drop_empty(serviceAddress=None, certSANs=(), replicas=0)
    {'replicas': 0}
    """
    nonempty = {key: value for key, value in values.items() if value is not None and value not in ("", (), [], {})}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in nonempty.items()}
