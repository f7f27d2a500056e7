"""The processes of a build, which several threads start and one interrupt ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO


class Stop(Exception):
    """The build ends: an interrupt, or the failure of another program."""


class Jobs:
    """Starts processes, and ends all of them at once."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def proceed(self) -> None:
        """Raise ``Stop`` once all is to end."""
        if self._stopped:
            raise Stop

    @contextlib.contextmanager
    def run(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        keep: Sequence[int] = (),
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a process in a group of its own, so that what it starts ends with it.

        Args:
            command: what to run.
            folder: where.
            environment: its whole environment.
            stdout: where its output goes, as of ``subprocess.Popen``.
            stderr: where its errors go.
            keep: file descriptors that it inherits.

        Raises:
            Stopped: all is to end, at the start or at the end of the process.
        """
        with self._lock:
            self.proceed()
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=tuple(keep),
            )
            self._running.add(process)
        try:
            yield process
        finally:
            with self._lock:
                self._running.discard(process)
            end(process)
        self.proceed()

    def stop(self) -> None:
        """End all processes; none starts afterwards."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end(process: subprocess.Popen[bytes]) -> None:
    """See to it that a process is gone."""
    if process.poll() is None:
        kill(process)
        process.wait()


def seconds_of_cpu(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process, and tell what it and its children took of the processors, in seconds."""
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime
