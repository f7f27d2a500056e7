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
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

GRACE = 3.0
"""Seconds from SIGTERM to SIGKILL: a plugin without an engine has nothing left to write."""

LAST = 5.0
"""Seconds that the kernel has to carry out SIGKILL."""

POLL = 0.05

PROC = Path("/proc")


@dataclass(frozen=True)
class Member:
    """A living process.

    Attributes:
        pid: its number.
        parent: its parent's number.
        session: number of its session, which is that of the process that began it.
        start: its start, in the unit of the system; tells it from a later process with the same number.
    """

    pid: int
    parent: int
    session: int
    start: str


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
        send(signal.SIGTERM, targets)
        await_end(targets, grace)
    finally:
        # Also where Ctrl-C cuts the wait short. What a member has started meanwhile goes, too.
        targets = survivors(targets) | family(session)
        send(signal.SIGKILL, targets)
        await_end(targets, LAST)


def family(session: int) -> set[Member]:
    """The living processes of a session, apart from its first, and their descendants in other sessions."""
    if PROC.joinpath("self", "stat").exists() and not any(session_of(pid) == session for pid in pids() - {session}):
        # Nearly always: no file was read for that.
        return set()
    everyone = processes()
    members = {member for member in everyone if member.session == session and member.pid != session}
    while True:
        numbers = {member.pid for member in members}
        children = {member for member in everyone if member.parent in numbers} - members
        if not children:
            return members
        members |= children


def survivors(members: Iterable[Member]) -> set[Member]:
    """Those that still live. A process whose parent has ended has another one since."""
    living = {(member.pid, member.start): member for member in processes()}
    return {living[key] for member in members if (key := (member.pid, member.start)) in living}


def send(number: int, members: Iterable[Member]) -> None:
    """Send a signal to each."""
    for member in members:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member.pid, number)


def await_end(members: set[Member], seconds: float) -> None:
    """Wait until none of them lives, at most some seconds."""
    deadline = time.monotonic() + seconds
    while (members := survivors(members)) and time.monotonic() < deadline:
        time.sleep(POLL)


def pids() -> set[int]:
    """Numbers of all processes, on Linux."""
    return {int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()}


def session_of(pid: int) -> int | None:
    """A process's session; None where it has ended, or may not be asked."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def processes() -> set[Member]:
    """All living processes, without zombies."""
    if not PROC.joinpath("self", "stat").exists():
        return _processes_by_ps()
    members = set()
    for pid in pids():
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything; the fields after it are state (3rd) to start time (22nd).
            state, *fields = PROC.joinpath(str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
            if state not in ("Z", "X"):
                members.add(Member(pid, int(fields[0]), int(fields[2]), fields[18]))
    return members


def _processes_by_ps() -> set[Member]:
    # ps of macOS shows a session as an address.
    command = ["ps", "-A", "-o", "pid=,ppid=,stat=,lstart="]
    try:
        output = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True).stdout
    except OSError:
        return set()
    members = set()
    for pid, parent, state, start in (line.split(None, 3) for line in output.splitlines() if line.strip()):
        session = session_of(int(pid))
        if not state.startswith("Z") and session is not None:
            members.add(Member(int(pid), int(parent), session, start))
    return members
