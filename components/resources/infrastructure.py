"""The infrastructure half of a tenant cluster: the PacketCluster.

It carries ``cluster.x-k8s.io/managed-by`` from its first create: without it capp reserves an address of its own and adds
a finalizer that nobody removes once the annotation comes later. The price: capp then leaves ``controlPlaneEndpoint`` and
``status.ready`` to others, which is why the hand-off exists.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from ..providers import packet
from ..settings.model import TenantClusterSettings
from .edges import part_of
from .kubernetes import custom_resource, metadata_of


@dataclass(frozen=True, kw_only=True)
class PacketClusterArgs:
    """What a PacketCluster is made of.

    Attributes:
        settings: the tenant cluster's settings.
        cluster: the Cluster resource that refers to it.
        project_id: UUID of the Equinix Metal project; by default that of the settings.
    """

    settings: TenantClusterSettings
    cluster: CustomResource | None = None
    project_id: pulumi.Input[str] | None = None


class PacketCluster(pulumi.ComponentResource):
    """A PacketCluster whose endpoint comes from Kamaji's load balancer, not from Equinix Metal."""

    infrastructure_name: pulumi.Output[str]

    def __init__(self, name: str, args: PacketClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kamaji-equinix:index:PacketCluster", name, None, opts)
        manifest = packet.infrastructure_cluster(args.settings)
        if args.project_id is not None:
            manifest["spec"] = {**manifest["spec"], "projectID": args.project_id}
        self.resource = custom_resource(
            f"{name}-infrastructure",
            manifest,
            part_of(self, args.cluster),
            owner=args.cluster,
            owner_version=args.settings.contract.core,
            controlled=True,
        )
        self.infrastructure_name = metadata_of(self.resource, "name")
        self.register_outputs({"infrastructureName": self.infrastructure_name})
