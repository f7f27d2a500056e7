"""Machines that outlive their control plane: one that is deleted and made anew has another certificate authority and no data.

What joined the former one can't join the new one, and Cluster API replaces none of it by itself: the machines stay, and are
billed. So they are told from the others by when they were given their bootstrap data, which holds the authority's hash.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..kube.objects import dig
from .reading import Json, condition, deletion_time, name, timestamp

DEPLOYMENT_LABEL = "cluster.x-k8s.io/deployment-name"
"""Cluster API's label of a Machine: its MachineDeployment."""

BOOTSTRAP_CONDITIONS = ("BootstrapReady", "BootstrapConfigReady")
"""Of a Machine, in either generation."""


def is_former(machine: Json, control_plane: Json) -> bool:
    """Whether a Machine was given its bootstrap data before its control plane was made."""
    creation = timestamp(dig(control_plane, "metadata", "creationTimestamp"))
    since = [
        change.since
        for type_ in BOOTSTRAP_CONDITIONS
        if (change := condition(machine, type_)) and change.status == "True"
    ]
    return bool(creation and since and since[0] and since[0] < creation and not deletion_time(machine))


def is_older(obj: Json, control_plane: Json) -> bool:
    """Whether an object was made before a control plane."""
    first, other = (timestamp(dig(one, "metadata", "creationTimestamp")) for one in (obj, control_plane))
    return bool(first and other and first < other)


def former_pools(machines: Iterable[Json], control_plane: Json) -> set[str]:
    """The MachineDeployments that have a machine of a former control plane."""
    return {
        str((dig(machine, "metadata", "labels") or {}).get(DEPLOYMENT_LABEL))
        for machine in machines
        if is_former(machine, control_plane)
    }


def rollout_after(deployment: Json) -> str:
    """Since when a pool is to be rolled, in either generation. As text two such moments compare as moments."""
    return str(dig(deployment, "spec", "rolloutAfter") or dig(deployment, "spec", "rollout", "after") or "")


def deployments_after(deployments: Iterable[Json], control_plane: Json) -> set[str]:
    """The MachineDeployments that were rolled because of a control plane: that is in their spec, and may stay there."""
    creation = dig(control_plane, "metadata", "creationTimestamp")
    return {name(one) for one in deployments if creation and rollout_after(one) == creation}
