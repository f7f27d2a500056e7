"""Objects that have a name from the settings but belong to somebody else: a run would take them over, and change or delete
them.

The engine creates by server-side apply, which also takes over an object that exists. So a copied stack, or one whose state
is lost, would take over a living cluster by accident.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..capi import naming
from ..capi.endpoint import endpoint_of
from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.manifest import CLUSTER_LABEL, MANAGED_BY
from ..capi.reading import infrastructure_ready
from ..kube.client import Api, ApiError
from ..kube.objects import Json, Kind, Kube, dig
from ..manifests.control_plane import KIND as CONTROL_PLANE
from ..providers import provider_of
from ..settings.model import StackSettings, TenantClusterSettings
from ..settings.report import Problem
from .departures import base_of
from .hosts import OWNER, names_of, objects_in_state
from .living_cluster import LivingCluster


def problems(
    api: Api,
    base: str,
    tenant: TenantClusterSettings,
    current: LivingCluster,
    stack_clusters: Collection[tuple[str, str]] | None,
) -> Iterator[Problem]:
    """The names of a cluster that belong to somebody else's objects.

    Args:
        api: the management cluster's.
        base: path of the cluster in the configuration, with a dot, or empty.
        tenant: the cluster's settings.
        current: its live objects.
        stack_clusters: namespace and name of each Cluster that the stack has made; None where a living one is to be adopted,
            or that is not known.
    """
    namespace, name = tenant.cluster.namespace, tenant.cluster.name
    if stack_clusters is not None and (namespace, name) not in stack_clusters and is_established(current):
        yield Problem(
            f"{base}cluster.name",
            f"Cluster {namespace}/{name} exists already, and this stack has not made it: a run would take it over, and "
            "a destroy would delete it with all its machines. To take it into this stack, run `kamaji-equinix import`; "
            "for a new cluster choose another name",
            name,
        )
        return
    plane = current.of(CONTROL_PLANE)
    if owner := standalone(current.of(TENANT_CONTROL_PLANE.name)) if plane is None else holder(plane, name):
        yield Problem(
            f"{base}controlPlane.name",
            f"{namespace}/{tenant.control_plane_name} belongs to {owner}, which would lose its control plane; choose "
            "another name",
            tenant.control_plane_name,
        )
    yield from pools(api, base, tenant, current)


def pools(api: Api, base: str, tenant: TenantClusterSettings, current: LivingCluster) -> Iterator[Problem]:
    """The pools whose MachineDeployment belongs to another cluster: a hyphen joins the names of cluster and pool."""
    if current.deployments is None:
        return
    kube, deployment_names = (
        Kube(api, tenant.cluster.namespace),
        {str(dig(deployment, "metadata", "name")) for deployment in current.deployments},
    )
    kind = Kind(tenant.contract.core, "MachineDeployment", "machinedeployments")
    for index, pool in enumerate(tenant.worker_pools):
        name = naming.machine_deployment(tenant.cluster.name, pool.name)
        if name in deployment_names:
            continue
        try:
            deployment = kube.find(kind, name)
        except ApiError:
            # The engine will say so, if it still holds.
            continue
        if owner := holder(deployment, tenant.cluster.name):
            yield Problem(
                f"{base}workerPools[{index}].name",
                f"gives the MachineDeployment the name {kube.namespace}/{name}, which is that of a pool of {owner}; "
                "choose another name",
                pool.name,
            )


def hosts(api: Api, settings: StackSettings, before: Mapping[str, Any]) -> Iterator[Problem]:
    """Hosts that are new in the stack, and that another cluster has.

    Args:
        api: the management cluster's.
        settings: the stack's settings.
        before: the resources of the stack's last state by URN; its hosts are not new.
    """
    for index, tenant in enumerate(settings.clusters):
        provider, cluster = provider_of(tenant), tenant.cluster
        if provider.host_kind is None:
            continue
        names_in_state = {name for _, name, _ in objects_in_state(provider.host_kind, before, cluster.namespace)}
        for name in names_of(provider, tenant):
            if name in names_in_state:
                continue
            try:
                host = Kube(api, cluster.namespace).find(provider.host_kind, name)
            except ApiError:
                # The engine will say so, if it still holds.
                continue
            labels = dig(host, "metadata", "labels") or {}
            owner = labels.get(OWNER) if MANAGED_BY.items() <= labels.items() else None
            if (cluster_name := owner or labels.get(CLUSTER_LABEL) or cluster.name) != cluster.name:
                yield Problem(
                    f"{base_of(index, settings)}{provider.settings.key}.hosts",
                    f"declares {name}, which belongs to Cluster {cluster.namespace}/{cluster_name}: a run would take the "
                    "host over, and a destroy would delete it while a machine runs on it. Leave it out here, or take it out "
                    "there first",
                    example=None,
                )


def is_established(current: LivingCluster) -> bool:
    """Whether a Cluster is more than the bare object that remains of a run that was killed right after its creation."""
    cluster = current.of("Cluster")
    if cluster is None or dig(cluster, "metadata", "deletionTimestamp"):
        return False
    return bool(
        current.deployments or current.of(CONTROL_PLANE) or endpoint_of(cluster) or infrastructure_ready(cluster)
    )


def holder(obj: Json | None, cluster: str) -> str:
    """The other Cluster that an object belongs to, in words; empty where it belongs to this one, or to none."""
    owners: list[Any] = dig(obj, "metadata", "ownerReferences") or []
    names = [str(owner.get("name")) for owner in owners if owner.get("kind") == "Cluster"]
    label = dig(obj, "metadata", "labels", CLUSTER_LABEL)
    owner = next((name for name in (*names, label) if name), cluster)
    return "" if owner == cluster else f"Cluster {owner}"


def standalone(tenant_control_plane: Json | None) -> str:
    """Words for a TenantControlPlane that was made without Cluster API; empty for another one, or where there is none."""
    if tenant_control_plane is None:
        return ""
    owners: list[Any] = dig(tenant_control_plane, "metadata", "ownerReferences") or []
    has_owner = any(owner.get("kind") == CONTROL_PLANE for owner in owners)
    return "" if has_owner else "a TenantControlPlane that was made without Cluster API"
