"""Equinix Metal and its Cluster API provider, capp 0.9.

capp keeps a machine's finalizer, and the billed device, for ever once the PacketCluster has gone before it (its
``packetmachine_controller.go`` returns early). It never sends ``sshKeys`` to the Metal API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..capi import naming
from ..capi.kinds import InfrastructureReference
from ..capi.manifest import Manifest, manifest
from ..kube.objects import Kind, plural
from ..settings.metal import PROVIDER as METAL
from ..settings.metal import MetalClusterSettings, MetalPoolSettings
from . import cpem
from .provider import EndpointOrigin, Provider

API_VERSION = "infrastructure.cluster.x-k8s.io/v1beta1"
CLUSTER_KIND = "PacketCluster"
TEMPLATE_KIND = "PacketMachineTemplate"

MANAGED_BY = {"cluster.x-k8s.io/managed-by": "kamaji"}
"""Needed from the first create: without it capp reserves an address of its own and adds a finalizer, which nobody removes
if the annotation comes later. With it capp leaves ``controlPlaneEndpoint`` and ``status.ready`` to others."""

CLUSTER_REMARK = (
    "The annotation keeps capp from reserving an address of its own; Kamaji's load balancer gives the endpoint, which must "
    "not stand here."
)

PROVIDER_ID = "equinixmetal://{{ v1.instance_id }}"
"""The id by which capp recognises the node; cloud-init's jinja2 fills in the device's id."""


class Packet(Provider[MetalClusterSettings, MetalPoolSettings]):
    """capp, with an endpoint that comes from Kamaji's load balancer, not from Equinix Metal."""

    settings = METAL
    cluster_kind = CLUSTER_KIND
    # clusterctl dropped capp from its built-in list in v1.11: newer ones need a ``providers`` entry for it.
    install = "clusterctl init --infrastructure packet:v0.9.0"
    endpoint: EndpointOrigin = "patched"
    dependents = (Kind(API_VERSION, TEMPLATE_KIND, plural(TEMPLATE_KIND)),)
    remarks: Mapping[str, str] = {
        CLUSTER_KIND: CLUSTER_REMARK,
        TEMPLATE_KIND: "Never changed: another content gets another name.",
    }
    resources = "kamaji_equinix.components.resources.packet:project_of_the_stack"

    def reference(self, tenant: MetalClusterSettings) -> InfrastructureReference:
        """Where the PacketCluster is."""
        return {
            "apiVersion": API_VERSION,
            "kind": CLUSTER_KIND,
            "plural": "packetclusters",
            "name": tenant.cluster.name,
        }

    def cluster(self, tenant: MetalClusterSettings) -> Manifest:
        """The PacketCluster; without ``projectID`` where the stack creates the project."""
        metal = tenant.metal
        spec: dict[str, Any] = {"vipManager": metal.vip_manager}
        if metal.project_id:
            spec["projectID"] = metal.project_id
        spec |= place(metal.metro, metal.facility)
        return manifest(tenant, API_VERSION, CLUSTER_KIND, tenant.cluster.name, spec, annotations=MANAGED_BY)

    def machine_template(self, tenant: MetalClusterSettings, pool: MetalPoolSettings) -> Manifest:
        """The PacketMachineTemplate of a pool."""
        spec: dict[str, Any] = {
            "billingCycle": pool.billing_cycle,
            "machineType": pool.machine_type,
            "os": pool.os,
        }
        # Empty lists are dropped by capp's webhook; a later run would see that as a change.
        if tenant.metal.ssh_keys:
            spec["sshKeys"] = [key.public_key for key in tenant.metal.ssh_keys]
        if pool.tags:
            spec["tags"] = list(pool.tags)
        spec |= place(pool.metro, pool.facility)
        if pool.ipxe_url:
            spec["ipxeURL"] = pool.ipxe_url
        if pool.hardware_reservation_ids:
            spec["hardwareReservationID"] = ",".join(pool.hardware_reservation_ids)
        template_spec = {"template": {"spec": spec}}
        name = naming.template(tenant.cluster.name, pool.name, template_spec)
        return manifest(tenant, API_VERSION, TEMPLATE_KIND, name, template_spec, pool=pool)

    def kubelet_arguments(self, tenant: MetalClusterSettings) -> dict[str, str]:
        """Kubelet arguments that tie a node to its device.

        capp runs Go's text/template over the user data first, so the braces for cloud-init's jinja2 go through it as a quoted
        string. ``cloud-provider: external`` taints a node until a cloud controller removes the taint.
        """
        arguments = {"provider-id": PROVIDER_ID.replace("{{ v1.instance_id }}", "{{ `{{ v1.instance_id }}` }}")}
        if tenant.metal.cloud_controller != "none":
            arguments["cloud-provider"] = "external"
        return dict(sorted(arguments.items()))

    def root_keys(self, tenant: MetalClusterSettings) -> Sequence[str]:
        """The keys of ``metal.sshKeys``: capp never sends them to the Metal API."""
        return [key.public_key for key in tenant.metal.ssh_keys]

    def identity(self, infrastructure_cluster: Mapping[str, Any]) -> dict[str, Any]:
        """The settings in a live PacketCluster that can't change (by capp's webhook), or only with care."""
        spec = infrastructure_cluster.get("spec", {})
        keys = {"projectId": "projectID", "vipManager": "vipManager", "metro": "metro", "facility": "facility"}
        return {f"metal.{key}": spec.get(name) for key, name in keys.items()}

    def cloud_controller(self, tenant: MetalClusterSettings, infrastructure: Mapping[str, Any]) -> Sequence[Manifest]:
        """Cloud Provider Equinix Metal, where the settings ask for it."""
        metal = tenant.metal
        if metal.cloud_controller != "cpem" or metal.cpem is None:
            return ()
        return cpem.objects(metal.cpem, infrastructure.get("projectID", metal.project_id), metal.metro)

    def render_obstacle(self, tenant: MetalClusterSettings) -> str:
        """The id of a project that the stack creates."""
        if tenant.metal.project_id:
            return ""
        return (
            "metal.project lets Pulumi create the project, so its id is not known here; set metal.projectId to render"
        )


def place(metro: str | None, facility: str | None) -> dict[str, str]:
    """Metro or facility, whichever is given."""
    return {key: value for key, value in (("metro", metro), ("facility", facility)) if value}


PROVIDER = Packet()
