"""Random edits of worker pools, interrupted at random moments and taken back again: none harms a pool.

Each seed tells its story when it fails; `-k` with its number repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.plane import ManagementPlane
from tests.support.pool_lives import PoolLife

SEEDS = range(1000, 1200)


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoolLife]:
    plane = ManagementPlane(tmp_path_factory.mktemp("management"), controller_manager=True)
    try:
        plane.start()
        with PoolLife(plane, tmp_path_factory.mktemp("lives"), "lives") as found:
            found.begin()
            yield found
            found.project.script("destroy", "--yes", "--stack", found.stack).ok()
    finally:
        plane.stop()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_sequence_of_edits_interruptions_and_reverts_harms_a_pool(pools: PoolLife, seed: int) -> None:
    pools.tidy(pools.life.run(seed, edits=4))
