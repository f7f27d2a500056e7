"""Where this program gives advice: each place in its source that makes a blocker, a problem or a hand-off's error."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .project import ROOT

ROOMS = ("tree", "handoff", "checks")

MAKERS = {
    *("Blocker", "Difference", "Problem", "Obstacle", "HandoffError", "Loss"),
    *("failure", "expire", "eventually", "endpoint_conflict"),
}
"""What makes advice: classes, and the functions of the hand-off that take it as an argument."""

FORWARDERS = {
    "handoff/patience.expire",
    "handoff/patience.failure",
    "handoff/patience.eventually",
    "handoff/link.endpoint_conflict",
}
"""Functions that pass on the advice of their callers."""


def places() -> list[str]:
    """``room/module.function#n`` of each place: the n-th of its function."""
    return [
        place
        for room in ROOMS
        for path in sorted((ROOT / "components" / room).rglob("*.py"))
        for place in _of(path, path.relative_to(ROOT / "components").with_suffix("").as_posix())
        if place.partition("#")[0] not in FORWARDERS
    ]


def _of(path: Path, module: str) -> Iterator[str]:
    count: Counter[str] = Counter()
    for function in ast.walk(ast.parse(path.read_text())):
        for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
            if isinstance(node, ast.Call) and _name(node) in MAKERS:
                count[function.name] += 1
                yield f"{module}.{function.name}#{count[function.name]}"


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
