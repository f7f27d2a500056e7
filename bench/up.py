"""How long `pulumi up` takes where nothing changes, beside an empty program with one dynamic resource.

``python -m bench.up [--pairs N] [--against CHECKOUT]`` also takes it of another checkout, which has a virtual environment of
its own, with a cluster of its own on the same lab.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.support.lab import Lab
from tests.support.project import ROOT, Project

from .dev_stack import STACK, dev_project, temporary_lab

EMPTY = """\
from thing import Thing

Thing("one")
"""

RESOURCE_MODULE = """\
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult("one", {})


class Thing(Resource):
    def __init__(self, name):
        super().__init__(Provider(), name, {})
"""


def measure(folder: Path, pairs: int = 15, against: Path | None = None) -> dict[str, Any]:
    """Wall seconds of all, measured in turn on a temporary lab.

    On a shared machine one run differs from the next by a fifth, so medians are compared.
    """
    with temporary_lab(folder / "lab") as lab:
        dev = dev_project(folder / "dev", lab)
        dev.script("up", "--stack", STACK, "--timeout", "300").ok()
        empty = Project.make(folder / "empty", lab.environment())
        (empty.folder / "Pulumi.yaml").write_text(
            f"name: empty\nruntime:\n  name: python\n  options:\n    virtualenv: {ROOT / '.venv'}\n"
        )
        (empty.folder / "__main__.py").write_text(EMPTY)
        (empty.folder / "thing.py").write_text(RESOURCE_MODULE)
        empty.pulumi("stack", "init", STACK).ok()
        projects = {"dev": dev, "empty": empty}
        if against:
            projects["there"] = elsewhere(folder / "there", against, lab)
        for project in projects.values():
            project.up(STACK).ok()
        runs = [{name: seconds(project) for name, project in projects.items()} for _ in range(pairs)]
        for project in projects.values():
            project.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK).ok()
    medians = {name: statistics.median(run[name] for run in runs) for name in projects}
    rounded_runs = [{name: round(value, 2) for name, value in run.items()} for run in runs]
    return {**medians, "ratio": medians["dev"] / medians["empty"], "runs": rounded_runs}


def elsewhere(folder: Path, checkout: Path, lab: Lab) -> Project:
    """A project that runs another checkout's program, with a cluster under another name."""
    project = dev_project(folder, lab, name="there")
    (folder / "__main__.py").write_text((checkout / "__main__.py").read_text())
    document = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    # The lab's backend has this checkout's stack under the project's name.
    document["name"] = "there"
    document["runtime"]["options"]["virtualenv"] = str(checkout / ".venv")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(document))
    project.pulumi("stack", "init", STACK).ok()
    project.up(STACK).ok()
    return project


def seconds(project: Project, stack: str = STACK) -> float:
    """Wall seconds of one run."""
    began = time.monotonic()
    project.up(stack).ok()
    return time.monotonic() - began


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    return (
        f"pulumi up without changes, median: {results['dev']:.2f} s; an empty program with one dynamic resource: "
        f"{results['empty']:.2f} s; ratio {results['ratio']:.2f}"
        + (f"; the other checkout: {results['there']:.2f} s" if "there" in results else "")
        + f" (all runs: {results['runs']})"
    )


def main() -> int:
    """Measure and print."""
    import tempfile

    parser = argparse.ArgumentParser(prog="python -m bench.up", description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="rounds (default: 15)")
    parser.add_argument("--against", type=Path, help="another checkout, to be compared with this one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(Path(folder), options.pairs, options.against and options.against.resolve())))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"bench: {error}")
