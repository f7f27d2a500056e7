"""What stands between a changed setting and the loss of a living cluster: a comparison with what is there, before the engine
plans anything. What counts as an accident is said in :mod:`.changes`; here it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pulumi

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.manifest import POOL_LABEL
from ..capi.versions import ordered
from ..kube import objects
from ..kube.client import Api, ApiError
from ..kube.management import connect
from ..manifests.cluster import cluster
from ..manifests.control_plane import kamaji_control_plane
from ..settings.model import StackSettings
from ..settings.report import NOTHING, Problem, SettingsError
from . import admission, changes, upgrades
from .living import THREADS, LivingCluster, living_clusters, machines, of_cluster
from .machines import PoolChange, held, plan_of, removed
from .upgrades import kubelets_of


@dataclass(frozen=True)
class Outlook:
    """What lives before a run, and what the run does to it.

    Attributes:
        living: what lives of each of the settings' clusters, in their order.
        machines: what happens to machines, pool by pool.
        clusters: what happens to control planes, and to Clusters that go, in words.
    """

    living: tuple[LivingCluster, ...] = ()
    machines: tuple[PoolChange, ...] = ()
    clusters: tuple[str, ...] = ()

    def announce(self) -> None:
        """Tell it: loudly where something that lives goes."""
        for text in self.clusters:
            pulumi.log.warn(text)
        for change in self.machines:
            (pulumi.log.warn if change.loses else pulumi.log.info)(str(change))


def refuse(settings: StackSettings, before: Mapping[str, Any]) -> Outlook:
    """Compare the settings with the clusters that live already: those that they name, and those in the stack's last state.

    Args:
        settings: the stack's settings.
        before: the resources of the stack's last state, of :func:`last_state`.

    Returns:
        What lives, and what the run does to it.

    Raises:
        pulumi.RunError: a change would delete a living cluster with its machines, or can't be done at all.
    """
    api = connect(settings.management)
    missing = departing(api, settings, before)
    problems = changes.lost(missing, settings, changes.applied(before))
    clusters = living_clusters(api, settings)
    changes_of = [plan_of(tenant, living, before) for tenant, living in zip(settings.clusters, clusters, strict=True)]
    with ThreadPoolExecutor(THREADS) as pool:
        judged = pool.map(partial(judge, api, settings), range(len(clusters)), clusters, changes_of)
    problems += [problem for some in judged for problem in some]
    if problems:
        raise pulumi.RunError(str(SettingsError(problems)))
    lost = [change for one in missing for change in lost_machines(api, one, settings, before)]
    told = [
        f"Cluster {one.namespace}/{one.name} will be deleted, with its control plane and all its machines"
        for one in missing
    ]
    for index, living in enumerate(clusters):
        told += consequences(settings, index, living)
    return Outlook(tuple(clusters), (*lost, *(change for some in changes_of for change in some)), tuple(told))


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
        yield from changes.careful(changes.base_of(index, settings), before, changes.of_settings(tenant))


def judge(
    api: Api, settings: StackSettings, index: int, living: LivingCluster, planned: Sequence[PoolChange]
) -> list[Problem]:
    """What of one cluster's settings can't be done, by what lives of it and by what Kamaji says.

    Args:
        api: the management cluster's.
        settings: the stack's settings.
        index: the cluster's place among them.
        living: what lives of it.
        planned: what the run would do to its machines.
    """
    tenant, base = settings.clusters[index], changes.base_of(index, settings)
    for error in living.unread:
        pulumi.log.debug(f"an object of {tenant.cluster.name} can't be compared: {error}")
    problems: list[Problem] = []
    if living.lives:
        before = changes.of_objects(list(living.objects.values()))
        running = before.versions.running
        if running and ordered(tenant.control_plane_version) > ordered(running):
            before = replace(before, kubelets=kubelets_of(machines(api, tenant), POOL_LABEL))
        problems = [*changes.check_one(before, tenant, base), *held(base, tenant, planned)]
    if not problems:
        verdict = admission.ask(
            api, cluster(tenant), kamaji_control_plane(tenant), living.of(TENANT_CONTROL_PLANE.name)
        )
        if verdict.note:
            pulumi.log.warn(
                f"{tenant.cluster.name}: Kamaji could not be asked beforehand whether it takes this: {verdict.note}"
            )
        if verdict.refusal:
            key = admission.setting(verdict)
            path = upgrades.path_of(base, tenant) if key == admission.VERSION else f"{base}{key}"
            value = tenant.control_plane_version if key == admission.VERSION else NOTHING
            problems = [Problem(path, f"Kamaji refuses: {verdict.refusal}", value)]
    return problems


def departing(api: Api, settings: StackSettings, before: Mapping[str, Any]) -> list[changes.Applied]:
    """The living clusters that the engine would delete because the settings name them no longer.

    The stack's own state tells what it has applied, and costs no request: labels in the management cluster could not tell two
    stacks of one name in different backends apart. Only a cluster that is missed is looked at, whether it lives, and whether
    its annotation allows its deletion.
    """
    missing = changes.absent(changes.applied(before), settings)
    version = settings.clusters[0].contract.core
    return [one for item in missing if (one := still(api, item, version)) is not None]


def lost_machines(
    api: Api, known: changes.Applied, settings: StackSettings, before: Mapping[str, Any]
) -> Iterable[PoolChange]:
    """The machines that go with a Cluster."""
    core = settings.clusters[0].contract.core
    deployments = of_cluster(api, core, known.namespace, known.name, "machinedeployments")
    if isinstance(deployments, ApiError):
        pulumi.log.debug(f"the machines of {known.name} can't be counted: {deployments}")
        return []
    return removed(f"{known.namespace}/{known.name}", deployments, before, "its Cluster is deleted")


def last_state() -> Mapping[str, Any]:
    """The resources of the stack's last state by URN, with type and outputs; empty before the first run."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        # A function of the engine itself (pkg/resource/deploy/builtins.go), which no plugin serves.
        answer = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": name}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        pulumi.log.debug(f"a cluster that the settings no longer name would not be noticed: {error}")
        return {}
    found: Mapping[str, Any] = (answer or {}).get("outputs") or {}
    return found


def still(api: Api, known: changes.Applied, version: str) -> changes.Applied | None:
    """A cluster of the last state as it is; None where it is gone, or another has its name."""
    try:
        found = objects.Kube(api, known.namespace).find(objects.Kind(version, "Cluster", "clusters"), known.name)
    except ApiError as error:
        pulumi.log.debug(f"Cluster {known.namespace}/{known.name} can't be read, so it is taken for living: {error}")
        return known
    if found is None or found["metadata"]["uid"] != known.uid or "deletionTimestamp" in found["metadata"]:
        return None
    annotations = found["metadata"].get("annotations") or {}
    return replace(known, allowed=annotations.get(changes.ALLOWED) == "true")
