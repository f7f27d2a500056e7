"""What the console script's look at each object costs an `up` without changes: beside one without, and one that refreshes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from kamaji_equinix.automation.cli import command_line
from kamaji_equinix.automation.repair.upkeep import Upkeep

from tests.support.project import ROOT, Project

from .dev_stack import STACK, dev_project, temporary_lab


def no_look(upkeep: Upkeep, state: dict[str, Any]) -> None:
    """Begin the run without a look at any object."""


def refresh(upkeep: Upkeep, state: dict[str, Any]) -> None:
    """Refresh the whole state, whatever has changed."""
    upkeep.refresh(state["deployment"])


WAYS = {"look": Upkeep.repair, "none": no_look, "refresh": refresh}
"""Actions of `up` before its engine runs."""

SCRIPT = """\
import sys
sys.path.insert(0, {root!r})
from bench.look import run
sys.exit(run({way!r}))
"""


def run(way: str) -> int:
    """The script's `up` with one of the ways, in this process."""
    Upkeep.repair = WAYS[way]  # type: ignore[assignment, method-assign]
    return command_line.main(["up", "--stack", STACK, "--no-wait"])


def measure(folder: Path, rounds: int = 5) -> dict[str, Any]:
    """Wall seconds of each way, measured in turn on a temporary lab."""
    with temporary_lab(folder / "lab") as lab:
        project = dev_project(folder / "dev", lab)
        project.script("up", "--stack", STACK, "--timeout", "300").ok()
        # The first run records the controllers' part of the objects.
        seconds(project, "look")
        runs = [{way: seconds(project, way) for way in WAYS} for _ in range(rounds)]
        project.script("destroy", "--yes", "--stack", STACK).ok()
    medians = {way: statistics.median(run[way] for run in runs) for way in WAYS}
    return {**medians, "runs": [{way: round(value, 2) for way, value in run.items()} for run in runs]}


def seconds(project: Project, way: str) -> float:
    """Wall seconds of one run."""
    began = time.monotonic()
    result = project.run(sys.executable, "-c", SCRIPT.format(root=str(ROOT), way=way))
    if "created" in result.ok() or "updated" in result.output:
        raise RuntimeError(f"nothing should change:\n{result.output}")
    return time.monotonic() - began


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    return (
        f"the script's up without changes, median: {results['look']:.2f} s with a look at each object, "
        f"{results['none']:.2f} s without, {results['refresh']:.2f} s with a refresh instead; ratio of the look "
        f"{results['look'] / results['none']:.2f}, of the refresh {results['refresh'] / results['none']:.2f} "
        f"(all runs: {results['runs']})"
    )


def main() -> int:
    """Measure and print."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(Path(folder))))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"bench: {error}")
