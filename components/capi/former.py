"""Machines of a former control plane: one that is deleted and created again has a new certificate authority and no data.

Machines of the former one can't join the new one, and Cluster API does not replace them: they stay, and are billed. They are
recognised by the time of their bootstrap data, which holds the authority's hash.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..kube.objects import dig
from .reading import Json, condition, deletion_time, name, timestamp

DEPLOYMENT_LABEL = "cluster.x-k8s.io/deployment-name"
"""Cluster API's label of a Machine: its MachineDeployment."""

BOOTSTRAP_CONDITIONS = ("BootstrapReady", "BootstrapConfigReady")
"""Condition types of a Machine, in both generations."""


def is_former(machine: Json, control_plane: Json) -> bool:
    """Whether a Machine got its bootstrap data before its control plane was created."""
    creation = timestamp(dig(control_plane, "metadata", "creationTimestamp"))
    since = [
        change.since
        for type_ in BOOTSTRAP_CONDITIONS
        if (change := condition(machine, type_)) and change.status == "True"
    ]
    return bool(creation and since and since[0] and since[0] < creation and not deletion_time(machine))


def is_older(obj: Json, control_plane: Json) -> bool:
    """Whether an object was created before a control plane."""
    obj_creation, plane_creation = (
        timestamp(dig(item, "metadata", "creationTimestamp")) for item in (obj, control_plane)
    )
    return bool(obj_creation and plane_creation and obj_creation < plane_creation)


def former_pools(machines: Iterable[Json], control_plane: Json) -> set[str]:
    """The MachineDeployments that have a machine of a former control plane."""
    return {
        str((dig(machine, "metadata", "labels") or {}).get(DEPLOYMENT_LABEL))
        for machine in machines
        if is_former(machine, control_plane)
    }


def rollout_after(deployment: Json) -> str:
    """The time after which a pool is to be rolled, in either generation. Two such texts compare as times."""
    return str(dig(deployment, "spec", "rolloutAfter") or dig(deployment, "spec", "rollout", "after") or "")


def deployments_after(deployments: Iterable[Json], control_plane: Json) -> set[str]:
    """The MachineDeployments whose spec says to roll them since a control plane's creation."""
    creation = dig(control_plane, "metadata", "creationTimestamp")
    return {name(deployment) for deployment in deployments if creation and rollout_after(deployment) == creation}
