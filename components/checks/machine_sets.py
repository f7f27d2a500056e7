"""Which MachineSet a changed MachineDeployment goes on with, and so which of its machines stay. Pure.

Cluster API makes no new MachineSet where one of the deployment has the same version and templates: of several it takes the
one with the most replicas, then the oldest. With ``rolloutAfter`` in the past it must have been created since (cluster-api,
``FindNewMachineSet`` of 1.10 and ``FindNewAndOldMachineSets`` of 1.13 in machinedeployment/mdutil/util.go). So a change that
is reverted while its roll is under way keeps the machines that are left of the former MachineSet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..capi.former import rollout_after
from ..capi.reading import deletion_time, name, timestamp
from ..kube.objects import dig

Json = Mapping[str, Any]

TEMPLATES = (("spec", "template", "spec", "infrastructureRef"), ("spec", "template", "spec", "bootstrap", "configRef"))


@dataclass(frozen=True)
class Division:
    """The machines of a pool, by what a change does to them.

    Attributes:
        current: machines of the MachineSet that has the pool's new content already.
        others: machines of all its other MachineSets.
        target: name of that MachineSet; empty where Cluster API makes a new one.
    """

    current: int = 0
    others: int = 0
    target: str = ""


def division(machine_sets: Iterable[Json], wish: Json) -> Division | None:
    """The machines of a pool before a change.

    Args:
        machine_sets: the Cluster's live MachineSets.
        wish: the pool's MachineDeployment as it is declared.

    Returns:
        None where the pool has no MachineSet, or they are not known.
    """
    sets = [item for item in machine_sets if belongs(item, wish) and not deletion_time(item)]
    if not sets:
        return None
    target = target_set(sets, wish)
    current = machines_of(target) if target else 0
    return Division(current, sum(map(machines_of, sets)) - current, name(target) if target else "")


def target_set(machine_sets: Iterable[Json], wish: Json) -> Json | None:
    """The MachineSet of a deployment that Cluster API takes for its new content; None where it makes one."""
    candidates = [item for item in machine_sets if same_content(item, wish)]
    after = timestamp(rollout_after(wish))
    if after and after <= datetime.now(timezone.utc):
        candidates = [item for item in candidates if (creation := created(item)) and creation > after]
    return min(
        candidates,
        key=lambda item: (-machines_of(item), str(dig(item, "metadata", "creationTimestamp")), name(item)),
        default=None,
    )


def belongs(machine_set: Json, deployment: Json) -> bool:
    """Whether a MachineSet is one of a MachineDeployment's."""
    owners = dig(machine_set, "metadata", "ownerReferences") or []
    return any(owner.get("name") == name(deployment) for owner in owners)


def same_content(machine_set: Json, deployment: Json) -> bool:
    """Whether a MachineSet has a MachineDeployment's version and templates."""
    paths = (
        *((*path, field) for path in TEMPLATES for field in ("kind", "name")),
        ("spec", "template", "spec", "version"),
        ("spec", "template", "spec", "failureDomain"),
    )
    return all((dig(machine_set, *path) or "") == (dig(deployment, *path) or "") for path in paths)


def machines_of(machine_set: Json) -> int:
    """How many machines a MachineSet is for."""
    return int(dig(machine_set, "spec", "replicas") or 0)


def created(machine_set: Json) -> datetime | None:
    """When a MachineSet was created."""
    return timestamp(dig(machine_set, "metadata", "creationTimestamp"))
