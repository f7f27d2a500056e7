"""What lives of a tenant cluster, read before the engine plans anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

from ..capi.former import deployments_after, former_pools, is_older
from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.manifest import CLUSTER_LABEL
from ..kube.client import Api, ApiError
from ..kube.objects import Json, Kind, Kube, dig, plural
from ..manifests.control_plane import KIND as CONTROL_PLANE
from ..manifests.documents import documents
from ..providers import cluster_kinds
from ..settings.model import StackSettings, TenantClusterSettings
from .template_names import template_names
from .upgrades import Versions, versions_of

THREADS = 8
"""Clusters whose objects are read at a time."""


@dataclass(frozen=True)
class LivingCluster:
    """What lives of one tenant cluster; a new one has nothing.

    Attributes:
        objects: by kind; a kind is missing where there is no such object, or it can't be read.
        deployments: its MachineDeployments, whoever made them; None where they can't be read.
        machine_sets: its MachineSets, where a roll on demand asks for them.
        unread: why something could not be read.
        missing_kinds: kinds of which there is no object, and that is certain.
        templates: names of templates to keep, by kind, by the name of each MachineDeployment.
        uncertain: why those can't be told.
        former: names of the MachineDeployments whose machines joined a control plane that is gone, and are to be rolled.
        rolled_deployments: names of those that were rolled because of the control plane that there is.
    """

    objects: Mapping[str, Json] = field(default_factory=dict)
    deployments: tuple[Json, ...] | None = ()
    machine_sets: tuple[Json, ...] = ()
    unread: tuple[ApiError, ...] = ()
    missing_kinds: frozenset[str] = frozenset()
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    uncertain: ApiError | None = None
    former: frozenset[str] = frozenset()
    rolled_deployments: frozenset[str] = frozenset()

    @property
    def lives(self) -> bool:
        """Whether there is a Cluster."""
        return "Cluster" in self.objects

    @property
    def versions(self) -> Versions:
        """Kubernetes versions of its control plane."""
        return versions_of(self.of(CONTROL_PLANE), self.of(TENANT_CONTROL_PLANE.name))

    def of(self, kind: str) -> Json | None:
        """The object of a kind."""
        return self.objects.get(kind)


def living_clusters(api: Api, settings: StackSettings) -> list[LivingCluster]:
    """What lives of each of the settings' clusters, in their order."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(partial(living_cluster, api), settings.clusters))


def living_cluster(api: Api, tenant: TenantClusterSettings) -> LivingCluster:
    """What lives of one cluster."""
    kube = Kube(api, tenant.cluster.namespace)
    names = [
        (Kind(document["apiVersion"], document["kind"], plural(document["kind"])), str(document["metadata"]["name"]))
        for document in documents(tenant)
        # The kinds whose living objects are compared with their manifests.
        if document["kind"] in ("Cluster", CONTROL_PLANE, *cluster_kinds())
    ]
    objects: dict[str, Json] = {}
    unread: list[ApiError] = []
    absent: set[str] = set()
    for kind, name in (*names, (TENANT_CONTROL_PLANE, tenant.control_plane_name)):
        try:
            obj = kube.find(kind, name)
        except ApiError as error:
            unread.append(error)
        else:
            if obj:
                objects[kind.name] = obj
            else:
                absent.add(kind.name)
    lists: dict[str, tuple[Json, ...] | None] = {}
    rolls = any(pool.rollout_after for pool in tenant.worker_pools)
    for resource in ("machinedeployments", *(("machinesets",) if rolls else ())):
        items = of_cluster(api, tenant.contract.core, tenant.cluster.namespace, tenant.cluster.name, resource)
        if isinstance(items, ApiError):
            unread.append(items)
        lists[resource] = None if isinstance(items, ApiError) else tuple(items)
    deployments = lists["machinedeployments"]
    former, rolled = former_deployments(
        api, tenant, deployments or (), objects.get(CONTROL_PLANE), CONTROL_PLANE in absent
    )
    templates: Mapping[str, Mapping[str, str]] = {}
    uncertain: ApiError | None = None
    try:
        templates = template_names(api, tenant, {str(dig(one, "metadata", "name")): one for one in deployments or ()})
    except ApiError as error:
        uncertain = error
    return LivingCluster(
        objects,
        deployments,
        lists.get("machinesets") or (),
        tuple(unread),
        frozenset(absent),
        templates,
        uncertain,
        frozenset(former),
        frozenset(rolled),
    )


def former_deployments(
    api: Api, tenant: TenantClusterSettings, deployments: Iterable[Json], plane: Json | None, is_gone: bool
) -> tuple[set[str], set[str]]:
    """The MachineDeployments whose machines joined a control plane that is gone: those to be rolled, and those that were.

    Machines are asked for only where a MachineDeployment is older than the control plane, which none is otherwise.

    Args:
        api: the management cluster's.
        tenant: the cluster's settings.
        deployments: its MachineDeployments.
        plane: its KamajiControlPlane; None where it could not be read, or there is none.
        is_gone: there is none.
    """
    living = [one for one in deployments if not dig(one, "metadata", "deletionTimestamp")]
    if is_gone:
        return {str(one["metadata"]["name"]) for one in living}, set()
    older = [one for one in living if plane and is_older(one, plane)]
    if plane is None or not older:
        return set(), set()
    rolled = deployments_after(older, plane)
    return former_pools(machines(api, tenant), plane) - rolled, rolled


def of_cluster(api: Api, core: str, namespace: str, name: str, resource: str) -> list[Json] | ApiError:
    """Objects of Cluster API's core group that carry a Cluster's label, or why they can't be read.

    Args:
        api: the management cluster's.
        core: the group with its version.
        namespace: the Cluster's.
        name: the Cluster's.
        resource: the objects' plural name.
    """
    label = quote(f"{CLUSTER_LABEL}={name}", "")
    try:
        answer = api.get(f"/apis/{core}/namespaces/{quote(namespace, '')}/{resource}?labelSelector={label}")
    except ApiError as error:
        return [] if error.code == 404 else error
    return list(answer.get("items") or ())


def machines(api: Api, tenant: TenantClusterSettings) -> Iterable[Mapping[str, Any]]:
    """The cluster's Machines; none where they can't be read."""
    items = of_cluster(api, tenant.contract.core, tenant.cluster.namespace, tenant.cluster.name, "machines")
    return [] if isinstance(items, ApiError) else items
