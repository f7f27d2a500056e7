"""``python -m bench``: all measurements, as tables, and as JSON in a file where one is named."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.controllers import PortConflict, require_webhook_port

from . import addons, first_machine, handoff, imports, look, stacks, up

Measure = Callable[[Path], Any]

MEASURES: dict[str, tuple[Measure, Callable[[Any], str]]] = {
    "handoff": (handoff.measure, handoff.table),
    "first_machine": (first_machine.measure, first_machine.table),
    "imports": (lambda _folder: imports.measure(), imports.table),
    "up": (up.measure, up.table),
    "addons": (addons.measure, addons.table),
    "look": (look.measure, look.table),
    "stacks": (stacks.measure, stacks.table),
}
"""What measures, with a folder for it, and what makes a table of the figures."""


def main() -> None:
    """Measure everything, print the tables, write the JSON: what is measured stays where a later measurement fails."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), help="file for the figures (default: bench.json)"
    )
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    try:
        require_webhook_port()
        with tempfile.TemporaryDirectory() as folder:
            for name, (measure, table) in MEASURES.items():
                figures[name] = measure(Path(folder) / name)
                print(table(figures[name]), flush=True)
                options.json.write_text(json.dumps(figures, indent=1))
    except (PortConflict, RuntimeError) as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
