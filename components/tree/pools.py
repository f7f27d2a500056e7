"""The worker pools of a cluster: each MachineDeployment with the MachineSets and Machines that it owns. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..capi.reading import Failure, Json, name
from ..kube.objects import dig
from .model import ListResult, Snapshot

POOL_LABEL = "cluster.x-k8s.io/deployment-name"
"""Label of a Machine with the name of its MachineDeployment."""


@dataclass(frozen=True)
class Pool:
    """One worker pool.

    Attributes:
        deployment: its MachineDeployment; None for a MachineSet or a Machine that belongs to none.
        machine_sets: in the order of their names.
        machines: in the order of their names.
    """

    deployment: Json | None
    machine_sets: tuple[Json, ...] = ()
    machines: tuple[Json, ...] = ()


def pools_of(snapshot: Snapshot) -> list[Pool]:
    """The pools, in the order of their names."""
    deployments = {name(deployment): deployment for deployment in _read(snapshot.machine_deployments)}
    pool_by_set = {
        name(machine_set): _owner(machine_set, "MachineDeployment") or name(machine_set)
        for machine_set in _read(snapshot.machine_sets)
    }
    machine_sets, machines = _by_pool(snapshot.machine_sets, pool_by_set), _by_pool(snapshot.machines, pool_by_set)
    return [
        Pool(deployments.get(pool), tuple(machine_sets.get(pool, ())), tuple(machines.get(pool, ())))
        for pool in sorted({*deployments, *machine_sets, *machines})
    ]


def _read(objects: ListResult) -> tuple[Json, ...]:
    return () if isinstance(objects, Failure) else tuple(sorted(objects, key=name))


def _by_pool(objects: ListResult, pool_by_set: Mapping[str, str]) -> dict[str, list[Json]]:
    by_pool: dict[str, list[Json]] = {}
    for obj in _read(objects):
        by_pool.setdefault(_pool_name(obj, pool_by_set), []).append(obj)
    return by_pool


def _pool_name(obj: Json, pool_by_set: Mapping[str, str]) -> str:
    """Name of the pool of a MachineSet or a Machine: by its owners, else by its label."""
    machine_set = _owner(obj, "MachineSet")
    label = (dig(obj, "metadata", "labels") or {}).get(POOL_LABEL)
    return str(pool_by_set.get(machine_set or name(obj)) or label or machine_set or name(obj))


def _owner(obj: Json, kind: str) -> str:
    """Name of the controller of an object, if it is of a kind."""
    references = dig(obj, "metadata", "ownerReferences") or ()
    return next((str(r.get("name")) for r in references if r.get("controller") and r.get("kind") == kind), "")
