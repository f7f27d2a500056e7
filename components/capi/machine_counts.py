"""How many machines a MachineDeployment has, and how many it lacks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..kube.objects import dig
from .reading import is_current


@dataclass(frozen=True)
class MachineCounts:
    """The machines of a MachineDeployment, as its controller counts them.

    Attributes:
        desired: how many it is to have; None where the spec does not say, as before an autoscaler's first decision.
        present: how many there are.
        current: how many are made from its current templates.
        ready: how many are ready.
        available: how many have been ready for ``minReadySeconds``.
    """

    desired: int | None
    present: int
    current: int
    ready: int
    available: int

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> MachineCounts:
        """The counts of a live MachineDeployment."""
        desired, status = dig(deployment, "spec", "replicas"), deployment.get("status") or {}
        return cls(
            desired=None if desired is None else int(desired),
            present=int(status.get("replicas") or 0),
            current=current_replicas(status),
            ready=int(status.get("readyReplicas") or 0),
            available=int(status.get("availableReplicas") or 0),
        )

    def complete(self, desired: int) -> bool:
        """Whether there are as many machines as desired, each current, ready and available."""
        return all(count == desired for count in (self.present, self.current, self.ready, self.available))

    def __str__(self) -> str:
        return f"{self.present} present, {self.current} up to date, {self.ready} ready, {self.available} available"


def current_replicas(status: Mapping[str, Any]) -> int:
    """How many machines are made from the current templates, by a MachineDeployment's status of either contract.

    v1beta2's ``upToDateReplicas`` adds up what each MachineSet said last, so right after a change it still counts machines of
    the former templates, although the change is observed (machinedeployment_status.go of Cluster API 1.13). The older count,
    which it keeps beside, is that of the newest MachineSet (machinedeployment_sync.go).
    """
    counts = (
        status.get("upToDateReplicas"),
        status.get("updatedReplicas"),
        dig(status, "deprecated", "v1beta1", "updatedReplicas"),
    )
    return min((int(count) for count in counts if count is not None), default=0)


def shortfall(deployment: Mapping[str, Any] | None) -> str:
    """The reason why a MachineDeployment is not complete, in words; empty if it is."""
    if deployment is None:
        return "it does not exist"
    if not is_current(deployment):
        return "Cluster API has not acted on its last change yet"
    counts = MachineCounts.of(deployment)
    desired = counts.desired or 0
    return "" if counts.complete(desired) else f"of {desired} machines {counts}"
