"""Add-ons of a tenant cluster as resources: Helm charts and manifests, by pulumi-kubernetes and the tenant's own kubeconfig.

They are deleted with the Cluster (``deleted_with``), as the tenant's data is: so a destroy makes no request to the tenant's
API server, whether it answers or not, and no finalizer in it can stop a destroy.

Nothing in the management cluster depends on them, so a tenant that does not answer makes only them fail; and they come after
the pools' objects, because the first resource that fails ends the run. Nodes become Ready only with the network plugin: so
the run waits for objects that need nodes only where an add-on asks for it, and machines never wait for an add-on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from operator import itemgetter
from typing import Any, Protocol
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as kubernetes
import yaml
from pydantic import SecretStr

from ..checks.addon_files import manifest_files
from ..manifests.addons import Addon, addons_of, cloud_controller, network_plugin
from ..sdk.callbacks import separate_callbacks
from ..sdk.modules import load_for_addons
from ..settings.model import TenantClusterSettings
from ..settings.secret_texts import secret_texts
from .addon_objects import Owners, adjust
from .arguments import require
from .kubernetes import namespace

separate_callbacks()


@dataclass(frozen=True, kw_only=True)
class AddOnArgs:
    """Arguments of ``AddOn``.

    Attributes:
        addon: the add-on.
        cluster_name: namespace and name of the Cluster, with a slash.
        provider: of the tenant cluster.
        reachable: an output that is known once the tenant cluster can be reached: a preview renders no chart before, because
            the chart would get a very old Kubernetes version.
        cluster: the Cluster resource that it is deleted with.
        after: resources that must exist first.
        owners: of all add-ons of the tenant cluster; by default the add-on is its only one.
    """

    addon: Addon
    cluster_name: str
    provider: kubernetes.Provider
    reachable: pulumi.Output[Any]
    cluster: pulumi.Resource | None = None
    after: Sequence[pulumi.Resource] = ()
    owners: Owners | None = None

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            SettingsError: an argument has another type.
        """
        require(self, addon=Addon, cluster_name=str, provider=kubernetes.Provider, reachable=pulumi.Output)


