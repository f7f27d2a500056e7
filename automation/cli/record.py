"""The whole run as text in a file: every event with its time, and all that the engine prints."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from types import TracebackType

from ..errors import ConfigurationError
from ..events import Event

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class Record:
    """A file that only its owner may read; each run overwrites it."""

    def __init__(self, path: Path) -> None:
        """Write to ``path``, whose folder exists.

        Raises:
            ConfigurationError: it can't be written.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"--log {path} can't be written: {reason}; nothing was started") from None
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.write(f"{type(error).__name__}: {error}")
        self._file.close()

    def event(self, event: Event) -> None:
        """Write an event."""
        self.write(f"{type(event).__name__}: {event}")

    def write(self, text: str) -> None:
        """Write lines with the time of day, without control sequences of terminals."""
        moment = time.strftime("%H:%M:%S")
        with self._lock:
            for line in text.splitlines():
                print(f"{moment} {_CONTROL.sub('', line)}", file=self._file, flush=True)
