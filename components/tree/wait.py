"""Watching a cluster come up: the tree drawn again and again until nothing blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, TYPE_CHECKING

from . import discovery, drawing, model
from .blocking import blocking

if TYPE_CHECKING:
    from rich.live import Live

POLL_SECONDS = 2.0
HEARTBEAT_SECONDS = 30.0
"""How long nothing is printed, without a terminal, while nothing changes."""


def wait_until_ready(
    client: discovery.Reader,
    namespace: str,
    cluster: str,
    timeout: float,
    out: IO[str],
    interval: float = POLL_SECONDS,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Draw a cluster's tree until every READY cell is True and all replicas are as asked, or the time is over.

    On a terminal the tree is redrawn in place; elsewhere it is printed when it changed, and a line now and then says
    that the wait goes on. When the time is over, what blocks is printed below the last tree.

    Args:
        client: reads the management cluster.
        namespace: the Cluster's namespace.
        cluster: the Cluster's name.
        timeout: seconds.
        out: where to draw.
        interval: seconds between two looks.
        clock: seconds that only go forward.
        sleep: waits for some seconds.

    Returns:
        Whether the cluster became ready.
    """
    began = clock()
    view = _Live(out) if out.isatty() else _Lines(out)
    with view.context():
        while True:
            tree = model.build(discovery.take(client, namespace, cluster))
            blocker = blocking(tree)
            elapsed = clock() - began
            over = blocker is not None and elapsed >= timeout
            view.show(tree, elapsed, timeout)
            if blocker is None or over:
                break
            sleep(max(min(interval, timeout - elapsed), 0.0))
    if blocker is None:
        print(f"Cluster {namespace}/{cluster} is ready after {elapsed:.0f} s.", file=out, flush=True)
        return True
    print(f"Cluster {namespace}/{cluster} is not ready after {elapsed:.0f} s.\n{blocker}", file=out, flush=True)
    return False


class _Lines:
    """Prints the tree when its state changed (its age alone is no change), otherwise now and then a sign of life."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._last = ""
        self._printed = 0.0

    def context(self) -> AbstractContextManager[object]:
        return nullcontext()

    def show(self, tree: model.Tree, elapsed: float, timeout: float) -> None:
        state = drawing.draw(tree, since=False)
        if state != self._last:
            text = f"after {elapsed:.0f} s:\n{drawing.draw(tree)}\n"
        elif elapsed - self._printed >= HEARTBEAT_SECONDS:
            blocker = blocking(tree)
            waited = f"; waiting for {blocker.subject}" if blocker else ""
            text = f"after {elapsed:.0f} of {timeout:.0f} s: no change{waited}"
        else:
            return
        self._last, self._printed = state, elapsed
        print(text, file=self._out, flush=True)


class _Live:
    """Redraws the tree in place on a terminal, with what blocks below it."""

    def __init__(self, out: IO[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=out)
        self._live: Live = Live(console=self._console, auto_refresh=False, vertical_overflow="visible")

    def context(self) -> AbstractContextManager[object]:
        return self._live

    def show(self, tree: model.Tree, elapsed: float, timeout: float) -> None:
        from rich.text import Text

        table = drawing.draw(tree, width=self._console.width, color=self._console.color_system is not None)
        text = Text.from_ansi(table)
        text.no_wrap, text.overflow = True, "ellipsis"
        if blocker := blocking(tree):
            text = Text("\n").join([text, Text(f"\n{drawing.clean(f'{blocker.subject}: {blocker.reason}')}")])
            text.append(f"\n{elapsed:.0f} of {timeout:.0f} s", style="dim")
        self._live.update(text, refresh=True)
