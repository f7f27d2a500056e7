"""Snapshots of a cluster, made of objects as controllers leave them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from kamaji_equinix.components.tree import Snapshot

from . import cluster_objects as build
from .cluster_objects import Object, condition

TRUE = condition(True)
TIME = datetime(2026, 1, 2, 3, 8, 5, tzinfo=timezone.utc)
"""Four minutes after every condition's last change."""


def pool(name: str, states: list[Object | None], **counts: int) -> list[Object]:
    """A MachineDeployment with its set and a machine for each Ready condition; the machines come last."""
    deployment = build.deployment(name, len(states), ready=TRUE, **counts)
    machine_set = build.machine_set(f"{name}-set", deployment)
    complete = {"bootstrapReady": True, "infrastructureReady": True, "nodeRef": {"name": "n"}}
    machines = [
        build.machine(f"{name}-{index}", machine_set, ready=state, **complete) for index, state in enumerate(states)
    ]
    return [deployment, machine_set, *machines]


def snapshot(*objects: Object, **changes: Any) -> Snapshot:
    """A ready cluster with the given workers; ``changes`` replaces fields of the snapshot."""

    def of(kind: str) -> tuple[Object, ...]:
        return tuple(obj for obj in objects if obj["kind"] == kind)

    infrastructure = changes.get("infrastructure", build.packet_cluster())
    plane = changes.get("control_plane", build.control_plane())
    fields: dict[str, Any] = {
        "namespace": "default",
        "name": "c1",
        "infrastructure": infrastructure,
        "control_plane": plane,
        "cluster": build.cluster(ready=TRUE, infrastructure=build.packet_cluster(), plane=build.control_plane()),
        "machines": of("Machine"),
        "machine_deployments": of("MachineDeployment"),
        "machine_sets": of("MachineSet"),
        "machine_pools": of("MachinePool"),
        "time": TIME,
        **changes,
    }
    return Snapshot(**fields)
