"""Objects in the tables of the two contracts: the conditions that decide about rows, and the content of a row. Pure.

Sources: Cluster API v1.10 and v1.13, cmd/clusterctl/client/tree and internal/util/tree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from ..capi import replica_counters
from ..capi.reading import CLUSTER_API, Condition, Json, group, kind, newer_condition, ready
from ..capi.replica_counters import ReplicaCounters

CONTROL_PLANE = "ControlPlane"
"""Label of the row of a Cluster's control plane."""

_STATE_CONDITIONS = ("Available", "Ready", "UpToDate")

_COUNTERS = {
    "Cluster": replica_counters.of_cluster,
    "MachineDeployment": replica_counters.of_deployment,
    "Machine": replica_counters.of_machine,
}

_CONDITIONS = {"Cluster": "Available", "MachineDeployment": "Available", "Machine": "Ready"}
"""The condition in a row of Cluster API's own kinds; rows of other kinds, such as MachinePool, show none."""


@dataclass(frozen=True)
class Shape:
    """The table of one contract.

    Attributes:
        ready: the condition of an object. A part of a machine has no row if its condition says no more than the machine's.
        state: the state of a machine; machines with equal states share a row.
        condition: the condition in an object's row beside ``Node.ready``, by the row's label.
        counters: the counters in the row of an object, by the row's label.
    """

    ready: Callable[[Json], Condition | None]
    state: Callable[[Json], Hashable]
    condition: Callable[[Json, str], Condition | None] = lambda _obj, _label: None
    counters: Callable[[Json, str], ReplicaCounters | None] = lambda _obj, _label: None


def state_of(condition: Condition | None) -> tuple[str, str, str] | None:
    """Status, severity and reason of a condition; None where there is none."""
    return condition.state if condition else None


def _newer_ready(obj: Json) -> Condition | None:
    return newer_condition(obj, "Ready")


def _newer_state(machine: Json) -> Hashable:
    return tuple(state_of(newer_condition(machine, type_)) for type_ in _STATE_CONDITIONS)


def _newer_condition(obj: Json, label: str) -> Condition | None:
    if _is_cluster_api(obj):
        type_ = _CONDITIONS.get(kind(obj))
        return newer_condition(obj, type_) if type_ else None
    available = newer_condition(obj, "Available") if label == CONTROL_PLANE else None
    return available or _newer_ready(obj)


def _newer_counters(obj: Json, label: str) -> ReplicaCounters | None:
    if label == CONTROL_PLANE:
        return replica_counters.of_control_plane(obj)
    count = _COUNTERS.get(kind(obj)) if _is_cluster_api(obj) else None
    return count(obj) if count else None


def _is_cluster_api(obj: Json) -> bool:
    return group(str(obj.get("apiVersion", ""))) == CLUSTER_API


SHAPES = {
    "v1beta1": Shape(ready, lambda machine: state_of(ready(machine))),
    "v1beta2": Shape(_newer_ready, _newer_state, _newer_condition, _newer_counters),
}
"""By ``capi.contract``."""
