"""The processes that an engine has started, and their end with it.

The engine runs in a session of its own. It puts each plugin into a process group of its own (``RegisterProcessGroup`` in
pulumi's sdk/go/common/util/cmdutil/child_unix.go), but leaves all of them in its session. So the session tells which
processes are an engine's: nobody else can join it, and neither Linux nor macOS gives its number to another process while
one of its processes lives. A plugin that starts a program in another session, such as one that gives credentials, is that
program's parent.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable

import psutil

GRACE = 3.0
"""Seconds from SIGTERM to SIGKILL: a plugin without an engine has nothing left to write."""

LAST = 5.0
"""Seconds that the kernel has to carry out SIGKILL."""

POLL = 0.05


def end(session: int, grace: float = GRACE) -> None:
    """End the processes of an engine that has ended.

    Args:
        session: the engine's process number. The engine itself is left alone.
        grace: seconds from SIGTERM to SIGKILL.
    """
    targets = family(session)
    if not targets:
        return
    try:
        for process in targets:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        await_end(targets, grace)
    finally:
        # Also where Ctrl-C cuts the wait short. What a member has started meanwhile goes, too.
        targets = survivors(targets) | family(session)
        for process in targets:
            with contextlib.suppress(psutil.Error):
                process.kill()
        await_end(targets, LAST)


def family(session: int) -> set[psutil.Process]:
    """The living processes of a session, apart from its first, and their descendants in other sessions."""
    members: set[psutil.Process] = set()
    for pid in psutil.pids():
        if pid != session and session_of(pid) == session:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                members |= {process, *process.children(recursive=True)}
    return survivors(members)


def survivors(processes: Iterable[psutil.Process]) -> set[psutil.Process]:
    """Those that still live; a zombie, which nobody may ever wait for, does not."""
    living: set[psutil.Process] = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                living.add(process)
    return living


def await_end(processes: set[psutil.Process], seconds: float) -> None:
    """Wait until none of them lives, at most some seconds."""
    deadline = time.monotonic() + seconds
    # psutil's own wait takes a zombie of another parent's for alive.
    while (processes := survivors(processes)) and time.monotonic() < deadline:
        time.sleep(POLL)


def session_of(pid: int) -> int | None:
    """A process's session; None where it has ended, or may not be asked."""
    try:
        return os.getsid(pid)
    except OSError:
        return None
