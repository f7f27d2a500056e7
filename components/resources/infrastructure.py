"""The infrastructure half of a tenant cluster, whichever provider the settings chose."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from .edges import part_of
from .kubernetes import custom_resource, metadata_of


@dataclass(frozen=True, kw_only=True)
class InfrastructureClusterArgs:
    """What an infrastructure cluster is made of.

    Attributes:
        settings: the tenant cluster's settings.
        cluster: the Cluster resource that refers to it.
        spec: fields of its spec that other resources give.
        after: what must be done before it is made.
    """

    settings: TenantClusterSettings
    cluster: CustomResource | None = None
    spec: Mapping[str, pulumi.Input[Any]] = field(default_factory=dict)
    after: tuple[pulumi.Resource, ...] = ()


class InfrastructureCluster(pulumi.ComponentResource):
    """The object that a Cluster's ``infrastructureRef`` names, of the provider's kind."""

    infrastructure_name: pulumi.Output[str]

    def __init__(self, name: str, args: InfrastructureClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        manifest = provider_of(args.settings).cluster(args.settings)
        super().__init__(f"kamaji-equinix:index:{manifest['kind']}", name, None, opts)
        if args.spec:
            manifest["spec"] = {**manifest["spec"], **args.spec}
        self.resource = custom_resource(
            f"{name}-infrastructure",
            manifest,
            part_of(self, args.cluster, *args.after),
            owner=args.cluster,
            owner_version=args.settings.contract.core,
            controlled=True,
        )
        self.infrastructure_name = metadata_of(self.resource, "name")
        self.register_outputs({"infrastructureName": self.infrastructure_name})


def prerequisites(
    name: str, settings: TenantClusterSettings, parent: pulumi.Resource
) -> Mapping[str, pulumi.Input[Any]]:
    """Register what the provider's infrastructure cluster needs beforehand.

    Args:
        name: the component's name.
        settings: the tenant cluster's settings.
        parent: the component that it is shown under.

    Returns:
        Fields of the infrastructure cluster's spec.
    """
    function = provider_of(settings).resources
    if not function:
        return {}
    found: Mapping[str, pulumi.Input[Any]] = pkgutil.resolve_name(function)(name, settings, parent)
    return found
