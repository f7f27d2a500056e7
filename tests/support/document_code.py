"""Code of the documentation, to be run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    """The Python blocks of a page below docs/."""
    code = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    assert code, f"docs/{page} has no code"
    return code


PLUGIN = '"network": {"plugin": "cilium"}'
"""What each example for users has. Upstream's chart is not to be had here, so it runs without."""


def without_plugin(program: str) -> str:
    """A program of a page, for a cluster without a network plugin."""
    assert PLUGIN in program, f"who copies it gets nodes that never become Ready:\n{program}"
    return program.replace(PLUGIN, '"network": {"plugin": "none"}')


def run(page: str, **names: Any) -> dict[str, Any]:
    """Run a page's blocks in their order, in one namespace that begins with some names."""
    space: dict[str, Any] = dict(names)
    for index, block in enumerate(blocks(page)):
        code = without_plugin(block) if '"workerPools"' in block else block
        exec(compile(code, f"docs/{page}, block {index + 1}", "exec"), space)  # noqa: S102 - the project's own code
    return space


def commands(page: str, start: str) -> list[str]:
    """The commands of a page's console blocks that start with some words."""
    text = (ROOT / "docs" / page).read_text()
    consoles = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for console in consoles for line in console.splitlines() if line.startswith("$ ")]
    return [line for line in lines if line.startswith(start)]
