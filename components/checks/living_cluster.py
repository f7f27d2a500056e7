"""The live objects of a tenant cluster, read before the engine plans anything."""

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
    """The live objects of one tenant cluster; a new one has none.

    Attributes:
        objects: by kind; a kind is missing where there is no such object, or it can't be read.
        deployments: its MachineDeployments, whoever made them; None where they can't be read.
        machine_sets: its MachineSets; empty where they can't be read.
        unread: errors of the objects that could not be read.
        missing_kinds: kinds of which there is certainly no object.
        templates: names of templates to keep, by kind, by the name of each MachineDeployment.
        uncertain: the error because of which those are not known.
        former: names of the MachineDeployments whose machines joined a former control plane, and are to be rolled.
        rolled_deployments: names of those that were rolled because of the present control plane.
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


def read_clusters(api: Api, settings: StackSettings) -> list[LivingCluster]:
    """The live objects of each of the settings' clusters, in their order."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(partial(read_cluster, api), settings.clusters))


def read_cluster(api: Api, tenant: TenantClusterSettings) -> LivingCluster:
    """The live objects of one cluster."""
    kube = Kube(api, tenant.cluster.namespace)
    names = [
        (Kind(document["apiVersion"], document["kind"], plural(document["kind"])), str(document["metadata"]["name"]))
        for document in documents(tenant)
        # The kinds whose live objects are compared with their manifests.
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
    for resource in ("machinedeployments", "machinesets"):
        items = of_cluster(api, tenant.contract.core, tenant.cluster.namespace, tenant.cluster.name, resource)
        if isinstance(items, ApiError):
            unread.append(items)
        lists[resource] = None if isinstance(items, ApiError) else tuple(items)
    deployments = lists["machinedeployments"]
    former, rolled_names = former_deployments(
        api, tenant, deployments or (), objects.get(CONTROL_PLANE), CONTROL_PLANE in absent
    )
    templates: Mapping[str, Mapping[str, str]] = {}
    uncertain: ApiError | None = None
    try:
        templates = template_names(
            api, tenant, {str(dig(deployment, "metadata", "name")): deployment for deployment in deployments or ()}
        )
    except ApiError as error:
        uncertain = error
    return LivingCluster(
        objects,
        deployments,
        lists["machinesets"] or (),
        tuple(unread),
        frozenset(absent),
        templates,
        uncertain,
        frozenset(former),
        frozenset(rolled_names),
    )


def former_deployments(
    api: Api, tenant: TenantClusterSettings, deployments: Iterable[Json], plane: Json | None, is_gone: bool
) -> tuple[set[str], set[str]]:
    """The MachineDeployments whose machines joined a former control plane: those to be rolled, and those that were.

    Machines are read only where a MachineDeployment is older than the control plane, which is rare.

    Args:
        api: the management cluster's.
        tenant: the cluster's settings.
        deployments: its MachineDeployments.
        plane: its KamajiControlPlane; None where it could not be read, or there is none.
        is_gone: there is certainly none.
    """
    active_deployments = [
        deployment for deployment in deployments if not dig(deployment, "metadata", "deletionTimestamp")
    ]
    if is_gone:
        return {str(deployment["metadata"]["name"]) for deployment in active_deployments}, set()
    older = [deployment for deployment in active_deployments if plane and is_older(deployment, plane)]
    if plane is None or not older:
        return set(), set()
    rolled_names = deployments_after(older, plane)
    return former_pools(machines(api, tenant), plane) - rolled_names, rolled_names


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
