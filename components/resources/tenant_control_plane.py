"""The tenant's control plane: a KamajiControlPlane, run by Kamaji as pods of the management cluster."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from ..manifests import control_plane
from ..settings.model import TenantClusterSettings
from .arguments import require
from .edges import part_of
from .kubernetes import custom_resource, metadata_of


@dataclass(frozen=True, kw_only=True)
class TenantControlPlaneArgs:
    """Arguments of ``TenantControlPlane``.

    Attributes:
        settings: the tenant cluster's settings.
        cluster: the Cluster resource that refers to this control plane. Kamaji's Cluster API provider ignores a
            KamajiControlPlane that no Cluster owns.
    """

    settings: TenantClusterSettings
    cluster: CustomResource | None = None

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            SettingsError: an argument has another type.
        """
        require(self, settings=TenantClusterSettings)


class TenantControlPlane(pulumi.ComponentResource):
    """A KamajiControlPlane.

    Owns ``spec`` except ``controlPlaneEndpoint``: Kamaji writes that once the Service has an address.
    """

    control_plane_name: pulumi.Output[str]

    def __init__(self, name: str, args: TenantControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kamaji-equinix:index:TenantControlPlane", name, None, opts)
        self.resource = custom_resource(
            f"{name}-control-plane",
            control_plane.kamaji_control_plane(args.settings),
            part_of(self, args.cluster, protect=args.settings.cluster.protect),
            owner=args.cluster,
            owner_version=args.settings.contract.core,
            is_controller=True,
        )
        self.control_plane_name = metadata_of(self.resource, "name")
        self.register_outputs({"controlPlaneName": self.control_plane_name})
