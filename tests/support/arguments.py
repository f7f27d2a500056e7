"""What processes are started with, while something runs."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType


class Arguments:
    """Collects the arguments of all processes of the machine, many times a second; may be entered again.

    Attributes:
        command_lines: the command lines.
    """

    def __init__(self, pause: float = 0.02) -> None:
        self.command_lines: set[str] = set()
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread()

    def __enter__(self) -> Arguments:
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._pause):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                # A process may have ended.
                with contextlib.suppress(OSError):
                    self.command_lines.add(path.read_text(errors="replace").replace("\0", " "))
