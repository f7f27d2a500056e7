"""Compare the settings with the living clusters before the engine plans anything, so that a changed setting does not cost
a cluster. What counts as an accident is defined in :mod:`.changes`; this module asks the management cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.manifest import POOL_LABEL
from ..capi.versions import sort_key
from ..kube import objects
from ..kube.client import Api, ApiError
from ..kube.management import connect
from ..manifests.cluster import cluster
from ..manifests.control_plane import kamaji_control_plane
from ..settings.model import StackSettings
from ..settings.report import NOTHING, Problem
from . import admission, changes, departures, hosts, strangers, upgrades
from .kubeconfig_secrets import kubeconfig_secrets
from .living_cluster import THREADS, LivingCluster, machines, read_clusters
from .losses import Loss, losses
from .machines import plan_of, skew_problems
from .pool_change import PoolChange
from .references import bootstrap_versions
from .teardown import machines_with
from .upgrades import kubelets_of

UNCERTAIN = (
    "management cluster {}: the templates that living machines are made from can't be read, so machines might roll without "
    "need: {}. Nothing was changed; run it again once they can be read"
)


@dataclass(frozen=True)
class Outlook:
    """The living clusters before a run, what the run does to them, and which changes are impossible.

    Attributes:
        lives: the live objects of each of the settings' clusters, in their order.
        machines: what happens to machines, pool by pool.
        clusters: what happens to control planes, and to Clusters that are deleted, in words.
        problems: changes that would delete a living cluster with its machines, or can't be done at all.
        notes: questions that the management cluster did not answer.
        unread: objects that could not be read, and so were not compared.
        bootstrap_versions: see :func:`.references.bootstrap_versions`.
        losses: objects of each cluster that the last state holds and that do not exist any more.
        obstacle: why the run must not go on, in words; empty where it may.
        kubeconfigs: name of the Secret with a tenant's kubeconfig in the last state, by the Cluster's namespace and name.
        foreign_fields: of living hosts that the run adopts, see :func:`.hosts.foreign_fields`.
    """

    lives: tuple[LivingCluster, ...] = ()
    machines: tuple[PoolChange, ...] = ()
    clusters: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    bootstrap_versions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    losses: tuple[frozenset[Loss], ...] = ()
    obstacle: str = ""
    kubeconfigs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    foreign_fields: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Remarks:
    """Notes on objects that could not be compared, collected from all threads: see :class:`Outlook`."""

    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def compare(settings: StackSettings, last: Mapping[str, Any] | None, *, adopts: bool = False) -> Outlook:
    """Compare the settings with the living clusters: those that they name, and those in the stack's last state.

    Args:
        settings: the stack's settings.
        last: the resources of the stack's last state by URN, with type and outputs; None where it is not known.
        adopts: whether to adopt living clusters that the stack has not created.
    """
    api, remarks, state = connect(settings.management), Remarks(), last or {}
    removals = clusters_to_delete(api, settings, state, remarks)
    problems = [
        *departures.problems(removals, settings, departures.clusters_in_state(state)),
        *hosts.problems(api, settings, state),
        *strangers.hosts(api, settings, state),
    ]
    clusters = read_clusters(api, settings)
    stack_clusters = (
        None if adopts or last is None else {(item.namespace, item.name) for item in departures.clusters_in_state(last)}
    )
    for index, (tenant, current) in enumerate(zip(settings.clusters, clusters, strict=True)):
        problems += strangers.problems(api, departures.base_of(index, settings), tenant, current, stack_clusters)
    plans = [plan_of(tenant, current, state) for tenant, current in zip(settings.clusters, clusters, strict=True)]
    with ThreadPoolExecutor(THREADS) as pool:
        verdicts = pool.map(partial(judge, api, settings, remarks), range(len(clusters)), clusters, plans)
    problems += [problem for cluster_problems in verdicts for problem in cluster_problems]
    deletion_notes = [
        f"Cluster {item.namespace}/{item.name} will be deleted, with its control plane and all its machines"
        for item in removals
    ]
    consequence_notes = [
        line for index, current in enumerate(clusters) for line in consequences(settings, index, current)
    ]
    machine_deletions = [change for item in removals for change in machines_of(api, item, settings, remarks)]
    return Outlook(
        tuple(clusters),
        (*machine_deletions, *(change for plan in plans for change in plan)),
        (*deletion_notes, *consequence_notes),
        tuple(problems),
        tuple(remarks.notes),
        tuple(remarks.unread),
        bootstrap_versions(state),
        tuple(
            frozenset(losses(tenant, current, state))
            for tenant, current in zip(settings.clusters, clusters, strict=True)
        ),
        next((UNCERTAIN.format(api.access.server, current.uncertain) for current in clusters if current.uncertain), ""),
        kubeconfig_secrets(state),
        hosts.foreign_fields(api, settings) if adopts else {},
    )


def consequences(settings: StackSettings, index: int, current: LivingCluster) -> Iterator[str]:
    """Consequences of one cluster's changes, apart from those for its machines: a line for each.

    Args:
        settings: the stack's settings.
        index: the cluster's place among them.
        current: its live objects.
    """
    tenant = settings.clusters[index]
    yield from upgrades.announcement(tenant, current.versions)
    if current.lives:
        before = changes.of_objects(list(current.objects.values()))
        yield from changes.careful(departures.base_of(index, settings), before, changes.of_settings(tenant))


def judge(
    api: Api,
    settings: StackSettings,
    remarks: Remarks,
    index: int,
    current: LivingCluster,
    plan: Sequence[PoolChange],
) -> list[Problem]:
    """The settings of one cluster that are impossible, because of its live objects or because Kamaji refuses them.

    Args:
        api: the management cluster's.
        settings: the stack's settings.
        remarks: takes notes on what could not be asked or read.
        index: the cluster's place among them.
        current: its live objects.
        plan: what the run would do to its machines.
    """
    tenant, base = settings.clusters[index], departures.base_of(index, settings)
    remarks.unread += [f"an object of {tenant.cluster.name} can't be compared: {error}" for error in current.unread]
    problems: list[Problem] = []
    if current.lives:
        before = changes.of_objects(list(current.objects.values()))
        running = before.versions.api_server
        if running and sort_key(tenant.control_plane_version) > sort_key(running):
            before = replace(before, kubelets=kubelets_of(machines(api, tenant), POOL_LABEL))
        problems = [*changes.check_cluster(before, tenant, base), *skew_problems(base, tenant, plan)]
    if not problems:
        verdict = admission.ask(
            api, cluster(tenant), kamaji_control_plane(tenant), current.of(TENANT_CONTROL_PLANE.name)
        )
        if verdict.note:
            remarks.notes.append(
                f"{tenant.cluster.name}: Kamaji could not be asked beforehand whether it accepts the settings: {verdict.note}"
            )
        if verdict.refusal:
            key = admission.setting(verdict)
            path = upgrades.path_of(base, tenant) if key == admission.VERSION else f"{base}{key}"
            value = tenant.control_plane_version if key == admission.VERSION else NOTHING
            problems = [Problem(path, f"Kamaji refuses: {verdict.refusal}", value)]
    return problems


def clusters_to_delete(
    api: Api, settings: StackSettings, state: Mapping[str, Any], remarks: Remarks
) -> list[departures.AppliedCluster]:
    """The living clusters that the engine would delete because the settings name them no longer.

    The stack's state holds what it has applied, without a request; labels in the management cluster could not distinguish two
    stacks of one name in different backends. Only the clusters that the settings lack are read: whether they live, and
    whether their annotation allows the deletion.
    """
    removals = departures.absent(departures.clusters_in_state(state), settings)
    version = settings.clusters[0].contract.core
    return [survivor for item in removals if (survivor := current_cluster(api, item, version, remarks)) is not None]


def machines_of(
    api: Api, cluster: departures.AppliedCluster, settings: StackSettings, remarks: Remarks
) -> Iterator[PoolChange]:
    """The machines that go with a Cluster."""
    try:
        yield from machines_with(api, settings.clusters[0].contract.core, cluster.namespace, cluster.name)
    except ApiError as error:
        remarks.unread.append(f"the machines of {cluster.name} can't be counted: {error}")


def current_cluster(
    api: Api, cluster: departures.AppliedCluster, version: str, remarks: Remarks
) -> departures.AppliedCluster | None:
    """A cluster of the last state as it is now; None where it does not exist, or another cluster has its name."""
    try:
        cluster_object = objects.Kube(api, cluster.namespace).find(
            objects.Kind(version, "Cluster", "clusters"), cluster.name
        )
    except ApiError as error:
        remarks.unread.append(
            f"Cluster {cluster.namespace}/{cluster.name} can't be read, so it is taken for living: {error}"
        )
        return cluster
    if (
        cluster_object is None
        or cluster_object["metadata"]["uid"] != cluster.uid
        or "deletionTimestamp" in cluster_object["metadata"]
    ):
        return None
    annotations = cluster_object["metadata"].get("annotations") or {}
    return replace(cluster, allow_replacement=annotations.get(departures.ALLOW_REPLACEMENT) == "true")
