"""How long a process takes that only imports what a run imports: the program's, and the dynamic provider's plugin.

``python -m bench.imports [--pairs N] [--against CHECKOUT]``; another checkout has a virtual environment of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

from tests.support.project import ROOT

PLUGIN = "import kamaji_equinix.components.endpoint, kamaji_equinix.components.rollout"
"""The imports of the engine's Python plugin for the stored providers."""


def measure(pairs: int = 15, against: Path | None = None) -> dict[str, Any]:
    """Processor seconds of each process, measured in turn; the first round compiles modules and does not count."""
    checkouts = {"here": ROOT, **({"there": against} if against else {})}
    codes = {
        (name, where): (checkout, code)
        for where, checkout in checkouts.items()
        for name, code in (("program", program(checkout)), ("plugin", PLUGIN))
    }
    runs: dict[str, list[float]] = {f"{name} {where}": [] for name, where in codes}
    for _ in range(pairs + 1):
        for (name, where), (checkout, code) in codes.items():
            runs[f"{name} {where}"].append(seconds(checkout, code))
    return {key: {"median": statistics.median(values[1:]), "min": min(values[1:])} for key, values in runs.items()}


def program(checkout: Path) -> str:
    """A checkout's program without its last line, which runs it."""
    return (checkout / "__main__.py").read_text().replace("stack.run()", "")


def seconds(checkout: Path, code: str) -> float:
    """Processor seconds of one process, on which other load of the machine has little effect, unlike on wall time."""
    process = subprocess.Popen([checkout / ".venv/bin/python", "-c", code], cwd="/", env={"PATH": os.environ["PATH"]})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"the imports of {checkout} fail")
    return usage.ru_utime + usage.ru_stime


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    lines = [f"  {key}: {value['median']:.3f} s ({value['min']:.3f} s)" for key, value in results.items()]
    return "\n".join(["imports of a process, processor time, median (least):", *lines])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="rounds (default: 15)")
    parser.add_argument("--against", type=Path, help="another checkout, to be compared with this one")
    options = parser.parse_args()
    print(table(measure(options.pairs, options.against and options.against.resolve())))


if __name__ == "__main__":
    main()
