"""Waiting for changes of collections on an API server: who follows them need not list them again and again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence

import httpx

WATCH_SECONDS = 30
"""How long one watch lasts; that its successor begins counts as a change."""

POLL_SECONDS = 0.2
"""How long is waited at most while one of the watches is not open."""

IDLE_SECONDS = 5.0

TOGETHER_SECONDS = 0.05
"""Changes come in flocks; what comes within this time is one."""


class Changes:
    """Watches collections, each in a thread of its own.

    Args:
        connect: makes a client of the API server.
        paths: of the collections; without any, each wait is a short one.
    """

    def __init__(self, connect: Callable[[], httpx.Client], paths: Sequence[str]) -> None:
        """Prepare; nothing is watched before :meth:`start`."""
        self._connect, self._paths = connect, tuple(paths)
        self._open: dict[str, socket.socket] = {}
        self._change, self._stop = threading.Event(), threading.Event()

    def start(self) -> None:
        """Begin to watch."""
        for path in self._paths:
            threading.Thread(target=self._watch, args=(path,), daemon=True).start()

    def stop(self) -> None:
        """End, at once: an API server that is stopped would wait for open watches."""
        self._stop.set()
        self._change.set()
        for stream in list(self._open.values()):
            # Closing it would not wake the thread that reads.
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def tell(self) -> None:
        """Count something else as a change."""
        self._change.set()

    @property
    def _all_open(self) -> bool:
        return bool(self._paths) and len(self._open) == len(self._paths)

    def seen(self) -> bool:
        """Whether there may have been a change since this was asked last."""
        if self._change.is_set():
            self._change.clear()
            return True
        return not self._all_open

    def wait(self, *, seconds: float = IDLE_SECONDS) -> bool:
        """Wait for the next change, or for a while.

        Args:
            seconds: at most; less while a watch is not open.

        Returns:
            False once it was stopped.
        """
        if self._change.wait(seconds if self._all_open else min(seconds, POLL_SECONDS)):
            self._stop.wait(TOGETHER_SECONDS)
        self._change.clear()
        return not self._stop.is_set()

    def _watch(self, path: str) -> None:
        query = {"watch": "1", "timeoutSeconds": str(WATCH_SECONDS)}
        with self._connect() as client:
            client.timeout = httpx.Timeout(10, read=2 * WATCH_SECONDS)
            while not self._stop.is_set():
                try:
                    with client.stream("GET", path, params=query) as answer:
                        answer.raise_for_status()
                        self._open[path] = answer.extensions["network_stream"].get_extra_info("socket")
                        if self._stop.is_set():
                            break
                        # What went while no watch was open is told by none.
                        self._change.set()
                        for _ in answer.iter_lines():
                            self._change.set()
                            if self._stop.is_set():
                                break
                except httpx.HTTPError:
                    # The API server restarts, or does not serve the kind yet.
                    self._open.pop(path, None)
                    self._stop.wait(POLL_SECONDS)
