"""What a change of the settings would break in a living cluster: refused before anything is touched.

The rules come from who enforces them: Kubernetes names can't change; capp's webhook fixes projectID and vipManager; Kamaji's
webhooks and CRDs fix the DNS domain, the schema in the DataStore and the load balancer class, and let versions rise by one
minor (kamaji, internal/webhook/handlers/tcp_version.go, api/v1alpha1/tenantcontrolplane_types.go); address ranges are in
every node's routes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..manifests.control_plane import KIND as CONTROL_PLANE_KIND
from ..manifests.documents import documents
from ..providers import packet
from ..settings.model import StackSettings, TenantClusterSettings
from ..settings.report import Problem
from . import upgrades
from .upgrades import Versions

ALLOW = "cluster.allowReplacement: true allows it"

ALLOWED = "kamaji-equinix.io/allow-replacement"
"""Annotation of a living Cluster whose last applied settings allow its deletion; its value is ``true``."""

CLUSTER_URN = re.compile(
    r"\bkamaji-equinix:index:TenantCluster\$kubernetes:cluster\.x-k8s\.io/(?P<version>[^:]+):Cluster::"
)
"""A tenant cluster's Cluster in a stack's state."""

MOVE = "objects can't move to another namespace: the cluster would be deleted with all its machines and created anew"

REASONS = {
    "controlPlane.name": "objects can't be renamed: the control plane would be deleted with all its data and created anew",
    "metal.projectId": "capp refuses to move a living cluster to another project",
    "metal.vipManager": "capp refuses to change it in a living cluster",
    "cluster.podCidrs": "the nodes of a living cluster route the old ranges",
    "cluster.serviceCidrs": "Services of a living cluster have addresses of the old ranges",
    "cluster.serviceDomain": "Kamaji refuses to change it in a living control plane",
    "controlPlane.dataStoreSchema": "Kamaji refuses to change it in a living control plane",
    "controlPlane.network.loadBalancerClass": "Kubernetes refuses to change it in a living Service",
}


@dataclass(frozen=True)
class Living:
    """What can't change, or not freely, of one cluster.

    Attributes:
        name: the Cluster's name.
        fixed: values by the settings' keys; None where unknown or defaulted by a controller.
        versions: Kubernetes versions of the control plane.
        kubelets: Kubernetes versions of the machines by their pool.
    """

    name: str
    fixed: Mapping[str, Any]
    versions: Versions = field(default_factory=Versions)
    kubelets: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Applied:
    """A Cluster that the stack has applied and not deleted since.

    Attributes:
        name: its name.
        namespace: its namespace.
        uid: its UID; empty where unknown.
        allowed: whether the settings that were applied last allow its deletion.
    """

    name: str
    namespace: str
    uid: str = ""
    allowed: bool = False


def applied(resources: Mapping[str, Any]) -> list[Applied]:
    """The Clusters in a stack's state.

    Args:
        resources: by URN, with what the provider answered as ``outputs``.
    """
    found = []
    for urn, resource in resources.items():
        metadata = (resource.get("outputs") or {}).get("metadata") or {}
        if CLUSTER_URN.search(urn) and metadata.get("name"):
            allowed = (metadata.get("annotations") or {}).get(ALLOWED) == "true"
            found.append(
                Applied(metadata["name"], metadata.get("namespace") or "default", metadata.get("uid") or "", allowed)
            )
    return found


def absent(known: Iterable[Applied], new: StackSettings) -> list[Applied]:
    """The Clusters that are in no place of the new settings: the engine would delete them."""
    wanted = {(tenant.cluster.namespace, tenant.cluster.name) for tenant in new.clusters}
    return [one for one in known if (one.namespace, one.name) not in wanted]


def of_settings(settings: TenantClusterSettings) -> Living:
    """Of settings that were applied before, and have come to life."""
    version = settings.control_plane_version
    return replace(of_objects(documents(settings)), versions=Versions(version, version))


def of_objects(objects: Sequence[Mapping[str, Any]]) -> Living:
    """Of objects as the management cluster holds them: the Cluster, its infrastructure cluster, its KamajiControlPlane, and
    the TenantControlPlane that Kamaji made of that.

    Raises:
        ValueError: no Cluster is among them.
    """
    by_kind = {item["kind"]: item for item in objects}
    if "Cluster" not in by_kind:
        raise ValueError("a living cluster has a Cluster object")
    cluster, plane = by_kind["Cluster"], by_kind.get(CONTROL_PLANE_KIND, {})
    addresses = cluster["spec"].get("clusterNetwork") or {}
    network = plane.get("spec", {}).get("network") or {}
    fixed = {
        "cluster.podCidrs": (addresses.get("pods") or {}).get("cidrBlocks"),
        "cluster.serviceCidrs": (addresses.get("services") or {}).get("cidrBlocks"),
        "cluster.serviceDomain": addresses.get("serviceDomain"),
        # The reference names a control plane that was looked for under its new name, and so not found.
        "controlPlane.name": (cluster["spec"].get("controlPlaneRef") or plane.get("metadata", {})).get("name"),
        "controlPlane.dataStoreSchema": plane.get("spec", {}).get("dataStoreSchema"),
        "controlPlane.network.loadBalancerClass": (network.get("loadBalancerConfig") or {}).get("loadBalancerClass"),
        **packet.identity(by_kind.get(packet.CLUSTER_KIND, {})),
    }
    versions = upgrades.versions_of(plane, by_kind.get(TENANT_CONTROL_PLANE.name))
    return Living(cluster["metadata"]["name"], fixed, versions)


def check(old: StackSettings, new: StackSettings) -> list[Problem]:
    """What of a change can't be done, or only by deleting what lives.

    Args:
        old: the settings that were applied last.
        new: those to apply.
    """
    known = [
        Applied(own.name, own.namespace, allowed=own.allow_replacement)
        for own in (tenant.cluster for tenant in old.clusters)
    ]
    living = {tenant.cluster.name: of_settings(tenant) for tenant in old.clusters}
    found = lost(absent(known, new), new, known)
    for index, tenant in enumerate(new.clusters):
        if tenant.cluster.name in living:
            found += check_one(living[tenant.cluster.name], tenant, base_of(index, new))
    return found


def base_of(index: int, settings: StackSettings) -> str:
    """Path of a cluster in the configuration, with a dot; empty for the only one."""
    return f"clusters[{index}]." if len(settings.clusters) > 1 else ""


def lost(missing: Iterable[Applied], new: StackSettings, known: Iterable[Applied]) -> list[Problem]:
    """What would delete living clusters because the settings name them no longer.

    Args:
        missing: the living clusters that have no place in the settings.
        new: the settings to apply.
        known: all clusters that the stack has applied: what is not among them is new, perhaps under another name.
    """
    places = {tenant.cluster.name: index for index, tenant in enumerate(new.clusters)}
    applied_names = {one.name for one in known}
    added = [name for name in places if name not in applied_names]
    problems = []
    for one in missing:
        if one.allowed:
            continue
        if one.name not in places:
            problems.append(renamed(one.name, added, places, new) if added else removed(one.name))
            continue
        index = places[one.name]
        own = new.clusters[index].cluster
        if not own.allow_replacement:
            text = f"is {one.namespace} in the living cluster, and {MOVE}; {ALLOW}"
            problems.append(Problem(f"{base_of(index, new)}cluster.namespace", text, own.namespace))
    return problems


PERMISSION = (
    "put it back with `cluster.allowReplacement: true` (and without `cluster.protect`), run `up`, then take it out and run "
    "`up` again"
)


def renamed(name: str, added: Sequence[str], places: Mapping[str, int], new: StackSettings) -> Problem:
    """A living cluster that the new settings don't have, where they have one that does not live: perhaps another name."""
    path = f"{base_of(places[added[0]], new)}cluster.name"
    return Problem(
        path,
        f"a Cluster can't be renamed: {name} would be deleted with all its machines, and {' and '.join(added)} created. If "
        f"that is what you want: {PERMISSION}",
        added[0],
    )


