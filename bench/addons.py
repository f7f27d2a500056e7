"""How long `pulumi up` takes with an add-on, a Helm chart, beside one without: the first, and those where nothing changes.

``python -m bench.addons [--pairs N]``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.lab import Lab
from tests.support.project import Project, dev_sections

from .up import seconds

LIMIT = 1.3
"""Highest ratio of a run without changes with one chart to one without charts."""


def measure(folder: Path, pairs: int = 9) -> dict[str, Any]:
    """Wall seconds of both, measured in turn on a temporary lab, each with its own cluster of one machine.

    The chart is the lab's network plugin. The nodes have a network without it too, so that both runs wait for the same.
    """
    lab = Lab(folder / "lab")
    if (result := lab.command("up", "--network", "provided")).returncode != 0:
        raise RuntimeError(result.stdout)
    try:
        projects = {name: make_project(folder / name, lab, name) for name in ("with", "without")}
        first = {name: round(seconds(project, name), 2) for name, project in projects.items()}
        for name, project in projects.items():
            # Waits for all machines: the measured runs need a lab at rest.
            project.script("up", "--stack", name, "--timeout", "300").ok()
        runs = [{name: seconds(project, name) for name, project in projects.items()} for _ in range(pairs)]
        destroy_seconds = {
            name: run_seconds(project, "destroy", "--yes", "--skip-preview", "--stack", name)
            for name, project in projects.items()
        }
    finally:
        lab.command("down")
    medians = {name: statistics.median(run[name] for run in runs) for name in projects}
    rounded_runs = [{name: round(value, 2) for name, value in run.items()} for run in runs]
    return {
        "first": first,
        "unchanged": medians,
        "ratio": medians["with"] / medians["without"],
        "destroy": destroy_seconds,
        "runs": rounded_runs,
    }


def make_project(folder: Path, lab: Lab, name: str) -> Project:
    """A project whose stack has the chart (``with``) or not."""
    stack_project = Project.make(folder, lab.environment())
    # Some containers forbid compiled modules beside their source; then each run would compile this package anew.
    stack_project.environment.pop("PYTHONDONTWRITEBYTECODE", None)
    sections = dev_sections(lab.kubeconfig, network=name == "with")
    sections["cluster"] = {**sections["cluster"], "name": name}
    sections["controlPlane"] = {**sections["controlPlane"], "name": f"{name}-plane"}
    sections["workerPools"] = [{**sections["workerPools"][0], "replicas": 1}]
    stack_project.configure(name, **sections)
    stack_project.pulumi("stack", "init", name).ok()
    return stack_project


def run_seconds(project: Project, *arguments: str) -> float:
    """Seconds of one run of pulumi."""
    began = time.monotonic()
    project.pulumi(*arguments).ok()
    return round(time.monotonic() - began, 2)


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    rows = [("first up", results["first"]), ("up without changes, median", results["unchanged"])]
    rows.append(("destroy", results["destroy"]))
    lines = [
        f"{label}: {figures['with']:.2f} s with a chart, {figures['without']:.2f} s without" for label, figures in rows
    ]
    lines.append(f"ratio of runs without changes: {results['ratio']:.2f}, at most {LIMIT} (all: {results['runs']})")
    return "\n".join(lines)


def main() -> int:
    """Measure and print; returns 1 if the ratio is above the limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.addons", description=__doc__)
    parser.add_argument("--pairs", type=int, default=9, help="rounds (default: 9)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), options.pairs)
    print(table(results))
    return 0 if results["ratio"] <= LIMIT else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"bench: {error}")
