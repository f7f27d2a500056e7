"""The end of a command of pulumi: asked for, and where that does not help, brought about."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time

from . import family

GRACE = 10.0
"""Seconds that the engine has for running operations before the second interrupt."""

LAST = 30.0
"""Seconds from the second interrupt to SIGKILL."""

POLL = 0.05

REST = 0.5
"""Seconds after which the end of a command is seen at the latest where Ctrl-C has ended the wait for it."""


class Reaper(threading.Thread):
    """Ends a command that is over, and what it has left: in a thread, because Ctrl-C would cut the main thread's work short.

    Attributes:
        over: set once nobody waits for the command any more. Its own end is enough, too.
        done: set when nothing is left. A ``join`` that Ctrl-C cuts short takes the thread for ended (CPython issue 90882).
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Prepare; a process that is left would keep this thread, and with it the interpreter, from ending."""
        super().__init__()
        self._process, self.over, self.done = process, threading.Event(), threading.Event()

    def run(self) -> None:
        """Wait until the command is over, and end all of it."""
        try:
            while not self.over.wait(REST) and not has_ended(self._process):
                pass
            kill(self._process)
            # Before its number is free for another process.
            family.end(self._process.pid)
            self._process.wait()
        finally:
            self.done.set()


def has_ended(process: subprocess.Popen[str]) -> bool:
    """Whether a process has ended. Its number stays taken where the system allows that (macOS: from Python 3.13 on)."""
    if process.returncode is not None:
        return True
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def ends_within(process: subprocess.Popen[str], seconds: float) -> bool:
    """Wait until a process has ended, at most some seconds; whether it has."""
    deadline = time.monotonic() + seconds
    while not has_ended(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True


def stop(process: subprocess.Popen[str], grace: float = GRACE, last: float = LAST) -> None:
    """End an engine by interrupts, and where that does not help by SIGKILL."""
    for seconds in (grace, last):
        interrupt(process)
        if ends_within(process, seconds):
            return
    kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """Send SIGKILL to the engine's process group, unless it has ended."""
    if not has_ended(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def interrupt(process: subprocess.Popen[str]) -> None:
    """Send SIGINT to the engine alone: it stops its plugins itself."""
    if not has_ended(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGINT)
