"""The state that a cluster's settings request, with which its status is compared."""

from __future__ import annotations

from ..capi import naming
from ..manifests.addons import addons_of, cloud_controller, network_plugin
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from ..tree import PoolRequest, Request


def request_of(tenant: TenantClusterSettings) -> Request:
    """The state that the settings of a cluster request."""
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
        add_ons=tuple(names),
        looks_inside=machines and (external or bool(names) or any(addon.is_required for addon in addons_of(tenant))),
        contract=tenant.capi.contract,
    )


def replicas_of(pool: WorkerPoolSettings) -> int | None:
    """How many machines a pool asks for; None where an autoscaler sets that."""
    if pool.min is not None:
        return None
    return 1 if pool.replicas is None else pool.replicas
