"""Random edits of worker pools, interrupted at random moments and taken back again: none harms a pool.

Each seed tells its story when it fails; ``POOL_LIVES=1017`` or ``POOL_LIVES=1000-1049`` lives those alone. A life waits more
than it computes, so several are lived at a time, each with a stack and a namespace of its own on one API server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.plane import ManagementPlane
from tests.support.pool_lives import PoolLife

LANES = 3
"""Lives at a time."""

FIRST, _, LAST = os.environ.get("POOL_LIVES", "1000-1199").partition("-")
SEEDS = range(int(FIRST), int(LAST or FIRST) + 1)
BATCHES = [SEEDS[index : index + LANES] for index in range(0, len(SEEDS), LANES)]


class Lane:
    """One stack, which is made anew where a life has failed."""

    def __init__(self, plane: ManagementPlane, folder: Path, number: int) -> None:
        self.plane, self.folder, self.number, self.count = plane, folder, number, 0
        self.pools: PoolLife | None = None

    def live(self, seed: int) -> str:
        """Live a life.

        Returns:
            What went wrong; empty where nothing did.
        """
        try:
            pools = self.pools or self.begin()
            # That nothing is left to do is asked by a run of its own, which is a fifth of all work.
            pools.tidy(pools.life.run(seed), preview=seed % 4 == 0)
        except AssertionError as error:
            self.pools = None
            return f"seed {seed}: {error}"
        return ""

    def begin(self) -> PoolLife:
        """A stack that is up."""
        self.count += 1
        self.pools = PoolLife(self.plane, self.folder / f"{self.number}-{self.count}", f"lives-{self.number}")
        self.pools.__enter__()
        self.pools.start()
        return self.pools

    def end(self) -> None:
        """Destroy the stack."""
        if self.pools is not None:
            self.pools.project.script("destroy", "--yes", "--stack", self.pools.stack).ok()
            self.pools.__exit__()


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lane]]:
    plane = ManagementPlane(tmp_path_factory.mktemp("management"), controller_manager=True)
    with ExitStack() as stack:
        stack.callback(plane.stop)
        plane.start()
        folder = tmp_path_factory.mktemp("lives")
        instances = [Lane(plane, folder, number) for number in range(LANES)]
        yield instances
        for lane in instances:
            lane.end()


@pytest.mark.parametrize("seeds", BATCHES, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_no_sequence_of_edits_interruptions_and_reverts_harms_a_pool(lanes: list[Lane], seeds: range) -> None:
    with ThreadPoolExecutor(LANES) as pool:
        wrong = list(filter(None, pool.map(Lane.live, lanes, seeds)))
    assert not wrong, "\n\n".join(wrong)
