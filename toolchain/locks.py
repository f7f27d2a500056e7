"""Locks between builders, also of several processes."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from typing import IO

from .pins import cache_folder

POLL_SECONDS = 0.2


def lock_now(file: IO[str]) -> bool:
    """Lock a file unless another process holds the lock; True if it is locked now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def exclusive(
    name: str, on_wait: Callable[[], None] | None = None, proceed: Callable[[], None] | None = None
) -> Iterator[int]:
    """Hold the lock ``name`` of the cache; the kernel releases it at the end of the process.

    Yields the lock's file descriptor: a child process that inherits it holds the lock too.

    Args:
        name: name of the lock.
        on_wait: called once if another process holds the lock.
        proceed: called repeatedly while waiting; it ends the wait by an exception.
    """
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        if not lock_now(file):
            if on_wait:
                on_wait()
            while proceed and not lock_now(file):
                proceed()
                time.sleep(POLL_SECONDS)
            # Returns at once if the loop has locked the file.
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
