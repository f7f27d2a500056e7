"""The engine's events as those of this package, and the facts that an error report needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pulumi import automation

from ...components.capi.manifest import CLUSTER_LABEL
from ...components.checks.pool_change import PoolChange, change_in
from ...components.handoff.progress import step_in
from ..events import AddOnProgress, Event, HandoffProgress, Listener, MachinesChange, Message, ResourceChanged
from .addons import AddOns
from .remote_errors import ENGINE_GONE, plain

SHUT_DOWN = "Exception: resource monitor shut down"
"""End of the traceback of a program that the engine gave up after it had reported the reason."""

QUIET = ("same", "read", "refresh", "read-replacement", "discard", "remove-pending-replace")
"""Operations of the engine that change nothing."""

REFRESH = "refresh"

_MARKUP = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")


class Translator:
    """Translates the engine's events, and keeps the facts that an error report needs.

    Attributes:
        errors: error messages, with the cluster that each is about.
        clusters: cluster by the URN of a resource.
        machines: what happens to machines, by pool, in the order of the reports.
        changes: number of resources by the engine's operation, from the end of its last update or preview.
        last: the last event of the operation, in one line; empty before the first.
    """

    def __init__(self, stack: str, listener: Listener | None, hide: Callable[[str], str] = lambda text: text) -> None:
        self.stack, self._listener, self._hide = stack, listener, hide
        self.errors: list[tuple[str, str]] = []
        self.clusters: dict[str, str] = {}
        self.machines: list[MachinesChange] = []
        self.changes: Mapping[str, int] = {}
        self.last = ""
        self._addons = AddOns(self._addon)
        self._refreshes: set[str] = set()

    def emit(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, ResourceChanged | HandoffProgress | AddOnProgress):
            self.last = " ".join(str(event).split())
        if self._listener:
            self._listener(event)

    def remark(self, text: str) -> None:
        """Report an action of this package."""
        self.emit(Message(stack=self.stack, severity="warning", text=text, own=True))

    def notify(self, text: str) -> None:
        """Report what this package waits for."""
        self.emit(Message(stack=self.stack, severity="info", text=text, own=True))

    def message(self, severity: Literal["info", "warning", "error"], text: str, cluster: str = "") -> None:
        """Pass a message of the engine on."""
        self.emit(Message(stack=self.stack, cluster=cluster, severity=severity, text=text))

    def change(self, change: PoolChange) -> None:
        """Report a change of a pool's machines, once."""
        event = MachinesChange(stack=self.stack, **vars(change))
        if event.counts() not in [earlier.counts() for earlier in self.machines]:
            self.machines.append(event)
            self.emit(event)

    def __call__(self, event: automation.EngineEvent) -> None:
        """Take an event of the engine."""
        if pre := event.resource_pre_event:
            self._resource(pre.metadata, "planned" if pre.planning else "started")
        elif outputs := event.res_outputs_event:
            if not outputs.planning:
                self._resource(outputs.metadata, "done")
        elif failure := event.res_op_failed_event:
            self._resource(failure.metadata, "failed")
        elif summary := event.summary_event:
            counts = summary.resource_changes.items()
            self.changes = {str(getattr(operation, "value", operation)): count for operation, count in counts}
        elif (diagnostic := event.diagnostic_event) and diagnostic.severity != "debug":
            self._diagnostic(diagnostic)

    def _resource(
        self, metadata: automation.StepEventMetadata, state: Literal["planned", "started", "done", "failed"]
    ) -> None:
        resource_state = metadata.new or metadata.old
        inputs = (resource_state.inputs or {}) if resource_state else {}
        cluster = self._addons.cluster_of(metadata) or cluster_of(inputs)
        if cluster:
            self.clusters[metadata.urn] = cluster
        internal = metadata.type.startswith(("pulumi:", "kamaji-equinix:"))
        operation = str(getattr(metadata.op, "value", metadata.op))
        quiet = operation in QUIET
        if operation == REFRESH and state in ("planned", "started"):
            self._refreshes.add(metadata.urn)
        elif metadata.urn in self._refreshes:
            # The engine ends a refresh under the name of the operation that would have the same result.
            self._refreshes.discard(metadata.urn)
            operation = REFRESH
        if state != "planned":
            self._addons.step(metadata, state, quiet=quiet or operation == REFRESH)
        if internal or quiet:
            return
        object_metadata = inputs.get("metadata")
        name = str(object_metadata.get("name") or "") if isinstance(object_metadata, Mapping) else ""
        self.emit(
            ResourceChanged(
                stack=self.stack,
                cluster=cluster,
                kind=metadata.type.rpartition(":")[2],
                name=name or metadata.urn.rpartition("::")[2],
                operation=operation,
                state=state,
            )
        )

    def _addon(self, cluster: str, addon: str, state: Literal["started", "done", "failed"], text: str) -> None:
        self.emit(AddOnProgress(stack=self.stack, cluster=cluster, addon=addon, state=state, text=text))

    def _diagnostic(self, diagnostic: automation.DiagnosticEvent) -> None:
        text = plain(self._hide(_MARKUP.sub("", diagnostic.message)).strip())
        if not text:
            return
        cluster = self.clusters.get(diagnostic.urn or "", "")
        if (change := change_in(text)) is not None:
            self.change(change)
        elif diagnostic.severity == "error":
            # An inline program's failure comes twice, the second time with these words before it.
            text = text.removeprefix("an unhandled error occurred: ")
            if (cluster, text) in self.errors or text.endswith(SHUT_DOWN):
                return
            if self.errors and text.endswith(ENGINE_GONE):
                # A consequence of what is reported already.
                return
            cluster = self._addons.take_error(text) or cluster
            self.errors.append((cluster, text))
            self.message("error", text, cluster)
        elif diagnostic.severity == "warning":
            self.message("warning", text, cluster)
        else:
            for line in filter(None, map(str.strip, text.splitlines())):
                self._line(line, cluster)

    def _line(self, line: str, cluster: str) -> None:
        if (progress := step_in(line)) is not None:
            subject, step = progress
            self.emit(HandoffProgress(stack=self.stack, cluster=subject, **vars(step)))
        else:
            self.message("info", line, cluster)


def cluster_of(inputs: Mapping[str, Any]) -> str:
    """The cluster that a resource belongs to, by its inputs, as ``namespace/name``; empty where they name none."""
    if isinstance(inputs.get("cluster"), str) and isinstance(inputs.get("namespace"), str):
        return f"{inputs['namespace']}/{inputs['cluster']}"
    metadata = inputs.get("metadata")
    if not isinstance(metadata, Mapping):
        return ""
    labels = metadata.get("labels")
    name = labels.get(CLUSTER_LABEL) if isinstance(labels, Mapping) else None
    return f"{metadata.get('namespace', 'default')}/{name}" if isinstance(name, str) else ""
