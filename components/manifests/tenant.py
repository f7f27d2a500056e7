"""The TenantControlPlane that Kamaji's Cluster API provider makes of a Cluster and a KamajiControlPlane.

It has only the fields that Kamaji's webhooks and its CRD judge, for a dry-run before anything is written. Source: the
provider's ``controllers/kamajicontrolplane_controller_tcp.go``, v0.15.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.manifest import Manifest
from ..kube.objects import dig

SETTINGS = {
    "kubernetes.version": "cluster.kubernetesVersion",
    "kubernetes.kubelet": "controlPlane.kubelet",
    "kubernetes.admissionControllers": "controlPlane.admissionControllers",
    "networkProfile.port": "cluster.apiServerPort",
    "networkProfile.serviceCidr": "cluster.serviceCidrs",
    "networkProfile.podCidr": "cluster.podCidrs",
    "networkProfile.clusterDomain": "cluster.serviceDomain",
    "networkProfile.dnsServiceIPs": "controlPlane.network.dnsServiceIPs",
    "networkProfile.address": "controlPlane.network.serviceAddress",
    "networkProfile.certSANs": "controlPlane.network.certSANs",
    "networkProfile.loadBalancerClass": "controlPlane.network.loadBalancerClass",
    "networkProfile.loadBalancerSourceRanges": "controlPlane.network.loadBalancerSourceRanges",
    "controlPlane.service.serviceType": "controlPlane.network.serviceType",
    "dataStore": "controlPlane.dataStore",
    "dataStoreSchema": "controlPlane.dataStoreSchema",
}
"""Fields below ``spec``, and the settings that they come from."""

DEFAULTS = {
    "networkProfile.clusterDomain": "cluster.local",
    "networkProfile.port": 6443,
}
"""The CRD's defaults."""


def tenant_control_plane(cluster: Mapping[str, Any], plane: Mapping[str, Any]) -> Manifest:
    """The TenantControlPlane of two manifests, with the fields in ``SETTINGS`` that they set."""
    network, spec = dig(cluster, "spec", "clusterNetwork") or {}, plane["spec"]
    access = spec.get("network") or {}
    core_dns = dig(spec, "addons", "coreDNS")
    balancer = access.get("loadBalancerConfig") or {}
    sans = list(access.get("certSANs") or ())
    if host := dig(access, "ingress", "hostname"):
        sans.append(host.rpartition(":")[0] or host)
    values = {
        "kubernetes.version": f"v{str(spec.get('version', '')).removeprefix('v')}",
        "kubernetes.kubelet": spec.get("kubelet"),
        "kubernetes.admissionControllers": spec.get("admissionControllers"),
        "networkProfile.port": network.get("apiServerPort"),
        "networkProfile.serviceCidr": first(network.get("services")),
        "networkProfile.podCidr": first(network.get("pods")),
        "networkProfile.clusterDomain": network.get("serviceDomain") or DEFAULTS["networkProfile.clusterDomain"],
        "networkProfile.dnsServiceIPs": (core_dns if core_dns is not None else access).get("dnsServiceIPs"),
        "networkProfile.address": access.get("serviceAddress"),
        "networkProfile.certSANs": sans,
        "networkProfile.loadBalancerClass": balancer.get("loadBalancerClass"),
        "networkProfile.loadBalancerSourceRanges": balancer.get("loadBalancerSourceRanges"),
        "controlPlane.service.serviceType": access.get("serviceType"),
        "dataStore": spec.get("dataStoreName"),
        "dataStoreSchema": spec.get("dataStoreSchema"),
    }
    tenant_spec: dict[str, Any] = {
        # Kamaji's defaulting webhook adds the replicas only to an existing deployment.
        "controlPlane": {"deployment": {"replicas": spec.get("replicas", 2)}},
        "addons": {"coreDNS": {}} if core_dns is not None else {},
    }
    for path, value in values.items():
        if value not in (None, "", [], {}):
            set_field(tenant_spec, path, value)
    metadata = {"name": plane["metadata"]["name"], "namespace": plane["metadata"]["namespace"]}
    kind = TENANT_CONTROL_PLANE
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": tenant_spec}


def first(ranges: Mapping[str, Any] | None) -> str | None:
    """The only address range that the provider uses."""
    blocks = (ranges or {}).get("cidrBlocks")
    return str(blocks[0]) if blocks else None


def set_field(target: dict[str, Any], path: str, value: Any) -> None:
    """Set a field below fields."""
    *parents, name = path.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[name] = value


def differences(manifest: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in ``SETTINGS`` whose value in a live TenantControlPlane would change, by path."""
    changes = {}
    for path in SETTINGS:
        value = dig(manifest, "spec", *path.split("."))
        if value is not None and value != dig(current, "spec", *path.split(".")):
            changes[path] = value
    return changes
