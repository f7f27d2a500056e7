"""The state that a cluster's settings request, with which its status is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..capi import naming
from ..capi.manifest import Manifest
from ..kube.objects import Kind, plural
from ..manifests import bootstrap, workers
from ..manifests.addons import addons_of, cloud_controller, network_plugin
from ..manifests.templates import templates
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from ..tree import AddonObject, DeclaredObject, PoolRequest, Request


def request_of(tenant: TenantClusterSettings, addon_objects: Sequence[AddonObject] = ()) -> Request:
    """The state that the settings of a cluster request.

    Args:
        tenant: the cluster's settings.
        addon_objects: what its add-ons have installed, where that is known.
    """
    machines = tenant.least_machines > 0
    names = [
        addon.name
        for addon in (network_plugin(tenant, "", ""), cloud_controller(tenant, {}))
        if addon and addon.is_required
    ]
    external = provider_of(tenant).kubelet_arguments(tenant).get("cloud-provider") == "external"
    return Request(
        version=tenant.control_plane_version,
        replicas=tenant.control_plane.replicas,
        pools={
            naming.machine_deployment(tenant.cluster.name, pool.name): PoolRequest(
                pool.name, tenant.pool_version(pool), replicas_of(pool)
            )
            for pool in tenant.worker_pools
        },
        objects=tuple(declared_objects(tenant)),
        add_ons=tuple(names),
        addon_objects=tuple(addon_objects),
        looks_inside=bool(addon_objects)
        or (machines and (external or bool(names) or any(addon.is_required for addon in addons_of(tenant)))),
        contract=tenant.capi.contract,
    )


def has_addons(tenant: TenantClusterSettings) -> bool:
    """Whether this program installs anything into the tenant cluster."""
    return bool(addons_of(tenant) or network_plugin(tenant, "", "") or cloud_controller(tenant, {}))


def replicas_of(pool: WorkerPoolSettings) -> int | None:
    """How many machines a pool asks for; None where an autoscaler sets that."""
    if pool.min is not None:
        return None
    return 1 if pool.replicas is None else pool.replicas


def declared_objects(tenant: TenantClusterSettings) -> Iterator[DeclaredObject]:
    """The objects that settings declare, but for those that the tree shows by themselves."""
    provider = provider_of(tenant)
    yield from of_manifests([*provider.permanent_objects(tenant), *provider.shared_objects(tenant)])
    for pool in tenant.worker_pools:
        pool_templates, deployment = templates(tenant, pool), naming.machine_deployment(tenant.cluster.name, pool.name)
        secret, health_check = bootstrap.bootstrap_secret(tenant, pool), workers.machine_health_check(tenant, pool)
        machines, bootstrap_template = pool_templates.machines, pool_templates.bootstrap
        for template, manifests in (
            (machines, (machines, *pool_templates.companions)),
            (bootstrap_template, (bootstrap_template, *filter(None, [secret]))),
        ):
            yield from of_manifests(manifests, deployment, str(template["metadata"]["name"]))
        yield from of_manifests([*filter(None, [health_check])], deployment)


def of_manifests(manifests: Sequence[Manifest], deployment: str = "", template: str = "") -> Iterator[DeclaredObject]:
    """The objects of manifests, with the MachineDeployment and the template that they belong to."""
    for manifest in manifests:
        kind = Kind(manifest["apiVersion"], manifest["kind"], plural(manifest["kind"]))
        yield DeclaredObject(kind, str(manifest["metadata"]["name"]), deployment, template)
