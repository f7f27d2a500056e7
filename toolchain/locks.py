"""One builder at a time, also between processes."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator

from .pins import cache_folder


@contextlib.contextmanager
def exclusive(name: str, waiting: Callable[[], None] | None = None) -> Iterator[int]:
    """Hold the lock ``name`` of the cache; the kernel frees it when the process ends, however it ends.

    Yields the lock's file descriptor: a child that inherits it holds the lock too, for as long as it lives.

    Args:
        name: what is locked.
        waiting: called once if another process holds it.
    """
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
