"""The order in which the programs of a run are built."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

Item = TypeVar("Item")


def run(groups: Iterable[Iterable[Item]], begin: Callable[[Item, Future[None]], Future[None]], slots: int) -> None:
    """Build all, and wait for the end; the first failure ends the wait at once.

    The items of a group share what is compiled, so they are compiled one after another. Linking keeps one core busy, so that
    meanwhile the next is compiled, of the same group or, after its last, of one that nobody has begun.

    Args:
        groups: the items, in their order.
        begin: begins to build an item in a thread of its own, and returns the build. It also takes a future, which the build
            completes when it has compiled all, at its end at the latest, but not if it fails.
        slots: how many groups are compiled at a time.

    Raises:
        Exception: what a build has failed with.
    """
    rest = map(iter, groups)
    builds: set[Future[None]] = set()
    compilations: dict[Future[None], Iterator[Item]] = {}

    def begin_next(group: Iterator[Item]) -> None:
        for candidate in itertools.chain([group], rest):
            for item in candidate:
                compilation: Future[None] = Future()
                builds.add(begin(item, compilation))
                compilations[compilation] = candidate
                return

    for _ in range(slots):
        begin_next(iter(()))
    while builds:
        done, _pending = wait([*builds, *compilations], return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        builds -= done
        for compilation in done & compilations.keys():
            begin_next(compilations.pop(compilation))
