"""What all manifests share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .settings import TenantClusterSettings, WorkerPoolSettings

Manifest = dict[str, Any]
"""A Kubernetes object as ``kubectl apply`` takes it."""

CLUSTER_LABEL = "cluster.x-k8s.io/cluster-name"
POOL_LABEL = "pool"


def labels(settings: TenantClusterSettings, pool: WorkerPoolSettings | None = None) -> dict[str, str]:
    """Labels of an object."""
    found = {
        "app.kubernetes.io/managed-by": "kamaji-equinix",
        "app.kubernetes.io/part-of": settings.cluster.name,
        CLUSTER_LABEL: settings.cluster.name,
    }
    return found | ({POOL_LABEL: pool.name} if pool else {})


def selector(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> dict[str, str]:
    """Labels that tell a pool's machines from all others."""
    return {CLUSTER_LABEL: settings.cluster.name, POOL_LABEL: pool.name}


def manifest(
    settings: TenantClusterSettings,
    api_version: str,
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    *,
    pool: WorkerPoolSettings | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """An object of a tenant cluster."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": settings.cluster.namespace,
        "labels": labels(settings, pool),
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": dict(spec)}
