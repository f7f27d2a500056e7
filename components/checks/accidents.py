"""What stands between a changed setting and the loss of a living cluster: a comparison with what is there, before the engine
plans anything. What counts as an accident is said in :mod:`.changes`; here the management cluster is asked."""

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
from .living_cluster import THREADS, LivingCluster, living_clusters, machines
from .losses import Loss, losses
from .machines import plan_of, skew_problems
from .pool_change import PoolChange
from .references import bootstrap_versions
from .teardown import machines_with
from .upgrades import kubelets_of

UNCERTAIN = (
    "management cluster {}: the templates that living machines are made from can't be read, so machines might roll without "
    "need: {}. Nothing was changed; run it again"
)


@dataclass(frozen=True)
class Outlook:
    """What lives before a run, what the run does to it, and what of that can't be done.

    Attributes:
        lives: what lives of each of the settings' clusters, in their order.
        machines: what happens to machines, pool by pool.
        clusters: what happens to control planes, and to Clusters that go, in words.
        problems: changes that would delete a living cluster with its machines, or can't be done at all.
        notes: what could not be asked beforehand.
        unread: objects that could not be read, and so were compared with nothing.
        bootstrap_versions: see :func:`.references.bootstrap_versions`.
        losses: what the last state holds of each cluster, and is gone.
        obstacle: why the run must not go on, in words; empty where it may.
        kubeconfigs: where the last run found the kubeconfig of a tenant, by the Cluster's namespace and name.
        foreign_fields: of living hosts that are to be taken in, see :func:`.hosts.foreign_fields`.
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
    """What a comparison could not do, collected from all its threads: see :class:`Outlook`."""

    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def compare(settings: StackSettings, last: Mapping[str, Any] | None, *, adopts: bool = False) -> Outlook:
    """Compare the settings with the clusters that live already: those that they name, and those in the stack's last state.

    Args:
        settings: the stack's settings.
        last: the resources of the stack's last state by URN, with type and outputs; None where it is not known.
        adopts: whether living clusters that the stack has not made are to be taken in.
    """
    api, remarks, state = connect(settings.management), Remarks(), last or {}
    missing = clusters_to_delete(api, settings, state, remarks)
    problems = [
        *departures.problems(missing, settings, departures.clusters_in_state(state)),
        *hosts.problems(api, settings, state),
        *strangers.hosts(api, settings, state),
    ]
    clusters = living_clusters(api, settings)
    made = None if adopts or last is None else {(one.namespace, one.name) for one in departures.clusters_in_state(last)}
    for index, (tenant, living) in enumerate(zip(settings.clusters, clusters, strict=True)):
        problems += strangers.problems(api, departures.base_of(index, settings), tenant, living, made)
    plans = [plan_of(tenant, living, state) for tenant, living in zip(settings.clusters, clusters, strict=True)]
    with ThreadPoolExecutor(THREADS) as pool:
        verdicts = pool.map(partial(judge, api, settings, remarks), range(len(clusters)), clusters, plans)
    problems += [problem for some in verdicts for problem in some]
    leavers = [
        f"Cluster {one.namespace}/{one.name} will be deleted, with its control plane and all its machines"
        for one in missing
    ]
    following = [line for index, living in enumerate(clusters) for line in consequences(settings, index, living)]
    departing_machines = [change for one in missing for change in machines_of(api, one, settings, remarks)]
    return Outlook(
        tuple(clusters),
        (*departing_machines, *(change for plan in plans for change in plan)),
        (*leavers, *following),
        tuple(problems),
        tuple(remarks.notes),
        tuple(remarks.unread),
        bootstrap_versions(state),
        tuple(
            frozenset(losses(tenant, living, state)) for tenant, living in zip(settings.clusters, clusters, strict=True)
        ),
        next((UNCERTAIN.format(api.access.server, living.uncertain) for living in clusters if living.uncertain), ""),
        kubeconfig_secrets(state),
        hosts.foreign_fields(api, settings) if adopts else {},
    )


def consequences(settings: StackSettings, index: int, living: LivingCluster) -> Iterator[str]:
    """What follows for one cluster of changes that happen, beside what happens to its machines: a line for each.

    Args:
        settings: the stack's settings.
        index: the cluster's place among them.
        living: what lives of it.
    """
    tenant = settings.clusters[index]
    yield from upgrades.announcement(tenant, living.versions)
    if living.lives:
        before = changes.of_objects(list(living.objects.values()))
        yield from changes.careful(departures.base_of(index, settings), before, changes.of_settings(tenant))


def judge(
    api: Api,
    settings: StackSettings,
    remarks: Remarks,
    index: int,
    living: LivingCluster,
    planned: Sequence[PoolChange],
) -> list[Problem]:
    """What of one cluster's settings can't be done, by what lives of it and by what Kamaji says.

    Args:
        api: the management cluster's.
        settings: the stack's settings.
        remarks: takes what could not be asked or read.
        index: the cluster's place among them.
        living: what lives of it.
        planned: what the run would do to its machines.
    """
    tenant, base = settings.clusters[index], departures.base_of(index, settings)
    remarks.unread += [f"an object of {tenant.cluster.name} can't be compared: {error}" for error in living.unread]
    problems: list[Problem] = []
    if living.lives:
        before = changes.of_objects(list(living.objects.values()))
        running = before.versions.api_server
        if running and sort_key(tenant.control_plane_version) > sort_key(running):
            before = replace(before, kubelets=kubelets_of(machines(api, tenant), POOL_LABEL))
        problems = [*changes.check_cluster(before, tenant, base), *skew_problems(base, tenant, planned)]
    if not problems:
        verdict = admission.ask(
            api, cluster(tenant), kamaji_control_plane(tenant), living.of(TENANT_CONTROL_PLANE.name)
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

    The stack's own state tells what it has applied, and costs no request: labels in the management cluster could not tell two
    stacks of one name in different backends apart. Only a cluster that is missed is looked at, whether it lives, and whether
    its annotation allows its deletion.
    """
    missing = departures.absent(departures.clusters_in_state(state), settings)
    version = settings.clusters[0].contract.core
    return [one for item in missing if (one := still(api, item, version, remarks)) is not None]


def machines_of(
    api: Api, cluster: departures.AppliedCluster, settings: StackSettings, remarks: Remarks
) -> Iterator[PoolChange]:
    """The machines that go with a Cluster."""
    try:
        yield from machines_with(api, settings.clusters[0].contract.core, cluster.namespace, cluster.name)
    except ApiError as error:
        remarks.unread.append(f"the machines of {cluster.name} can't be counted: {error}")


def still(
    api: Api, applied: departures.AppliedCluster, version: str, remarks: Remarks
) -> departures.AppliedCluster | None:
    """A cluster of the last state as it is; None where it is gone, or another has its name."""
    try:
        living = objects.Kube(api, applied.namespace).find(objects.Kind(version, "Cluster", "clusters"), applied.name)
    except ApiError as error:
        remarks.unread.append(
            f"Cluster {applied.namespace}/{applied.name} can't be read, so it is taken for living: {error}"
        )
        return applied
    if living is None or living["metadata"]["uid"] != applied.uid or "deletionTimestamp" in living["metadata"]:
        return None
    annotations = living["metadata"].get("annotations") or {}
    return replace(applied, allow_replacement=annotations.get(departures.ALLOW_REPLACEMENT) == "true")
