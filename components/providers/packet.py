"""All that knows Equinix Metal and its Cluster API provider, capp 0.9. Nothing else names Packet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capi import naming
from ..capi.kinds import InfrastructureReference
from ..capi.manifest import Manifest, manifest
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings

API_VERSION = "infrastructure.cluster.x-k8s.io/v1beta1"
CLUSTER_KIND = "PacketCluster"
TEMPLATE_KIND = "PacketMachineTemplate"

INSTALL = "clusterctl init --infrastructure packet"
"""Installs capp. clusterctl dropped it from its built-in list in v1.11: newer ones need a ``providers`` entry for it."""

MANAGED_BY = {"cluster.x-k8s.io/managed-by": "kamaji"}
"""Must be there from the first create: without it capp reserves an address of its own and adds a finalizer."""

CLUSTER_REMARK = (
    "The annotation keeps capp from reserving an address of its own; Kamaji's load balancer gives the endpoint, which must "
    "not stand here."
)

PROVIDER_ID = "equinixmetal://{{ v1.instance_id }}"
"""What capp looks for on the node; cloud-init's jinja2 fills in the device's id."""


def infrastructure_reference(settings: TenantClusterSettings) -> InfrastructureReference:
    """Where the infrastructure cluster is."""
    return {
        "apiVersion": API_VERSION,
        "kind": CLUSTER_KIND,
        "plural": "packetclusters",
        "name": settings.cluster.name,
    }


def infrastructure_cluster(settings: TenantClusterSettings) -> Manifest:
    """The PacketCluster. It never holds ``controlPlaneEndpoint``: that field has another writer.

    Without ``projectID`` where the stack creates the project: the component that knows its id adds it.
    """
    metal = settings.metal
    spec: dict[str, Any] = {"vipManager": metal.vip_manager}
    if metal.project_id:
        spec["projectID"] = metal.project_id
    spec |= place(metal.metro, metal.facility)
    return manifest(settings, API_VERSION, CLUSTER_KIND, settings.cluster.name, spec, annotations=MANAGED_BY)


def machine_template(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest:
    """The PacketMachineTemplate of a pool."""
    spec: dict[str, Any] = {
        "billingCycle": pool.billing_cycle,
        "machineType": pool.machine_type,
        "os": pool.os,
    }
    # Empty lists are dropped by capp's webhook; a later run would see that as a change.
    if settings.metal.ssh_keys:
        spec["sshKeys"] = [key.public_key for key in settings.metal.ssh_keys]
    if pool.tags:
        spec["tags"] = list(pool.tags)
    spec |= place(pool.metro, pool.facility)
    if pool.ipxe_url:
        spec["ipxeURL"] = pool.ipxe_url
    if pool.hardware_reservation_ids:
        spec["hardwareReservationID"] = ",".join(pool.hardware_reservation_ids)
    whole = {"template": {"spec": spec}}
    return manifest(
        settings, API_VERSION, TEMPLATE_KIND, naming.template(settings.cluster.name, pool.name, whole), whole, pool=pool
    )


def place(metro: str | None, facility: str | None) -> dict[str, str]:
    """Metro or facility, whichever is given."""
    return {key: value for key, value in (("metro", metro), ("facility", facility)) if value}


def kubelet_arguments(settings: TenantClusterSettings) -> dict[str, str]:
    """Kubelet arguments that tie a node to its device.

    capp runs Go's text/template over the user data first, so the braces for cloud-init's jinja2 go through it as a quoted
    string. ``cloud-provider: external`` taints a node until a cloud controller has seen it; without one it stays tainted.
    """
    arguments = {"provider-id": PROVIDER_ID.replace("{{ v1.instance_id }}", "{{ `{{ v1.instance_id }}` }}")}
    if settings.metal.cloud_controller == "external":
        arguments["cloud-provider"] = "external"
    return dict(sorted(arguments.items()))


def identity(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a living infrastructure cluster can't change (by capp's webhook), or only with care, by the settings' keys."""
    spec = manifest.get("spec", {})
    keys = {"projectId": "projectID", "vipManager": "vipManager", "metro": "metro", "facility": "facility"}
    return {f"metal.{key}": spec.get(name) for key, name in keys.items()}
