"""One live view of an operation on a terminal, from its first second to the last tree, drawn from its events."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...components import tree
from ..events import (
    AddOnProgress,
    ClusterReady,
    Event,
    Finished,
    HandoffProgress,
    MachinesChange,
    Message,
    ResourceChanged,
    Waiting,
)
from ..readiness import Look
from ..results import WORDS

LINES = 6
"""Messages that stay in view."""


class View:
    """Takes events and looks at clusters, and draws the present state.

    From top to bottom: counts of the engine's operations, a row for each cluster, the status tree of each cluster that is
    waited for, and the last messages. The last picture stays on the terminal.
    """

    def __init__(self, title: str, console: Console | None = None) -> None:
        self._title, self._began = title, time.monotonic()
        self._end: float | None = None
        self._rows: dict[str, tuple[str, str]] = {}
        self._trees: dict[str, Look] = {}
        self._counts: Counter[str] = Counter()
        self._running: dict[str, str] = {}
        self._machines: list[Text] = []
        self._messages: deque[Text] = deque(maxlen=LINES)
        self._lock = threading.Lock()
        self._console = console or Console()
        self._live = Live(console=self._console, get_renderable=self.render, refresh_per_second=4, transient=False)

    def __enter__(self) -> View:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end = time.monotonic()
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            if isinstance(event, HandoffProgress):
                self._rows[event.cluster] = (event.phase or "", event.text)
            elif isinstance(event, AddOnProgress):
                self._rows[event.cluster] = ("add-ons", str(event).partition(": ")[2])
            elif isinstance(event, Waiting) and event.cluster not in self._trees:
                self._rows[event.cluster] = ("machines", f"{event.subject}: {event.reason}")
            elif isinstance(event, ClusterReady):
                self._rows[event.cluster] = ("done", f"ready after {event.seconds:.0f} s")
            elif isinstance(event, ResourceChanged):
                self._resource(event)
            elif isinstance(event, MachinesChange):
                self._machines.append(Text(str(event), style="bold yellow" if event.deleted or event.rolled else ""))
            elif isinstance(event, Message):
                self._message(event)
            elif isinstance(event, Finished):
                self._running.clear()

    def look(self, look: Look) -> None:
        """Take a look at a cluster."""
        with self._lock:
            self._trees[look.cluster] = look
            if look.blockers:
                # A line for each pool.
                texts = [f"{blocker.subject}: {blocker.reason}" for blocker in look.blockers]
                self._rows[look.cluster] = ("machines", "\n".join(texts))

    def _message(self, event: Message) -> None:
        if event.severity == "info":
            return
        text = Text(str(event), style="red" if event.severity == "error" else "yellow")
        if text not in self._messages:
            self._messages.append(text)

    def _resource(self, event: ResourceChanged) -> None:
        key = f"{event.kind}/{event.name}"
        if event.state == "started":
            self._running[key] = event.operation
            if event.cluster:
                self._rows.setdefault(event.cluster, ("objects", ""))
        else:
            self._running.pop(key, None)
            word = WORDS.get(event.operation, f"{event.operation} done")
            self._counts[word if event.state != "failed" else f"{event.operation} failed"] += 1

    def render(self) -> RenderableType:
        """The present state."""
        with self._lock:
            table = Table.grid(padding=(0, 2))
            table.add_column(min_width=max(map(len, self._rows), default=0))
            table.add_column(min_width=len("kubeconfig"))
            table.add_column(no_wrap=True, overflow="ellipsis")
            for cluster, (phase, text) in sorted(self._rows.items()):
                table.add_row(Text(cluster, style="bold"), Text(phase, style="cyan"), Text(text, overflow="ellipsis"))
            counts = ", ".join(f"{count} {word}" for word, count in sorted(self._counts.items())) or "no changes yet"
            running = f"; under way: {', '.join(sorted(self._running)[:3])}" if self._running else ""
            seconds = (self._end or time.monotonic()) - self._began
            head = Text(f"{self._title}, {seconds:.0f} s: {counts}{running}", style="dim")
            trees = [self._tree(look) for _, look in sorted(self._trees.items())]
            return Group(head, *self._machines, table, *trees, *self._messages)

    def _tree(self, look: Look) -> Text:
        picture = tree.draw(look.status, width=self._console.width, color=self._console.color_system is not None)
        text = Text.from_ansi(picture)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text
