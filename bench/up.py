"""How long `pulumi up` takes where nothing changes, beside an empty program with one dynamic resource."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.lab import Lab
from tests.support.project import ROOT, Project, dev_sections

EMPTY = """\
from thing import Thing

Thing("one")
"""

THING = """\
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult("one", {})


class Thing(Resource):
    def __init__(self, name):
        super().__init__(Provider(), name, {})
"""


def measure(folder: Path, pairs: int = 15) -> dict[str, Any]:
    """Wall seconds of both, taken in turn on a lab of the bench's own.

    One run differs from the next by a fifth on a machine with other guests, so their medians are compared.
    """
    lab = Lab(folder / "lab")
    if (started := lab.command("up")).returncode != 0:
        raise RuntimeError(started.stdout)
    try:
        dev = Project.make(folder / "dev", lab.environment())
        # Some containers forbid compiled modules beside their source; then each run would compile this package anew.
        dev.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        dev.configure("dev", **dev_sections(lab.kubeconfig))
        dev.script("up", "--stack", "dev", "--timeout", "300").ok()
        empty = Project.make(folder / "empty", lab.environment())
        (empty.folder / "Pulumi.yaml").write_text(
            f"name: empty\nruntime:\n  name: python\n  options:\n    virtualenv: {ROOT / '.venv'}\n"
        )
        (empty.folder / "__main__.py").write_text(EMPTY)
        (empty.folder / "thing.py").write_text(THING)
        empty.pulumi("stack", "init", "dev").ok()
        for project in (dev, empty):
            project.up("dev").ok()
        runs = [(seconds(dev), seconds(empty)) for _ in range(pairs)]
        dev.script("destroy", "--yes", "--stack", "dev").ok()
    finally:
        lab.command("down")
    dev_median, empty_median = (statistics.median(series) for series in zip(*runs, strict=True))
    return {
        "dev": dev_median,
        "empty": empty_median,
        "ratio": dev_median / empty_median,
        "runs": [(round(one, 2), round(other, 2)) for one, other in runs],
    }


def seconds(project: Project) -> float:
    """One run."""
    began = time.monotonic()
    project.up("dev").ok()
    return time.monotonic() - began


def table(results: dict[str, Any]) -> str:
    """The figures for people."""
    return (
        f"pulumi up without changes, median: {results['dev']:.2f} s; an empty program with one dynamic resource: "
        f"{results['empty']:.2f} s; ratio {results['ratio']:.2f} (all runs: {results['runs']})"
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
