"""Locks that a killed engine leaves on a stack: cleared where their process is dead, otherwise named.

Pulumi's own backends (files, S3 and the like) lock a stack with a file
``.pulumi/locks/organization/<project>/<stack>/<id>.json`` that holds pid, user, host and time (pulumi,
pkg/backend/diy/lock.go). A SIGKILL leaves it behind, and every later update is refused. Locks in a folder are read
here; those in a bucket are known from what Pulumi says when it refuses.

``python -m kamaji_equinix.automation.locks --stack dev`` clears a stack's dead locks by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import ConfigurationError, Locked

# A process may seem to start after it wrote its lock by the grain of the kernel's clock.
CLOCK_GRAIN = timedelta(seconds=2)

_REPORTED = re.compile(r"(?P<url>\S+): created by (?P<user>\S*)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")


@dataclass(frozen=True)
class Lock:
    """One lock on a stack.

    Attributes:
        where: its file or URL.
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
        """Whether its process certainly doesn't run any more; False for one of another host, which can't be told."""
        if self.host != socket.gethostname():
            return False
        started = process_start(self.pid)
        return started is None or started > self.since + CLOCK_GRAIN


def clear_stale_lock(backend_url: str, project: str, stack: str) -> str | None:
    """Remove the locks of a stack in a file backend whose process, on this host, is dead.

    Locks of living processes, or of other hosts, stay; Pulumi refuses an update because of them, a mere look it does not.

    Args:
        backend_url: as Pulumi takes it, such as ``file:///path``; other backends are left alone (see
            :func:`clear_reported`).
        project: the project's name.
        stack: the stack's name.

    Returns:
        What was removed, as a sentence; None if nothing was.
    """
    cleared = []
    for lock in held_locks(backend_url, project, stack):
        if lock.is_dead():
            # Each update has a file name of its own, so this can't be the lock of an update that begins now.
            Path(lock.where).unlink(missing_ok=True)
            cleared.append(str(lock))
    return f"cleared the lock of a dead update on stack {stack} ({'; '.join(cleared)})" if cleared else None


def require_free(backend_url: str, project: str, stack: str) -> None:
    """Make sure that nobody holds a stack in a file backend.

    Raises:
        Locked: somebody does; the text names who, and the command.
    """
    if held := held_locks(backend_url, project, stack):
        raise Locked(refusal(stack, held))


def held_locks(backend_url: str, project: str, stack: str) -> list[Lock]:
    """The locks on a stack in a file backend; none for other backends."""
    root = backend_folder(backend_url)
    if root is None:
        return []
    own = stack.rpartition("/")[2]
    folders = (root / ".pulumi" / "locks" / "organization" / project / own, root / ".pulumi" / "locks" / own)
    found = []
    for path in sorted(file for folder in folders for file in folder.glob("*.json")):
        try:
            found.append(read_lock(path))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Locked(
                f"stack {stack} has a lock that can't be read, {path}: {error}; if no update runs, "
                f"`pulumi cancel --yes --stack {stack}` removes it"
            ) from error
    return found


def clear_reported(text: str, stack: str, cancel: Callable[[], object]) -> str:
    """Clear the locks that Pulumi named when it refused an update, on any of its own backends.

    Args:
        text: what Pulumi said.
        stack: the stack's name.
        cancel: runs ``pulumi cancel --yes`` for the stack.

    Returns:
        What was cleared, as a sentence; the update can be tried again.

    Raises:
        Locked: somebody holds the stack, or may do so; the text names who, and the command.
    """
    held = reported_locks(text)
    if not held:
        raise Locked(
            f"stack {stack} is in another update; wait for it, or `pulumi cancel --stack {stack}`", output=text
        )
    if not all(lock.is_dead() for lock in held):
        raise Locked(refusal(stack, held), output=text)
    # It deletes all locks of the stack: tried only when each of them is dead.
    cancel()
    return f"cleared the lock of a dead update on stack {stack} ({'; '.join(map(str, held))})"


def reported_locks(text: str) -> list[Lock]:
    """The locks that a refusal of Pulumi names (see ``checkForLock`` in its lock.go)."""
    return [
        Lock(found["url"], found["user"], found["host"], int(found["pid"]), moment(found["at"]))
        for found in _REPORTED.finditer(text)
    ]


def refusal(stack: str, held: Sequence[Lock]) -> str:
    """Who holds a stack, and what to do."""
    return (
        f"stack {stack} is locked by another update ({'; '.join(map(str, held))}); wait until it ends. "
        f"If you know that it is dead: `pulumi cancel --yes --stack {stack}`"
    )


def backend_folder(url: str) -> Path | None:
    """The folder of a file backend, None for other backends."""
    if not url.startswith("file://"):
        return None
    # Not urlsplit alone: in file://./state and file://~ the first part is no host.
    text = unquote(urlsplit(url.replace("file://", "file:", 1)).path)
    return Path(text).expanduser()


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
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not found:
        raise ValueError(f"not a time: {text!r}")
    fraction = (found[2] or ".0")[1:7].ljust(6, "0")
    zone = "+00:00" if found[3] == "Z" else found[3]
    return datetime.fromisoformat(f"{found[1]}.{fraction}{zone}")


def process_start(pid: int) -> datetime | None:
    """When a process of this machine started; None if there is none, or only its unreaped remains."""
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
    booted = next(line for line in (proc / "stat").read_text().splitlines() if line.startswith("btime "))
    seconds = int(booted.split()[1]) + int(fields[18]) / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(seconds, timezone.utc)


def _start_by_ps(pid: int) -> datetime | None:
    run = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True
    )
    state, _, started = run.stdout.strip().partition(" ")
    if run.returncode or state.startswith("Z"):
        return None
    return datetime.strptime(started.strip(), "%a %b %d %H:%M:%S %Y").astimezone()


def project_name(folder: Path) -> str:
    """The name in a folder's Pulumi.yaml.

    Raises:
        ConfigurationError: there is none.
    """
    import yaml

    try:
        return str(yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"])
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        raise ConfigurationError(f"{folder.resolve()}: no Pulumi.yaml with a `name`; use --cwd or --project") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Clear the dead locks of a stack.

    Returns:
        The exit code: 0 if the stack is free, 2 for a wrong request, 4 if somebody holds it.
    """
    parser = argparse.ArgumentParser(description="Clear the locks that killed updates left on a stack.")
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--project", help="by default the one of Pulumi.yaml")
    parser.add_argument(
        "--backend", default=os.environ.get("PULUMI_BACKEND_URL", ""), help="default: $PULUMI_BACKEND_URL"
    )
    parser.add_argument("--cwd", type=Path, default=Path(), help="folder of Pulumi.yaml")
    options = parser.parse_args(arguments)
    try:
        if backend_folder(options.backend) is None:
            raise ConfigurationError(
                f"backend {urlsplit(options.backend).scheme or 'not given'}: only locks in a file backend can be read; "
                f"`pulumi cancel --stack {options.stack}` works on every backend"
            )
        project = options.project or project_name(options.cwd)
        if cleared := clear_stale_lock(options.backend, project, options.stack):
            print(cleared)
        require_free(options.backend, project, options.stack)
    except (ConfigurationError, Locked) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
