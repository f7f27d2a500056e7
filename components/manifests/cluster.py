"""The Cluster and its namespace. Pure."""

from __future__ import annotations

from typing import Any

from ..capi.manifest import NETWORK_PLUGIN, Manifest, drop_empty, manifest
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from .control_plane import KIND as CONTROL_PLANE_KIND


def namespace(settings: TenantClusterSettings) -> Manifest | None:
    """The namespace, where the stack asks for one."""
    if not settings.cluster.create_namespace:
        return None
    labels = {**settings.cluster.labels, "app.kubernetes.io/managed-by": "kamaji-equinix"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": settings.cluster.namespace, "labels": labels}}


def cluster(settings: TenantClusterSettings) -> Manifest:
    """The Cluster."""
    section, generation = settings.cluster, settings.contract
    infrastructure = provider_of(settings).reference(settings)
    spec: dict[str, Any] = {
        "clusterNetwork": {
            "pods": {"cidrBlocks": list(section.pod_cidrs)},
            "services": {"cidrBlocks": list(section.service_cidrs)},
            **drop_empty(serviceDomain=section.service_domain, apiServerPort=section.api_server_port),
        },
        "controlPlaneRef": generation.reference(
            generation.control_plane, CONTROL_PLANE_KIND, settings.control_plane_name, section.namespace
        ),
        "infrastructureRef": generation.reference(
            infrastructure["apiVersion"], infrastructure["kind"], infrastructure["name"], section.namespace
        ),
    }
    if section.paused:
        spec["paused"] = True
    plugin = settings.network.plugin
    annotations = None if plugin == "none" else {NETWORK_PLUGIN: plugin}
    return manifest(settings, generation.core, "Cluster", section.name, spec, annotations=annotations)
