"""How the roll of a pool goes on where no host is free. Pure."""

from __future__ import annotations

from typing import Any

from ...capi.former import DEPLOYMENT_LABEL
from ...capi.manifest import POOL_LABEL
from ...capi.reading import Failure, Json, name, subject
from ...kube.objects import dig
from ..model import Snapshot


def advice(snapshot: Snapshot, machine: Json, candidates: list[Json]) -> str:
    """How a roll goes on with the hosts that there are: by default it first adds a machine, which takes one host more."""
    deployment_name = dig(machine, "metadata", "labels", DEPLOYMENT_LABEL)
    machine_set = _owner(machine)
    others = [
        other
        for other in (() if isinstance(snapshot.machines, Failure) else snapshot.machines)
        if dig(other, "metadata", "labels", DEPLOYMENT_LABEL) == deployment_name and _owner(other) != machine_set
    ]
    deployments = () if isinstance(snapshot.machine_deployments, Failure) else snapshot.machine_deployments
    deployment = next((item for item in deployments if name(item) == deployment_name), None)
    if not others or not candidates or deployment is None:
        return ""
    pool = dig(deployment, "metadata", "labels", POOL_LABEL) or deployment_name
    surge, unavailable = (_rolling(deployment, key) for key in ("maxSurge", "maxUnavailable"))
    if surge in (0, "0%"):
        return ""
    return (
        f". {subject(machine)} is to take over from {subject(others[0])}, and pool {pool} adds a machine before it removes "
        f"one (maxSurge {surge}, maxUnavailable {unavailable}). To roll without another host: set `strategy: {{maxSurge: 0, "
        f"maxUnavailable: 1}}` of pool {pool} in `workerPools`, and run `kamaji-equinix up`: it first gives a host back"
    )


def _rolling(deployment: Json, key: str) -> Any:
    """A value of a MachineDeployment's rolling update, in either generation, or Cluster API's default."""
    default = {"maxSurge": 1, "maxUnavailable": 0}[key]
    for path in (("rollout", "strategy"), ("strategy",)):
        value = dig(deployment, "spec", *path, "rollingUpdate", key)
        if value is not None:
            return value
    return default


def _owner(machine: Json) -> str:
    """Name of the MachineSet that a machine belongs to; empty where it has none."""
    owners = dig(machine, "metadata", "ownerReferences") or ()
    return next((str(owner.get("name")) for owner in owners if owner.get("kind") == "MachineSet"), "")
