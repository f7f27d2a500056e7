"""One builder at a time, also between processes."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from typing import IO

from .pins import cache_folder

POLL_SECONDS = 0.2


def lock_now(file: IO[str]) -> bool:
    """Take a file's lock unless another process holds it; whether it was taken."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def exclusive(
    name: str, on_wait: Callable[[], None] | None = None, proceed: Callable[[], None] | None = None
) -> Iterator[int]:
    """Hold the lock ``name`` of the cache; the kernel frees it when the process ends, however it ends.

    Yields the lock's file descriptor: a child that inherits it holds the lock too, for as long as it lives.

    Args:
        name: what is locked.
        on_wait: called once if another process holds it.
        proceed: called now and then while waiting; raises to end it. Without it the wait ends only with the lock.
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
            # Nothing to wait for where the lock was taken just now.
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
