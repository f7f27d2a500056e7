"""What a run will do to machines: how many it deletes, rolls or adds, pool by pool. Pure.

Cluster API rolls a pool where its version or one of its templates differs (cluster-api,
internal/controllers/machinedeployment/mdutil/util.go); all other fields of a MachineDeployment change in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..capi import naming
from ..capi.former import rollout_after
from ..capi.manifest import POOL_LABEL
from ..capi.versions import bare, minor
from ..kube.objects import dig
from ..manifests.workers import machine_deployment
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from ..settings.report import Problem
from .living_cluster import LivingCluster
from .machine_sets import TEMPLATES, belongs, division, same_content
from .pool_change import DELETED_DEPLOYMENT, FORMER, PoolChange

Json = Mapping[str, Any]

SKIP = "machineset.cluster.x-k8s.io/skip-preflight-checks"

_DEPLOYMENT = re.compile(r"kubernetes:cluster\.x-k8s\.io/[^:]+:MachineDeployment::")


def plan_of(tenant: TenantClusterSettings, current: LivingCluster, state: Mapping[str, Any]) -> list[PoolChange]:
    """The effects of a run on the machines of a cluster.

    Args:
        tenant: the cluster's settings.
        current: its live objects.
        state: the resources of the stack's last state by URN.
    """
    if current.deployments is None:
        return []
    templates_in_state, changes = templates(state), list[PoolChange]()
    name = f"{tenant.cluster.namespace}/{tenant.cluster.name}"
    stack_deployments = deployments_in_state(state)
    deployments = {str(dig(item, "metadata", "name")): item for item in current.deployments if not is_deleting(item)}
    for pool in tenant.worker_pools:
        wish = machine_deployment(
            tenant, pool, templates=current.templates.get(naming.machine_deployment(tenant.cluster.name, pool.name), {})
        )
        deployment = deployments.pop(wish["metadata"]["name"], None)
        deployment_name = str(wish["metadata"]["name"])
        changes += pool_change(
            name,
            tenant,
            pool,
            wish,
            deployment,
            templates_in_state,
            current.machine_sets,
            former=deployment_name in current.former,
            is_lost=(tenant.cluster.namespace, deployment_name) in stack_deployments,
        )
    return [*changes, *pool_deletions(name, deployments.values(), state, "the settings name it no longer")]


def skew_problems(base: str, tenant: TenantClusterSettings, changes: Iterable[PoolChange]) -> Iterator[Problem]:
    """Pools that would lose machines which Cluster API then does not replace.

    It creates none whose minor is not the control plane's: kubeadm joins within one minor only.

    Args:
        base: path of the cluster in the configuration, with a dot, or empty.
        tenant: the cluster's settings.
        changes: what the run would do to its machines.
    """
    rolling_pools = {change.pool: change for change in changes if change.rolled}
    plane = tenant.control_plane_version
    for index, pool in enumerate(tenant.worker_pools):
        skip_checks = pool.annotations.get(SKIP, "").replace(" ", "").split(",")
        version = tenant.pool_version(pool)
        if (
            pool.name in rolling_pools
            and minor(version) != minor(plane)
            and not {"All", "KubeadmVersionSkew"} & {*skip_checks}
        ):
            yield Problem(
                f"{base}workerPools[{index}].kubernetesVersion",
                f"has another minor version than the control plane, {plane}, and the pool would roll "
                f"({rolling_pools[pool.name].reason}). Cluster API creates no machine of another minor version, because "
                "kubeadm joins none, so old machines would go and no new ones come. Set both to the same minor "
                f"version, or leave the rest of the pool as it is; the pool's annotation {SKIP}: KubeadmVersionSkew "
                "switches this check off",
                version,
                plane,
            )


def is_deleting(item: Json) -> bool:
    """Whether an object is being deleted already."""
    return bool(dig(item, "metadata", "deletionTimestamp"))


def pool_deletions(
    cluster: str, deployments: Iterable[Json], state: Mapping[str, Any], reason: str
) -> Iterator[PoolChange]:
    """Pools that the engine deletes: those in the stack's state that the settings no longer declare."""
    stack_deployments = deployments_in_state(state)
    for item in deployments:
        if (str(dig(item, "metadata", "namespace")), str(dig(item, "metadata", "name"))) in stack_deployments:
            labels = dig(item, "metadata", "labels") or {}
            pool = str(labels.get(POOL_LABEL) or dig(item, "metadata", "name"))
            yield PoolChange(cluster, pool, deleted=machines_of(item), reason=reason)


