"""The processes of a build: several threads start them, and one interrupt ends all."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

POLL_SECONDS = 0.5


class Stop(Exception):
    """The build ends because of an interrupt or another program's failure."""


class Jobs:
    """Starts processes, and ends all of them at once."""

    def __init__(self) -> None:
        """Start without processes."""
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_stopped = False

    def proceed(self) -> None:
        """Raise ``Stop`` after ``stop`` was called."""
        if self._is_stopped:
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
        """Start a process in its own group, so that its child processes end with it.

        Args:
            command: program and arguments.
            folder: working directory.
            environment: the complete environment.
            stdout: target of its output, as for ``subprocess.Popen``.
            stderr: target of its errors.
            keep: file descriptors that it inherits.

        Raises:
            Stop: ``stop`` was called before the process started or ended.
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
        """End all processes; no process starts afterwards."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process if it is running."""
    if process.poll() is None:
        kill(process)
        process.wait()


def seconds_of_cpu(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process; returns the CPU time of it and its children, in seconds."""
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def await_child(process: subprocess.Popen[bytes], name: str) -> bool:
    """Wait until a job has a child process that runs a program; False if the job has ended without. It is not reaped.

    Args:
        process: the job.
        name: the program's, without its folder.
    """
    # WNOWAIT leaves the process for ``seconds_of_cpu``.
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, process.pid, options) is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            # A child that is gone meanwhile.
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name() == name:
                    return True
        time.sleep(POLL_SECONDS)
    return False
