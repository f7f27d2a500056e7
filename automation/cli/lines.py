"""What an operation tells where there is no terminal: one line for each event, and none twice in a row."""

from __future__ import annotations

from typing import IO

from ..events import Event, Finished, HandoffProgress, MachinesChange, Message, ResourceChanged


class Lines:
    """Takes events, writes lines.

    What the engine says besides, such as its own progress, is the business of a record of the whole run.
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
        # Without the time that has passed, which makes every look another line.
        return f"{event.cluster}: {event.phase}: {event.text}"
    if isinstance(event, ResourceChanged):
        # What is deleted may take minutes; all else ends soon after it began, or tells of its wait itself.
        return str(event) if event.state != "started" or event.operation == "delete" else ""
    if isinstance(event, MachinesChange):
        return f"warning: {event}" if event.deleted or event.rolled else str(event)
    if isinstance(event, Message):
        return str(event) if event.severity != "info" or event.own else ""
    return "" if isinstance(event, Finished) else str(event)
