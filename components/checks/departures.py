"""Clusters that the settings no longer name, so that the engine would delete them: refused unless permitted before. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..settings.model import StackSettings
from ..settings.report import Problem

ALLOW = "cluster.allowReplacement: true allows it"

ALLOW_REPLACEMENT = "kamaji-equinix.io/allow-replacement"
"""Annotation of a living Cluster whose last applied settings allow its deletion; its value is ``true``."""

CLUSTER_URN = re.compile(
    r"\bkamaji-equinix:index:TenantCluster\$kubernetes:cluster\.x-k8s\.io/(?P<version>[^:]+):Cluster::"
)
"""A tenant cluster's Cluster in a stack's state."""

MOVE = "objects can't move to another namespace: the cluster would be deleted with all its machines and created again"


@dataclass(frozen=True)
class AppliedCluster:
    """A Cluster that the stack has applied and not deleted since.

    Attributes:
        name: its name.
        namespace: its namespace.
        uid: its UID; empty where unknown.
        allow_replacement: whether the settings that were applied last allow its deletion.
    """

    name: str
    namespace: str
    uid: str = ""
    allow_replacement: bool = False


def clusters_in_state(resources: Mapping[str, Any]) -> list[AppliedCluster]:
    """The Clusters in a stack's state.

    Args:
        resources: by URN, with what the provider answered as ``outputs``.
    """
    clusters = []
    for urn, resource in resources.items():
        metadata = (resource.get("outputs") or {}).get("metadata") or {}
        if CLUSTER_URN.search(urn) and metadata.get("name"):
            allow_replacement = (metadata.get("annotations") or {}).get(ALLOW_REPLACEMENT) == "true"
            clusters.append(
                AppliedCluster(
                    metadata["name"],
                    metadata.get("namespace") or "default",
                    metadata.get("uid") or "",
                    allow_replacement,
                )
            )
    return clusters


def absent(clusters: Iterable[AppliedCluster], new: StackSettings) -> list[AppliedCluster]:
    """The Clusters that the new settings lack: the engine would delete them."""
    places = {(tenant.cluster.namespace, tenant.cluster.name) for tenant in new.clusters}
    return [cluster for cluster in clusters if (cluster.namespace, cluster.name) not in places]


def base_of(index: int, settings: StackSettings) -> str:
    """Path of a cluster in the configuration, with a dot; empty for the only one."""
    return f"clusters[{index}]." if len(settings.clusters) > 1 else ""


def problems(removals: Iterable[AppliedCluster], new: StackSettings, before: Iterable[AppliedCluster]) -> list[Problem]:
    """Settings that would delete living clusters because they no longer name them.

    Args:
        removals: the living clusters that the settings lack.
        new: the settings to apply.
        before: all clusters that the stack has applied; a cluster that is not among them is new, perhaps after a renaming.
    """
    places = {tenant.cluster.name: index for index, tenant in enumerate(new.clusters)}
    applied_names = {item.name for item in before}
    new_names = [name for name in places if name not in applied_names]
    problems = []
    for departure in removals:
        if departure.allow_replacement:
            continue
        if departure.name not in places:
            problems.append(
                rename_problem(departure.name, new_names, places, new) if new_names else removal(departure.name)
            )
            continue
        index = places[departure.name]
        cluster = new.clusters[index].cluster
        if not cluster.allow_replacement:
            text = f"is {departure.namespace} in the living cluster, and {MOVE}; {ALLOW}"
            problems.append(Problem(f"{base_of(index, new)}cluster.namespace", text, cluster.namespace))
    return problems


PERMISSION = (
    "put it back with `cluster.allowReplacement: true` (and without `cluster.protect`), run `up`, then take it out and run "
    "`up` again"
)


def rename_problem(name: str, new_names: Sequence[str], places: Mapping[str, int], new: StackSettings) -> Problem:
    """A living cluster that the new settings lack, where they have a new cluster: perhaps it was renamed."""
    path = f"{base_of(places[new_names[0]], new)}cluster.name"
    return Problem(
        path,
        f"a Cluster can't be renamed: {name} would be deleted with all its machines, and {' and '.join(new_names)} created. "
        f"If that is what you want: {PERMISSION}",
        new_names[0],
    )


def removal(name: str) -> Problem:
    """A living cluster that the new settings lack, where they have no new one."""
    return Problem(
        "clusters",
        f"lacks the living cluster {name}, which would be deleted with all its machines. If it is to go: {PERMISSION}",
    )
