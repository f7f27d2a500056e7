"""The infrastructure of a tenant cluster, for any provider."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from .arguments import require
from .edges import DELETION_PROPAGATION, TEARDOWN, part_of
from .kubernetes import custom_resource, metadata_of, owned_secret


@dataclass(frozen=True, kw_only=True)
class InfrastructureClusterArgs:
    """Arguments of ``InfrastructureCluster``.

    Attributes:
        settings: the tenant cluster's settings.
        cluster: the Cluster resource that refers to it.
        spec: fields of its spec that other resources give.
        after: resources that must exist first.
    """

    settings: TenantClusterSettings
    cluster: CustomResource | None = None
    spec: Mapping[str, pulumi.Input[Any]] = field(default_factory=dict)
    after: tuple[pulumi.Resource, ...] = ()

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            SettingsError: an argument has another type.
        """
        require(self, settings=TenantClusterSettings, spec=Mapping, after=tuple)


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
            is_controller=True,
        )
        self.infrastructure_name = metadata_of(self.resource, "name")
        self.register_outputs({"infrastructureName": self.infrastructure_name})


def prerequisites(
    name: str, settings: TenantClusterSettings, parent: pulumi.Resource
) -> Mapping[str, pulumi.Input[Any]]:
    """Register the resources that the provider's infrastructure cluster needs beforehand.

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
    outputs: Mapping[str, pulumi.Input[Any]] = pkgutil.resolve_name(function)(name, settings, parent)
    return outputs


def register_permanent_objects(
    name: str, settings: TenantClusterSettings, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> list[pulumi.Resource]:
    """Register the objects that exist before the Cluster and outlive it.

    Args:
        name: the component's name.
        settings: the tenant cluster's settings.
        parent: the component that they are shown under.
        after: resources that must exist first.
    """
    provider = provider_of(settings)
    resources: list[pulumi.Resource] = []
    for manifest in provider.permanent_objects(settings):
        kind, resource_name = manifest["kind"], f"{name}-{manifest['metadata']['name']}"
        if kind == "Secret":
            options = pulumi.ResourceOptions(parent=parent, depends_on=list(after))
            resources.append(
                owned_secret(
                    resource_name,
                    manifest,
                    options,
                    owner=None,
                    owner_version=settings.contract.core,
                    annotations=DELETION_PROPAGATION,
                )
            )
            continue
        options = pulumi.ResourceOptions(
            parent=parent,
            depends_on=[*after, *resources],
            custom_timeouts=TEARDOWN,
            ignore_changes=list(provider.foreign_fields.get(kind, ())),
        )
        # In the foreground the garbage collector would first delete the BMC's credentials, which a host needs to the end.
        resources.append(custom_resource(resource_name, manifest, options, annotations=DELETION_PROPAGATION))
    return resources


def shared_objects(
    name: str, settings: TenantClusterSettings, parent: pulumi.Resource, cluster: CustomResource
) -> list[pulumi.Resource]:
    """Register the objects that the pools' companions refer to.

    Args:
        name: the component's name.
        settings: the tenant cluster's settings.
        parent: the component that it is shown under.
        cluster: the Cluster that it belongs to.
    """
    return [
        custom_resource(
            manifest["metadata"]["name"],
            manifest,
            part_of(parent, cluster),
            owner=cluster,
            owner_version=settings.contract.core,
        )
        for manifest in provider_of(settings).shared_objects(settings)
    ]
