"""A lock of one of Pulumi's own backends, read from its file or from Pulumi's refusal of an update."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ..errors import Locked

# Because of the kernel clock's grain a process may seem to start after it wrote its lock.
CLOCK_GRAIN = timedelta(seconds=2)

_REPORT = re.compile(r"(?P<url>\S+): created by (?P<user>\S*)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")


@dataclass(frozen=True)
class Lock:
    """One lock on a stack.

    Attributes:
        where: its file or URL, a different one for each update.
        since: when it was taken.
    """

    where: str
    user: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}, since {self.since.astimezone():%Y-%m-%d %H:%M:%S}"

    def is_dead(self) -> bool:
        """Whether its process certainly doesn't run any more; False for one of another host, which is not known."""
        if self.host != socket.gethostname():
            return False
        start = process_start(self.pid)
        return start is None or start > self.since + CLOCK_GRAIN


def reported_locks(text: str) -> list[Lock]:
    """The locks that a refusal of Pulumi names (see ``checkForLock`` in its lock.go)."""
    return [
        Lock(match["url"], match["user"], match["host"], int(match["pid"]), moment(match["at"]))
        for match in _REPORT.finditer(text)
    ]


def lock_error(stack: str, locks: Sequence[Lock], output: str) -> Locked:
    """The error of an update that was refused.

    Args:
        stack: the stack's name.
        locks: the locks in its way; none where the backend does not name them.
        output: Pulumi's text.
    """
    if not locks:
        text = (
            f"another update of stack {stack} is running; wait until it ends. If you know that it is dead: "
            f"`pulumi cancel --yes --stack {stack}`"
        )
        return Locked(text, output=output, stack=stack)
    return Locked(refusal(stack, locks), holders=[str(lock) for lock in locks], output=output, stack=stack)


def refusal(stack: str, locks: Sequence[Lock]) -> str:
    """The holders of a stack, with advice."""
    return (
        f"stack {stack} is locked by another update ({'; '.join(map(str, locks))}); wait until it ends. "
        f"If you know that it is dead: `pulumi cancel --yes --stack {stack}`"
    )


def read_lock(path: Path) -> Lock:
    """A lock's file.

    Raises:
        OSError: it can't be read.
        ValueError: it isn't one.
    """
    content = json.loads(path.read_text())
    return Lock(
        where=str(path),
        user=str(content["username"]),
        host=str(content["hostname"]),
        pid=int(content["pid"]),
        since=moment(str(content["timestamp"])),
    )


def moment(text: str) -> datetime:
    """A time as Go writes it: RFC 3339, with up to nine digits of a second.

    Raises:
        ValueError: it is something else.
    """
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not match:
        raise ValueError(f"not a time: {text!r}")
    fraction = (match[2] or ".0")[1:7].ljust(6, "0")
    zone = "+00:00" if match[3] == "Z" else match[3]
    return datetime.fromisoformat(f"{match[1]}.{fraction}{zone}")


def process_start(pid: int) -> datetime | None:
    """When a process of this machine started; None if there is none, or only a zombie."""
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():
        return _start_by_ps(pid)
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold anything; the fields after it are state (3rd) to start time (22nd).
    state, *fields = stat.rpartition(")")[2].split()
    if state in ("Z", "X"):
        return None
    boot_line = next(line for line in (proc / "stat").read_text().splitlines() if line.startswith("btime "))
    seconds = int(boot_line.split()[1]) + int(fields[18]) / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(seconds, timezone.utc)


def _start_by_ps(pid: int) -> datetime | None:
    run = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True
    )
    state, _, start_text = run.stdout.strip().partition(" ")
    if run.returncode or state.startswith("Z"):
        return None
    return datetime.strptime(start_text.strip(), "%a %b %d %H:%M:%S %Y").astimezone()
