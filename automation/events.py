"""The typed events of an operation, for a live view and for a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..components.checks.pool_change import PoolChange
from ..components.handoff.progress import Step


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event in a stack.

    Attributes:
        stack: the stack's name.
        cluster: the cluster that it is about, as ``namespace/name``; empty where it is about the stack.
        at: when, in seconds since the epoch.
    """

    stack: str
    cluster: str = ""
    at: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        """The event for a JSON log; ``event`` names its type."""
        return {"event": type(self).__name__, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class ResourceChanged(Event):
    """A resource is being created, changed or deleted, or its operation has ended.

    Attributes:
        kind: kind of the object, such as ``MachineDeployment``.
        name: its name; the resource's name in the engine where it is no object of Kubernetes.
        operation: the engine's: ``create``, ``update``, ``delete``, ``replace`` and the like; ``refresh`` where the state has
            taken over that an object is another or is gone: nothing was done to the object.
        state: of the operation; in a preview only ``planned``.
    """

    kind: str
    name: str
    operation: str
    state: Literal["planned", "started", "done", "failed"]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}: {self.operation} {self.state}"


@dataclass(frozen=True, kw_only=True)
class HandoffProgress(Step, Event):
    """The hand-off of a cluster entered a phase, or reports its wait.

    Attributes:
        phase: ``address``, ``dial``, ``tls``, ``ready``, ``endpoint``, ``nudge``, ``version`` or ``kubeconfig``.
        text: the event or the wait, in words.
        elapsed: seconds since the hand-off began, for a wait; None for an event.
        limit: seconds that it may take.
    """

    def __str__(self) -> str:
        return f"{self.cluster}: {Step.__str__(self)}"


@dataclass(frozen=True, kw_only=True)
class AddOnProgress(Event):
    """An add-on of a tenant cluster is being installed or changed, or that has ended. Without a change there is no event.

    Attributes:
        addon: its name.
        state: ``done`` once all its objects exist, and its workloads run where it waits for them.
        text: what failed, and why; empty otherwise.
    """

    addon: str
    state: Literal["started", "done", "failed"]
    text: str = ""

    def __str__(self) -> str:
        words = {"started": "is being installed", "done": "is installed", "failed": f"failed: {self.text}"}
        return f"{self.cluster}: add-on {self.addon} {words[self.state]}"


@dataclass(frozen=True, kw_only=True)
class MachinesChange(PoolChange, Event):
    """The effect of an ``up`` on the machines of one pool.

    Attributes:
        pool: the pool's name.
        deleted: machines that are deleted without replacement.
        rolled: machines that are replaced by new ones, as the pool's strategy allows.
        added: new machines.
        reason: why.
    """

    def counts(self) -> dict[str, Any]:
        """The event as part of a result."""
        return {name: getattr(self, name) for name in ("cluster", "pool", "deleted", "rolled", "added", "reason")}

    def __str__(self) -> str:
        return PoolChange.__str__(self)


@dataclass(frozen=True, kw_only=True)
class Waiting(Event):
    """A cluster's objects exist, but not all are ready: one event for each of its pools that is not.

    Attributes:
        subject: what it waits for, as ``Kind/name``.
        reason: what is wrong with it, or what it waits for.
        action: what to do where it doesn't pass by itself.
        is_progress: whether it usually passes by itself; False for an error.
    """

    subject: str
    reason: str
    action: str
    is_progress: bool = False

    def __str__(self) -> str:
        verb = "waits for" if self.is_progress else "is blocked by"
        return f"{self.cluster}: {verb} {self.subject}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ClusterReady(Event):
    """All conditions of a cluster are true, and all machines are complete.

    Attributes:
        seconds: since the operation began.
    """

    seconds: float

    def __str__(self) -> str:
        return f"{self.cluster}: ready after {self.seconds:.0f} s"


@dataclass(frozen=True, kw_only=True)
class Message(Event):
    """A message of the engine, a provider or this package.

    Attributes:
        severity: ``info``, ``warning`` or ``error``.
        text: without colours.
        own: whether it is this package's, and so not among the engine's output.
    """

    severity: Literal["info", "warning", "error"]
    text: str
    own: bool = False

    def __str__(self) -> str:
        return self.text if self.severity == "info" else f"{self.severity}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """An operation ended.

    Attributes:
        operation: ``up``, ``preview``, ``refresh``, ``destroy`` or ``import``.
        succeeded: whether it succeeded.
        seconds: its duration.
    """

    operation: str
    succeeded: bool
    seconds: float

    def __str__(self) -> str:
        return f"{self.operation} {'succeeded' if self.succeeded else 'failed'} after {self.seconds:.0f} s"


Listener = Callable[[Event], object]
"""Takes each event, in the order in which they happen, from one thread at a time for each stack."""
