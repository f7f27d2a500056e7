"""The output of an operation without a terminal: one line for each event, without repetitions."""

from __future__ import annotations

from typing import IO

from ..events import Event, Finished, HandoffProgress, MachinesChange, Message, ResourceChanged


class Lines:
    """Takes events, writes lines.

    Other output of the engine, such as its own progress, goes only to a record of the whole run.
    """

    def __init__(self, out: IO[str]) -> None:
        """Write to ``out``."""
        self._out = out
        self._last: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Take an event."""
        text = line(event)
        if text and self._last.get(event.cluster) != text:
            self._last[event.cluster] = text
            print(text, file=self._out, flush=True)


def line(event: Event) -> str:
    """The line of an event; empty for one that only matters to a live view."""
    if isinstance(event, HandoffProgress):
        # Without the elapsed time, which would make each look a new line.
        return f"{event.cluster}: {event.phase}: {event.text}"
    if isinstance(event, ResourceChanged):
        # A deletion may take minutes; other operations end soon, or report their wait themselves.
        return str(event) if event.state != "started" or event.operation == "delete" else ""
    if isinstance(event, MachinesChange):
        return f"warning: {event}" if event.deleted or event.rolled else str(event)
    if isinstance(event, Message):
        return str(event) if event.severity != "info" or event.own else ""
    return "" if isinstance(event, Finished) else str(event)
