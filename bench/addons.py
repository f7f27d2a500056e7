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
"""So many times as long as without it a run may take with one chart, where nothing changes."""


def measure(folder: Path, pairs: int = 9) -> dict[str, Any]:
    """Wall seconds of both, taken in turn on a lab of the bench's own, each with a cluster of its own of one machine.

    The chart is the lab's network plugin. Both clusters' nodes have a network without it, so that both wait for the same.
    """
    lab = Lab(folder / "lab")
    if (started := lab.command("up", "--network", "provided")).returncode != 0:
        raise RuntimeError(started.stdout)
    try:
        projects = {name: project(folder / name, lab, name) for name in ("with", "without")}
        first = {name: round(seconds(one, name), 2) for name, one in projects.items()}
        for name, one in projects.items():
            # Waits for all machines: what comes after is measured on a lab at rest.
            one.script("up", "--stack", name, "--timeout", "300").ok()
        runs = [{name: seconds(one, name) for name, one in projects.items()} for _ in range(pairs)]
        gone = {
            name: run_seconds(one, "destroy", "--yes", "--skip-preview", "--stack", name)
            for name, one in projects.items()
        }
    finally:
        lab.command("down")
    medians = {name: statistics.median(run[name] for run in runs) for name in projects}
    rounded = [{name: round(value, 2) for name, value in run.items()} for run in runs]
    return {
        "first": first,
        "unchanged": medians,
        "ratio": medians["with"] / medians["without"],
        "destroy": gone,
        "runs": rounded,
    }


def project(folder: Path, lab: Lab, name: str) -> Project:
    """A project whose stack has the chart, or has not."""
    made = Project.make(folder, lab.environment())
    # Some containers forbid compiled modules beside their source; then each run would compile this package anew.
    made.environment.pop("PYTHONDONTWRITEBYTECODE", None)
    sections = dev_sections(lab.kubeconfig, network=name == "with")
    sections["cluster"] = {**sections["cluster"], "name": name}
    sections["controlPlane"] = {**sections["controlPlane"], "name": f"{name}-plane"}
    sections["workerPools"] = [{**sections["workerPools"][0], "replicas": 1}]
    made.configure(name, **sections)
    made.pulumi("stack", "init", name).ok()
    return made


def run_seconds(project: Project, *arguments: str) -> float:
    """Seconds of one run of pulumi."""
    began = time.monotonic()
    project.pulumi(*arguments).ok()
    return round(time.monotonic() - began, 2)


def table(results: dict[str, Any]) -> str:
    """The figures for people."""
    rows = [("first up", results["first"]), ("up without changes, median", results["unchanged"])]
    rows.append(("destroy", results["destroy"]))
    lines = [f"{what}: {one['with']:.2f} s with a chart, {one['without']:.2f} s without" for what, one in rows]
    lines.append(f"ratio of runs without changes: {results['ratio']:.2f}, at most {LIMIT} (all: {results['runs']})")
    return "\n".join(lines)


def main() -> int:
    """Measure and print; 1 where the bound is not kept."""
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
