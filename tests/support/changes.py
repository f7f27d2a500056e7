"""Waiting for changes of collections on an API server: who plays a controller need not list them again and again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence

import httpx

from lab.plane import ManagementPlane

WATCH_SECONDS = 30
"""How long one watch lasts; its successor begins with all that there is, which counts as a change."""

POLL_SECONDS = 0.2
"""How long is waited at most while one of the watches is not open."""

IDLE_SECONDS = 5.0

TOGETHER_SECONDS = 0.05
"""Changes come in flocks; what comes within this time is one."""


class Changes:
    """Watches collections, each in a thread of its own.

    Args:
        management: where they are.
        paths: of the collections; without any, each wait is a short one.
    """

    def __init__(self, management: ManagementPlane, paths: Sequence[str]) -> None:
        self._management, self._paths = management, tuple(paths)
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

    def wait(self, *, seconds: float = IDLE_SECONDS) -> bool:
        """Wait for the next change, or for a while.

        Args:
            seconds: at most; less while a watch is not open.

        Returns:
            False once it was stopped.
        """
        all_open = bool(self._paths) and len(self._open) == len(self._paths)
        if self._change.wait(seconds if all_open else min(seconds, POLL_SECONDS)):
            self._stop.wait(TOGETHER_SECONDS)
        self._change.clear()
        return not self._stop.is_set()

    def _watch(self, path: str) -> None:
        query = {"watch": "1", "timeoutSeconds": str(WATCH_SECONDS)}
        with self._management.client() as client:
            client.timeout = httpx.Timeout(10, read=2 * WATCH_SECONDS)
            while not self._stop.is_set():
                try:
                    with client.stream("GET", path, params=query) as answer:
                        answer.raise_for_status()
                        self._open[path] = answer.extensions["network_stream"].get_extra_info("socket")
                        if self._stop.is_set():
                            break
                        for _ in answer.iter_lines():
                            self._change.set()
                            if self._stop.is_set():
                                break
                except httpx.HTTPError:
                    # The API server restarts, or does not serve the kind yet.
                    self._open.pop(path, None)
                    self._stop.wait(POLL_SECONDS)
