"""Locks that a killed engine leaves on a stack: cleared where their process is dead, otherwise named.

Pulumi's own backends (files, S3 and the like) lock a stack with a file
``.pulumi/locks/organization/<project>/<stack>/<id>.json`` that holds pid, user, host and time (pulumi,
pkg/backend/diy/lock.go). A SIGKILL leaves it behind, and every later update is refused. Locks in a folder are read
here; those in a bucket are known from what Pulumi says when it refuses (:func:`wait_until_free`).

``python -m kamaji_equinix.automation.locks --stack dev`` clears a stack's dead locks by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from pulumi.automation import ConcurrentUpdateError, StackAlreadyExistsError

from .errors import ConfigurationError, Locked
from .lock_model import Lock, moment, process_start, read_lock, reported_locks

__all__ = [
    "Lock",
    "clear_reported",
    "clear_stale_lock",
    "held_locks",
    "moment",
    "process_start",
    "read_lock",
    "refusal",
    "reported_locks",
    "require_free",
    "require_unlocked",
    "wait_until_free",
]

Value = TypeVar("Value")

RETRY_SECONDS = (2.0, 4.0)
"""Between two attempts at a locked stack: random between these, so that two that wait don't meet again and again."""

ENDED_MEANWHILE = 5
"""How often in a row an update is tried again at once because those in its way had ended."""

NOTES_SECONDS = 7 * 24 * 3600.0
"""How long it is noted that a lock was cleared."""


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
        raise Locked(refusal(stack, held), holders=[str(lock) for lock in held], stack=stack)


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
    if not held or not all(lock.is_dead() for lock in held):
        raise refused(stack, held, text)
    return _clear(held, stack, cancel)


def wait_until_free(
    attempt: Callable[[], Value],
    seconds: float,
    report: Callable[[str], object],
    *,
    stack: str,
    cancel: Callable[[], object],
    pause: Callable[[float], object] = time.sleep,
) -> Value:
    """Run an update on any of Pulumi's own backends; clear dead locks in its way, and wait for living ones.

    A lock counts as left behind only when two refusals in a row name it and its process was dead at the first: the lock of an
    update that ends by itself is gone at the second. ``pulumi cancel``, which deletes all locks of the stack, is then safe,
    because as long as the dead one is there nobody else can have taken the stack.

    Args:
        attempt: runs the update; it is called again after a refusal, so all that it does before the lock is done again.
        seconds: how long to wait for others; 0 does not wait.
        report: takes what was cleared, and who is waited for, as sentences.
        stack: the stack's name.
        cancel: runs ``pulumi cancel --yes`` for the stack.
        pause: waits some seconds; may raise, to give up.

    Returns:
        What ``attempt`` returned.

    Raises:
        Locked: somebody holds the stack, or may do so; the text names who, and the command.
    """
    deadline = time.monotonic() + seconds
    dead: set[str] = set()
    told: set[str] = set()
    at_once = 0
    while True:
        try:
            return attempt()
        except ConcurrentUpdateError as error:
            text = str(error)
        held = reported_locks(text)
        if held and all(lock.is_dead() for lock in held) and at_once < ENDED_MEANWHILE:
            at_once += 1
            if all(lock.where in dead for lock in held):
                report(_clear(held, stack, cancel))
            dead |= {lock.where for lock in held}
            continue
        if time.monotonic() >= deadline:
            raise refused(stack, held, text)
        holders = "; ".join(map(str, held)) or "another update"
        if holders not in told:
            told.add(holders)
            report(f"stack {stack} is locked ({holders}); waits for it, {deadline - time.monotonic():.0f} s at most")
        at_once = 0
        pause(min(random.uniform(*RETRY_SECONDS), max(0.0, deadline - time.monotonic())))  # noqa: S311 - no secret


def require_unlocked(init: Callable[[], object]) -> None:
    """Make sure that no living update holds a stack, on any of Pulumi's own backends, without changing anything.

    ``pulumi stack init`` of a stack that exists takes its lock, finds the stack, and gives up (``CreateStack`` in
    pkg/backend/diy/backend.go). What is read of the state after this was written by nobody who still runs.

    Args:
        init: runs it.

    Raises:
        ConcurrentUpdateError: somebody holds the stack; for :func:`wait_until_free`.
    """
    with contextlib.suppress(StackAlreadyExistsError):
        init()


def _clear(held: Sequence[Lock], stack: str, cancel: Callable[[], object]) -> str:
    """Cancel dead locks once, however many processes of this user see them: a second cancel could hit a living lock."""
    names = "; ".join(map(str, held))
    try:
        with _notes() as folder:
            notes = [folder / hashlib.sha256(f"{lock.where} {lock}".encode()).hexdigest() for lock in held]
            if all(note.exists() for note in notes):
                return f"another process has cleared the lock of a dead update on stack {stack} ({names})"
            cancel()
            for note in notes:
                note.touch()
    except OSError as error:
        raise Locked(f"{refusal(stack, held)} (not cleared here: {error})", stack=stack) from error
    return f"cleared the lock of a dead update on stack {stack} ({names})"


@contextlib.contextmanager
def _notes() -> Iterator[Path]:
    """The folder that notes which locks were cleared, while no other process works with it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kamaji-equinix" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".clearing").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        for note in folder.glob("[0-9a-f]*"):
            if note.stat().st_mtime < time.time() - NOTES_SECONDS:
                note.unlink()
        yield folder


def refused(stack: str, held: Sequence[Lock], output: str) -> Locked:
    """The error of an update that was refused.

    Args:
        stack: the stack's name.
        held: the locks in its way; none where the backend does not name them.
        output: what Pulumi said.
    """
    if not held:
        text = f"stack {stack} is in another update; wait for it, or `pulumi cancel --stack {stack}`"
        return Locked(text, output=output, stack=stack)
    return Locked(refusal(stack, held), holders=[str(lock) for lock in held], output=output, stack=stack)


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
