"""How many replicas an object has and how many of them are well, as the v1beta2 generation counts them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..kube.objects import dig
from .contract import CONTRACTS
from .reading import Json, newer_condition


@dataclass(frozen=True)
class ReplicaCounters:
    """Counts of replicas; None where an object does not say.

    Attributes:
        replicas: how many there are.
        desired: how many there are to be.
        available: how many have been ready for long enough.
        ready: how many are ready.
        up_to_date: how many are as their owner's templates are now.
    """

    replicas: int | None = None
    desired: int | None = None
    available: int | None = None
    ready: int | None = None
    up_to_date: int | None = None


def of_cluster(cluster: Json) -> ReplicaCounters:
    """Those of a Cluster: of its control plane and its workers together."""

    def total(field: str) -> int | None:
        counts = [_count(cluster, "status", part, field) for part in ("controlPlane", "workers")]
        return None if counts == [None, None] else sum(count or 0 for count in counts)

    replicas, desired = total("replicas"), total("desiredReplicas")
    if replicas is not None or desired is not None:
        replicas, desired = replicas or 0, desired or 0
    return ReplicaCounters(
        replicas, desired, total("availableReplicas"), total("readyReplicas"), total("upToDateReplicas")
    )


def of_deployment(deployment: Json) -> ReplicaCounters:
    """Those of a MachineDeployment."""
    desired = _count(deployment, "spec", "replicas")
    return ReplicaCounters(
        None if desired is None else _count(deployment, "status", "replicas") or 0,
        desired,
        _count(deployment, "status", "availableReplicas"),
        _count(deployment, "status", "readyReplicas"),
        _count(deployment, "status", "upToDateReplicas"),
    )


def of_control_plane(plane: Json) -> ReplicaCounters:
    """Those of whatever implements Cluster API's contract of a control plane."""
    replicas, desired = _count(plane, "status", "replicas"), _count(plane, "spec", "replicas")
    is_older = plane.get("apiVersion") == CONTRACTS["v1beta1"].control_plane
    return ReplicaCounters(
        None if desired is None else replicas,
        None if replicas is None else desired,
        _count(plane, "status", "availableReplicas"),
        _count(plane, "status", "readyReplicas"),
        _count(plane, "status", "updatedReplicas" if is_older else "upToDateReplicas"),
    )


def of_machine(machine: Json) -> ReplicaCounters:
    """A Machine counts as one replica, which its conditions judge."""
    available, ready, up_to_date = (_is_true(machine, type_) for type_ in ("Available", "Ready", "UpToDate"))
    return ReplicaCounters(1, None, int(available), int(ready), int(up_to_date))


def of_group(machines: Iterable[Json]) -> ReplicaCounters:
    """The counters of several Machines that share a row, without their number, which is in the row's name."""
    member_counters = [of_machine(machine) for machine in machines]
    return ReplicaCounters(
        available=sum(counters.available or 0 for counters in member_counters),
        ready=sum(counters.ready or 0 for counters in member_counters),
        up_to_date=sum(counters.up_to_date or 0 for counters in member_counters),
    )


def _is_true(machine: Json, type_: str) -> bool:
    condition = newer_condition(machine, type_)
    return condition is not None and condition.status == "True"


def _count(obj: Json, *path: str) -> int | None:
    value = dig(obj, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
