"""What happens in an operation, as typed events: good enough to draw a live view, and small enough to log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pulumi import automation

from ..components.capi.manifest import CLUSTER_LABEL

QUIET = ("same", "read", "refresh", "read-replacement", "discard", "remove-pending-replace")
"""Operations of the engine that change nothing."""

_PROGRESS = re.compile(
    r"(?P<cluster>[a-z0-9.-]+/[a-z0-9.-]+): (?P<phase>address|dial|tls|ready|endpoint|nudge|version|kubeconfig): "
    r"(?P<text>.*?)(?: \((?P<elapsed>\d+) of (?P<limit>\d+) s\))?$"
)
_MACHINES = re.compile(
    r"machines of (?P<cluster>\S+/\S+), pool (?P<pool>\S+): "
    r"(?P<counts>none goes by itself|\d+ will (?:be deleted|roll|be added)(?:, \d+ will (?:be deleted|roll|be added))*)"
    r"(?:; (?P<reason>.*))?"
)
"""What ``components/checks/machines.py`` says of a pool."""

_MARKUP = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something happened in a stack.

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
    """A resource is being created, changed or deleted, or that has ended.

    Attributes:
        kind: kind of the object, such as ``MachineDeployment``.
        name: its name; the resource's name in the engine where it is no object of Kubernetes.
        operation: the engine's: ``create``, ``update``, ``delete``, ``replace`` and the like.
        state: how far it is; in a preview only ``planned``.
    """

    kind: str
    name: str
    operation: str
    state: Literal["planned", "started", "done", "failed"]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}: {self.operation} {self.state}"


@dataclass(frozen=True, kw_only=True)
class HandoffProgress(Event):
    """The hand-off of a cluster entered a phase, or says what it waits for.

    Attributes:
        phase: ``address``, ``dial``, ``tls``, ``ready``, ``endpoint``, ``nudge`` or ``kubeconfig``.
        text: what happens, or what is waited for.
        elapsed: seconds since the hand-off began, where it waits; None where it went on.
        limit: seconds that it may take.
    """

    phase: str
    text: str
    elapsed: float | None = None
    limit: float | None = None

    def __str__(self) -> str:
        time_spent = f" ({self.elapsed:.0f} of {self.limit:.0f} s)" if self.elapsed is not None and self.limit else ""
        return f"{self.cluster}: {self.phase}: {self.text}{time_spent}"


@dataclass(frozen=True, kw_only=True)
class MachinesChange(Event):
    """What an ``up`` does to the machines of one pool, told before it does it.

    Attributes:
        pool: the pool's name.
        deleted: machines that go for good.
        rolled: machines that are replaced by new ones, as the pool's strategy allows.
        added: machines that come.
        reason: why.
    """

    pool: str
    deleted: int
    rolled: int
    added: int
    reason: str

    @classmethod
    def parse(cls, stack: str, text: str) -> MachinesChange | None:
        """The event that a line of the program tells; None where it is about something else."""
        match = _MACHINES.fullmatch(text)
        if match is None:
            return None
        counts = {
            what: int(number) for number, what in re.findall(r"(\d+) will (be deleted|roll|be added)", match["counts"])
        }
        return cls(
            stack=stack,
            cluster=match["cluster"],
            pool=match["pool"],
            deleted=counts.get("be deleted", 0),
            rolled=counts.get("roll", 0),
            added=counts.get("be added", 0),
            reason=match["reason"] or "",
        )

    def counts(self) -> dict[str, Any]:
        """The event as part of a result."""
        return {
            "cluster": self.cluster,
            "pool": self.pool,
            "deleted": self.deleted,
            "rolled": self.rolled,
            "added": self.added,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        numbers = {"will be deleted": self.deleted, "will roll": self.rolled, "will be added": self.added}
        text = ", ".join(f"{number} {what}" for what, number in numbers.items() if number) or "none goes by itself"
        return f"machines of {self.cluster}, pool {self.pool}: {text}" + (f"; {self.reason}" if self.reason else "")


@dataclass(frozen=True, kw_only=True)
class Waiting(Event):
    """A cluster's objects are there, but not all is ready.

    Attributes:
        subject: what it waits for, as ``Kind/name``.
        reason: what is wrong with it, or what it waits for.
        action: what to do where it doesn't pass by itself.
    """

    subject: str
    reason: str
    action: str

    def __str__(self) -> str:
        return f"{self.cluster}: waits for {self.subject}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ClusterReady(Event):
    """All conditions of a cluster are true, and all machines are as asked.

    Attributes:
        seconds: how long that was waited for.
    """

    seconds: float

    def __str__(self) -> str:
        return f"{self.cluster}: ready after {self.seconds:.0f} s"


@dataclass(frozen=True, kw_only=True)
class Message(Event):
    """The engine, a provider or this package says something.

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
        succeeded: whether it did.
        seconds: how long it took.
    """

    operation: str
    succeeded: bool
    seconds: float

    def __str__(self) -> str:
        return f"{self.operation} {'succeeded' if self.succeeded else 'failed'} after {self.seconds:.0f} s"


Listener = Callable[[Event], object]
"""Takes each event, in the order in which they happen, from one thread at a time for each stack."""


class Translator:
    """Makes events of the engine's, and keeps what an error report needs.

    Attributes:
        errors: error messages, with the cluster that each is about.
        clusters: cluster by the URN of a resource.
        machines: what happens to machines, pool by pool, as the program told it.
    """

    def __init__(self, stack: str, listener: Listener | None) -> None:
        self.stack, self._listener = stack, listener
        self.errors: list[tuple[str, str]] = []
        self.clusters: dict[str, str] = {}
        self.machines: list[MachinesChange] = []

    def emit(self, event: Event) -> None:
        """Pass an event on."""
        if self._listener:
            self._listener(event)

    def own(self, text: str) -> None:
        """Tell what this package does by itself."""
        self.emit(Message(stack=self.stack, severity="warning", text=text, own=True))

    def message(self, severity: Literal["info", "warning", "error"], text: str, cluster: str = "") -> None:
        """Pass a message of the engine on."""
        self.emit(Message(stack=self.stack, cluster=cluster, severity=severity, text=text))

    def __call__(self, event: automation.EngineEvent) -> None:
        """Take an event of the engine."""
        if pre := event.resource_pre_event:
            self._resource(pre.metadata, "planned" if pre.planning else "started")
        elif outputs := event.res_outputs_event:
            if not outputs.planning:
                self._resource(outputs.metadata, "done")
        elif failed := event.res_op_failed_event:
            self._resource(failed.metadata, "failed")
        elif (diagnostic := event.diagnostic_event) and diagnostic.severity != "debug":
            self._diagnostic(diagnostic)

    def _resource(
        self, metadata: automation.StepEventMetadata, state: Literal["planned", "started", "done", "failed"]
    ) -> None:
        described = metadata.new or metadata.old
        inputs = (described.inputs or {}) if described else {}
        cluster = cluster_of(inputs)
        if cluster:
            self.clusters[metadata.urn] = cluster
        own = metadata.type.startswith(("pulumi:", "kamaji-equinix:"))
        if own or str(getattr(metadata.op, "value", metadata.op)) in QUIET:
            return
        named = inputs.get("metadata")
        name = str(named.get("name") or "") if isinstance(named, Mapping) else ""
        self.emit(
            ResourceChanged(
                stack=self.stack,
                cluster=cluster,
                kind=metadata.type.rpartition(":")[2],
                name=name or metadata.urn.rpartition("::")[2],
                operation=str(getattr(metadata.op, "value", metadata.op)),
                state=state,
            )
        )

    def _diagnostic(self, diagnostic: automation.DiagnosticEvent) -> None:
        text = _MARKUP.sub("", diagnostic.message).strip()
        if not text:
            return
        cluster = self.clusters.get(diagnostic.urn or "", "")
        if (change := MachinesChange.parse(self.stack, text)) is not None:
            if change.counts() not in [known.counts() for known in self.machines]:
                self.machines.append(change)
                self.emit(change)
        elif diagnostic.severity == "error":
            # An inline program's failure comes twice, the second time with these words before it.
            text = text.removeprefix("an unhandled error occurred: ")
            if (cluster, text) in self.errors:
                return
            self.errors.append((cluster, text))
            self.message("error", text, cluster)
        elif diagnostic.severity == "warning":
            self.message("warning", text, cluster)
        else:
            for line in filter(None, map(str.strip, text.splitlines())):
                self._said(line, cluster)

    def _said(self, line: str, cluster: str) -> None:
        if found := _PROGRESS.fullmatch(line):
            elapsed, limit = found["elapsed"], found["limit"]
            self.emit(
                HandoffProgress(
                    stack=self.stack,
                    cluster=found["cluster"],
                    phase=found["phase"],
                    text=found["text"],
                    elapsed=float(elapsed) if elapsed else None,
                    limit=float(limit) if limit else None,
                )
            )
        else:
            self.message("info", line, cluster)


def cluster_of(inputs: Mapping[str, Any]) -> str:
    """The cluster that a resource belongs to, by its inputs, as ``namespace/name``; empty where they don't tell."""
    if isinstance(inputs.get("cluster"), str) and isinstance(inputs.get("namespace"), str):
        return f"{inputs['namespace']}/{inputs['cluster']}"
    metadata = inputs.get("metadata")
    if not isinstance(metadata, Mapping):
        return ""
    labels = metadata.get("labels")
    name = labels.get(CLUSTER_LABEL) if isinstance(labels, Mapping) else None
    return f"{metadata.get('namespace', 'default')}/{name}" if isinstance(name, str) else ""
