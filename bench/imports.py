"""How long a process takes that only imports what a run imports: the program's, and the dynamic provider's plugin.

``python -m bench.imports [--pairs N] [--against CHECKOUT]``; another checkout has a virtual environment of its own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.support.project import ROOT

PROCESSES = {
    "program": "import kamaji_equinix.components.stack",
    "plugin": "import kamaji_equinix.components.endpoint, kamaji_equinix.components.rollout",
}
"""What a stack's program imports, and what the engine's Python plugin imports to unpickle the stored providers."""


def measure(pairs: int = 15, against: Path | None = None) -> dict[str, Any]:
    """Wall seconds of each process, all taken in turn; the first round, which compiles, does not count."""
    checkouts = {"here": ROOT, **({"there": against} if against else {})}
    runs: dict[str, list[float]] = {f"{name} {where}": [] for name in PROCESSES for where in checkouts}
    for _ in range(pairs + 1):
        for name, code in PROCESSES.items():
            for where, checkout in checkouts.items():
                runs[f"{name} {where}"].append(seconds(checkout, code))
    return {key: {"median": statistics.median(values[1:]), "min": min(values[1:])} for key, values in runs.items()}


def seconds(checkout: Path, code: str) -> float:
    """One process."""
    began = time.monotonic()
    # The program's own setting: see ``__main__.py``.
    environment = {"PYDANTIC_DISABLE_PLUGINS": "__all__", "PATH": "/usr/bin:/bin"}
    subprocess.run([checkout / ".venv/bin/python", "-c", code], check=True, cwd="/", env=environment)
    return time.monotonic() - began


def table(results: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"  {key}: {value['median']:.3f} s ({value['min']:.3f} s)" for key, value in results.items()]
    return "\n".join(["imports of a process, median (least):", *lines])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="rounds (default: 15)")
    parser.add_argument("--against", type=Path, help="another checkout, to be compared with this one")
    options = parser.parse_args()
    print(table(measure(options.pairs, options.against and options.against.resolve())))


if __name__ == "__main__":
    main()