class AddOn(pulumi.ComponentResource):
    """A chart, or manifests, in a tenant cluster."""

    def __init__(self, name: str, args: AddOnArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        load_for_addons()
        addon = args.addon
        props = {"addon": addon.name, "cluster": args.cluster_name}
        super().__init__("kamaji-equinix:index:AddOn", name, props, opts)
        owners = args.owners or Owners(name)
        before = [*args.after]
        if addon.create_namespace and addon.namespace not in owners.namespaces:
            owners.namespaces.add(addon.namespace)
            manifest = {"metadata": {"name": addon.namespace}}
            once = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=f"{name}-namespace")])
            opts = pulumi.ResourceOptions.merge(self._options(args, owners, *before), once)
            before.append(namespace(f"{owners.prefix}-namespace-{addon.namespace}", manifest, opts))
        options = self._options(args, owners, *before)
        # By their full names: so pulumi_kubernetes loads these modules only for a stack with add-ons.
        main: pulumi.Resource
        if addon.chart:
            main = kubernetes.helm.v4.Chart(
                name,
                name=addon.name,
                chart=args.reachable.apply(lambda _: addon.chart),
                repository_opts=repository(addon),
                version=addon.version or None,
                plain_http=addon.plain_http or None,
                namespace=addon.namespace,
                values=inputs(addon.values),
                resource_prefix=owners.prefix,
                opts=options,
            )
        else:
            main = kubernetes.yaml.v2.ConfigGroup(
                name,
                files=args.reachable.apply(lambda _: [*manifest_files(addon.files)]),
                objs=inputs(addon.objects) or None,
                resource_prefix=owners.prefix,
                opts=options,
            )
        # Known once all of its objects exist: only then the engine reports the add-on as complete.
        self.register_outputs({**props, "installed": main.urn})

    def _options(self, args: AddOnArgs, owners: Owners, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        secrets = tuple(secret_texts([args.addon.values, args.addon.objects]))
        return pulumi.ResourceOptions(
            parent=self,
            provider=args.provider,
            depends_on=list(after),
            deleted_with=args.cluster,
            transforms=[
                partial(adjust, args.addon, secrets),
                partial(owners.alias_former, args.addon.name, self._name),
            ],
        )


def inputs(value: Any) -> Any:
    """Values for the engine: each ``SecretStr`` is a secret of Pulumi's."""
    if isinstance(value, SecretStr):
        return pulumi.Output.secret(value.get_secret_value())
    if isinstance(value, Mapping):
        return {key: inputs(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [inputs(item) for item in value]
    return value


def repository(addon: Addon) -> kubernetes.helm.v4.RepositoryOptsArgs | None:
    """Where the chart comes from; None for a folder, and for a registry, whose password comes from `helm registry login`."""
    if not addon.repository:
        return None
    return kubernetes.helm.v4.RepositoryOptsArgs(
        repo=addon.repository or None,
        username=addon.username or None,
        password=inputs(addon.password),
    )


def tenant_provider(name: str, kubeconfig: pulumi.Output[str], parent: pulumi.Resource) -> kubernetes.Provider:
    """The provider for objects of a tenant cluster.

    A new certificate in the kubeconfig is no other cluster (``cluster_identifier``; pulumi-kubernetes issue 4019). ConfigMaps
    and Secrets change in place, as Helm changes them.
    """
    return kubernetes.Provider(
        name,
        kubeconfig=kubeconfig,
        cluster_identifier=name,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # A chart's objects are many, and the API server is the tenant's own.
        kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=50, burst=100),
        opts=pulumi.ResourceOptions(parent=parent),
    )


class Tenant(Protocol):
    """The parts of a tenant cluster that its add-ons need."""

    @property
    def kubeconfig(self) -> pulumi.Output[str]:
        """Its admin kubeconfig."""

    @property
    def cluster(self) -> pulumi.Resource:
        """The Cluster's resource."""

    @property
    def tenant_provider(self) -> kubernetes.Provider:
        """The provider for its objects, registered at the first use."""


def declare_addons(
    name: str,
    settings: TenantClusterSettings,
    tenant: Tenant,
    parent: pulumi.Resource,
    infrastructure: Mapping[str, Any],
    after: Sequence[pulumi.Resource],
) -> list[AddOn]:
    """Register a tenant cluster's add-ons: network plugin, cloud controller, those of the settings, one after the other.

    Args:
        name: the component's name.
        settings: the tenant cluster's settings.
        tenant: the tenant cluster.
        parent: the component that they are shown under.
        infrastructure: fields of the infrastructure cluster's spec that other resources give.
        after: resources that must exist first.
    """
    # Evaluated only where there is an add-on.
    server = cache(lambda: pulumi.Output.unsecret(tenant.kubeconfig.apply(address)))
    plugin = settings.network.plugin not in ("custom", "none")
    host, port = (server().apply(itemgetter(part)) for part in (0, 1)) if plugin else ("", "")
    addons = [
        network_plugin(settings, host, port),
        cloud_controller(settings, infrastructure),
        *addons_of(settings),
    ]
    resources: list[AddOn] = []
    owners = Owners(name)
    for addon in filter(None, addons):
        args = AddOnArgs(
            addon=addon,
            cluster_name=f"{settings.cluster.namespace}/{settings.cluster.name}",
            provider=tenant.tenant_provider,
            reachable=server(),
            cluster=tenant.cluster,
            after=[*after, *resources[-1:]],
            owners=owners,
        )
        resources.append(AddOn(f"{name}-{addon.name}", args, pulumi.ResourceOptions(parent=parent)))
    return resources


def address(kubeconfig: str) -> tuple[str, str]:
    """Host and port of the API server that a kubeconfig leads to, as its nodes reach it."""
    server = urlsplit(yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"])
    return str(server.hostname), str(server.port or 443)
