"""``python -m bench``: all measurements, as tables, and as JSON in a file where one is named."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from . import addons, first_machine, handoff, imports, look, stacks, up


def main() -> None:
    """Measure everything, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), help="file for the figures (default: bench.json)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        handoffs = handoff.measure(Path(folder) / "handoff")
        print(handoff.table(handoffs), flush=True)
        first = first_machine.measure(Path(folder) / "first-machine")
        print(first_machine.table(first), flush=True)
        loads = imports.measure()
        print(imports.table(loads), flush=True)
        ups = up.measure(Path(folder) / "up")
        print(up.table(ups), flush=True)
        charts = addons.measure(Path(folder) / "addons")
        print(addons.table(charts), flush=True)
        looks = look.measure(Path(folder) / "look")
        print(look.table(looks), flush=True)
        many = stacks.measure(Path(folder) / "stacks")
        print(stacks.table(many), flush=True)
    options.json.write_text(
        json.dumps(
            {
                "handoff": handoffs,
                "first_machine": first,
                "imports": loads,
                "up": ups,
                "addons": charts,
                "look": looks,
                "stacks": many,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
