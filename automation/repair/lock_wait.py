"""An update of a locked stack, on any of Pulumi's own backends: clear dead locks, wait for live ones."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pulumi.automation import ConcurrentUpdateError, StackAlreadyExistsError

from ..engine.lock import Lock, lock_error, refusal, reported_locks
from ..errors import Locked

Value = TypeVar("Value")

RETRY_SECONDS = (2.0, 4.0)
"""Bounds of the random pause between two attempts at a locked stack, so that two waiting updates don't collide again."""

IMMEDIATE_RETRIES = 5
"""How often in a row an update is tried again at once because the locks were dead."""

NOTES_SECONDS = 7 * 24 * 3600.0
"""How long the note about a cleared lock is kept."""


def wait_until_free(
    attempt: Callable[[], Value],
    seconds: float,
    report: Callable[[str], object],
    *,
    stack: str,
    cancel: Callable[[], object],
    pause: Callable[[float], object] = time.sleep,
) -> Value:
    """Run an update on any of Pulumi's own backends; clear dead locks, and wait for live ones.

    A lock counts as dead only when two refusals in a row name it and its process was dead at the first: the lock of an update
    that ends by itself is gone at the second. ``pulumi cancel``, which deletes all locks of the stack, is then safe, because
    nobody else can have taken the stack while the dead lock exists.

    Args:
        attempt: runs the update; it is called again after a refusal, and then repeats its work before the lock.
        seconds: how long to wait for others; 0 does not wait.
        report: takes sentences about cleared locks and about waits.
        stack: the stack's name.
        cancel: runs ``pulumi cancel --yes`` for the stack.
        pause: waits some seconds; may raise, to give up.

    Returns:
        What ``attempt`` returned.

    Raises:
        Locked: another update holds the stack, or may hold it; the text names the holder and the command.
    """
    deadline = time.monotonic() + seconds
    dead: set[str] = set()
    reports: set[str] = set()
    at_once = 0
    while True:
        try:
            return attempt()
        except ConcurrentUpdateError as error:
            text = str(error)
        locks = reported_locks(text)
        if locks and all(lock.is_dead() for lock in locks) and at_once < IMMEDIATE_RETRIES:
            at_once += 1
            if all(lock.where in dead for lock in locks):
                report(_clear(locks, stack, cancel))
            dead |= {lock.where for lock in locks}
            continue
        if time.monotonic() >= deadline:
            raise lock_error(stack, locks, text)
        holders = "; ".join(map(str, locks)) or "another update"
        if holders not in reports:
            reports.add(holders)
            report(f"stack {stack} is locked ({holders}); waits for it, {deadline - time.monotonic():.0f} s at most")
        at_once = 0
        pause(min(random.uniform(*RETRY_SECONDS), max(0.0, deadline - time.monotonic())))  # noqa: S311 - no secret


def require_no_lock(init: Callable[[], object]) -> None:
    """Check that no live update holds a stack, on any of Pulumi's own backends, without a change.

    ``pulumi stack init`` of a stack that exists takes its lock, finds the stack, and gives up (``CreateStack`` in
    pkg/backend/diy/backend.go). So no running update has written the state that is read after this.

    Args:
        init: runs ``pulumi stack init``.

    Raises:
        ConcurrentUpdateError: another update holds the stack; for :func:`wait_until_free`.
    """
    with contextlib.suppress(StackAlreadyExistsError):
        init()


def _clear(locks: Sequence[Lock], stack: str, cancel: Callable[[], object]) -> str:
    """Cancel dead locks once among all processes of this user: a second cancel could remove a live lock."""
    names = "; ".join(map(str, locks))
    try:
        with _notes() as folder:
            notes = [folder / hashlib.sha256(f"{lock.where} {lock}".encode()).hexdigest() for lock in locks]
            if all(note.exists() for note in notes):
                return f"another process has cleared the lock of a dead update on stack {stack} ({names})"
            cancel()
            for note in notes:
                note.touch()
    except OSError as error:
        raise Locked(f"{refusal(stack, locks)} (not cleared here: {error})", stack=stack) from error
    return f"cleared the lock of a dead update on stack {stack} ({names})"


@contextlib.contextmanager
def _notes() -> Iterator[Path]:
    """The folder with notes about cleared locks, locked against other processes."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kamaji-equinix" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".clearing").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        for note in folder.glob("[0-9a-f]*"):
            if note.stat().st_mtime < time.time() - NOTES_SECONDS:
                note.unlink()
        yield folder