def removed(name: str) -> Problem:
    """A living cluster that the new settings don't have, and nothing in its place."""
    return Problem(
        "clusters",
        f"lacks the living cluster {name}, which would be deleted with all its machines. If it shall go: {PERMISSION}",
    )


def check_one(living: Living, tenant: TenantClusterSettings, base: str = "") -> list[Problem]:
    """What of one cluster's change can't be done.

    Args:
        living: the cluster as it is.
        tenant: its new settings.
        base: path of the cluster in the configuration, with a dot, or empty.
    """
    wanted = of_settings(tenant)
    found = [] if tenant.cluster.allow_replacement else list(fixed(base, living, wanted))
    return [*found, *upgrades.problems(base, living.versions, tenant, living.kubelets)]


def fixed(base: str, living: Living, wanted: Living) -> Iterator[Problem]:
    """Values that would have to change although they can't."""
    for key, reason in REASONS.items():
        before, after = living.fixed.get(key), wanted.fixed.get(key)
        # A controller may have filled in what the settings leave to it.
        if before is not None and after is not None and before != after:
            shown = ", ".join(before) if isinstance(before, list) else before
            yield Problem(f"{base}{key}", f"is {shown} in the living cluster, and {reason}; {ALLOW}", after)
        elif before is None and after is not None and key == "controlPlane.network.loadBalancerClass":
            yield Problem(f"{base}{key}", f"is not set in the living cluster, and {reason}; {ALLOW}", after)
