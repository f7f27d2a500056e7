"""A kill at a random moment of `up` or `destroy`, again and again: the next `up` or `destroy` always completes."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.support.interrupting import gone, kill, sections, started
from tests.support.lab import Lab
from tests.support.project import Project

REPETITIONS = 20


@pytest.mark.parametrize("seed", range(REPETITIONS))
def test_a_kill_at_a_random_moment_leaves_nothing_that_the_next_run_does_not_mend(
    lab: Lab, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    project = Project.make(tmp_path / "project", lab.environment())
    stack = f"soak{seed}"
    project.configure(stack, **sections(lab, stack))
    operation = chance.choice(["up", "destroy"])
    if operation == "destroy":
        project.script("up", "--stack", stack, "--no-wait").ok()
    process = started(project, operation, "--stack", stack)
    moment = chance.uniform(0, 20 if operation == "up" else 8)
    time.sleep(moment)
    kill(process)
    print(f"seed {seed}: {operation} killed after {moment:.1f} s")
    if chance.random() < 0.5:
        project.script("up", "--stack", stack, "--timeout", "300").ok()
    project.script("destroy", "--stack", stack).ok()
    gone(lab)
