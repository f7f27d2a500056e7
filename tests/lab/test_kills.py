"""Three of the soak's kills: early and late in `up`, and in `destroy`. `make soak` does twenty."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.interruptions import kill_and_mend
from tests.support.lab import Lab


@pytest.mark.parametrize("seed", [1, 2, 9])
def test_a_kill_leaves_nothing_that_the_next_run_does_not_mend(lab: Lab, tmp_path: Path, seed: int) -> None:
    kill_and_mend(lab, tmp_path / "project", seed)
