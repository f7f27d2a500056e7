"""A kill at a random moment of `up` or `destroy`, again and again: the next `up` or `destroy` always completes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.interruptions import kill_and_mend
from tests.support.lab import Lab

REPETITIONS = 20


@pytest.mark.parametrize("seed", range(REPETITIONS))
def test_a_kill_at_a_random_moment_leaves_nothing_that_the_next_run_does_not_mend(
    lab: Lab, tmp_path: Path, seed: int
) -> None:
    kill_and_mend(lab, tmp_path / "project", seed)