def deployments_in_state(state: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Namespace and name of each MachineDeployment in a stack's last state."""
    return {
        (str(dig(outputs, "metadata", "namespace")), str(dig(outputs, "metadata", "name")))
        for urn, resource in state.items()
        if _DEPLOYMENT.search(urn) and (outputs := resource.get("outputs") or {})
    }


def pool_change(
    cluster: str,
    tenant: TenantClusterSettings,
    pool: WorkerPoolSettings,
    wish: Json,
    current: Json | None,
    contents: Mapping[str, Json],
    machine_sets: Iterable[Json] = (),
    *,
    former: bool = False,
    is_lost: bool = False,
) -> Iterator[PoolChange]:
    """The effect of a run on one pool; none if its machines do not change.

    Args:
        cluster: namespace and name of the Cluster.
        tenant: settings of its cluster.
        pool: its settings.
        wish: its MachineDeployment as it is declared.
        current: its live MachineDeployment; None where it is new.
        contents: content of the templates in the stack's last state, by name.
        machine_sets: the cluster's live MachineSets.
        former: its machines have joined a former control plane.
        is_lost: the state still holds its MachineDeployment.
    """
    if current is None:
        size = pool.min if pool.min is not None else int(dig(wish, "spec", "replicas") or 0)
        if size:
            yield PoolChange(cluster, pool.name, added=size, reason=DELETED_DEPLOYMENT if is_lost else "a new pool")
        return
    present, size = int(dig(current, "spec", "replicas") or 0), dig(wish, "spec", "replicas")
    target = present if size is None else int(size)
    machine_sets = list(machine_sets)
    content = reasons(tenant, pool, wish, current, contents)
    why = content or on_demand(wish, current, machine_sets)
    # Only where the content changes another MachineSet may have it already.
    parts = division(machine_sets, wish) if content and not former else None
    present_now = parts.current + parts.others if parts else present
    stay = min(parts.current if parts else 0 if why or former else present, target)
    replacements = min(present_now - stay, target - stay)
    deletions, additions = present_now - stay - replacements, target - stay - replacements
    if former:
        why = [FORMER, *why]
    if parts and parts.current:
        why.append(f"{stay} stay, because MachineSet {parts.target} has this content already")
    if present_now > present:
        why.append(f"a roll under way has made {present_now - present} more than asked for")
    if target != present:
        why.append(f"replicas {present} to {target}")
    if why and strategy(wish) == "OnDelete" and replacements:
        why.append("strategy OnDelete: a machine is replaced once you delete it")
        replacements = 0
    if why and (present_now or target):
        yield PoolChange(cluster, pool.name, deletions, replacements, additions, "; ".join(why))


def reasons(
    tenant: TenantClusterSettings, pool: WorkerPoolSettings, wish: Json, current: Json, contents: Mapping[str, Json]
) -> list[str]:
    """Why a pool's machines roll, in the words of the settings; empty where they don't."""
    why = []
    before, after = (bare(dig(item, "spec", "template", "spec", "version")) for item in (current, wish))
    if before != after:
        why.append(f"Kubernetes {before or 'of no version'} to {after}")
    for path in TEMPLATES:
        old, new = (str(dig(item, *path, "name") or "") for item in (current, wish))
        if old != new:
            role = "bootstrap" if path[-1] == "configRef" else "machine"
            # The bootstrap template names the packages of the version, so it changes with the version.
            if role == "machine" or before == after or pool.bootstrap.commands:
                why.append(
                    difference(tenant, pool, contents.get(old)) if role == "machine" else "its bootstrap changed"
                )
    return why


def on_demand(wish: Json, current: Json, machine_sets: Iterable[Json]) -> list[str]:
    """Why a pool rolls although its content stays: ``rolloutAfter`` asks to replace older machines.

    Cluster API makes a new MachineSet where none of the same content was created after that time.
    """
    after = rollout_after(wish)
    if not after or after == rollout_after(current):
        return []
    newest = max(
        (
            str(dig(item, "metadata", "creationTimestamp") or "")
            for item in machine_sets
            if belongs(item, current) and same_content(item, current)
        ),
        default="",
    )
    return [] if newest > after else [f"rolloutAfter {after}"]


def difference(tenant: TenantClusterSettings, pool: WorkerPoolSettings, before: Json | None) -> str:
    """The differences between a machine template and that of a pool's settings; only plain text is shown as a value."""
    after = dig(provider_of(tenant).machine_template(tenant, pool), "spec", "template", "spec") or {}
    old = dig(before, "spec", "template", "spec")
    if not isinstance(old, Mapping):
        return "its machines changed"
    parts = []
    for key in sorted({*old, *after}):
        old_value, new_value = old.get(key), after.get(key)
        if old_value != new_value:
            plain = all(isinstance(value, str | None) for value in (old_value, new_value))
            parts.append(f"{key} {old_value or 'none'} to {new_value or 'none'}" if plain else f"{key} changed")
    return ", ".join(parts) or "its machines changed"


def templates(state: Mapping[str, Any]) -> dict[str, Json]:
    """The machine templates of a stack's last state, by name."""
    return {
        str(dig(outputs, "metadata", "name")): outputs
        for urn, resource in state.items()
        if "MachineTemplate::" in urn and (outputs := resource.get("outputs") or {})
    }


def machines_of(deployment: Json) -> int:
    """How many machines a live MachineDeployment has, or asks for where that is more."""
    return max(int(dig(deployment, "spec", "replicas") or 0), int(dig(deployment, "status", "replicas") or 0))


def strategy(deployment: Json) -> str:
    """How a pool rolls, in either generation."""
    return str(
        dig(deployment, "spec", "strategy", "type")
        or dig(deployment, "spec", "rollout", "strategy", "type")
        or "RollingUpdate"
    )
