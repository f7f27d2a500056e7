"""A configuration on Metal3 with another value in some place, and the form of a mistake there."""

from __future__ import annotations

import copy
from typing import Any

from tests.support.metal3_settings import FULL

Json = dict[str, Any]
Mistake = tuple[str, Json, str, str]
"""A name, the settings, and the path and rule that the report names."""

NETWORK = "metal3.networkData"


def put(path: str, value: Any, raw: Json | None = None) -> Json:
    """``FULL`` with a value at a path; None leaves the key out."""
    whole = copy.deepcopy(raw or FULL)
    *parents, name = path.replace("[", ".").replace("]", "").split(".")
    target: Any = whole
    for step in parents:
        target = target[int(step) if step.isdigit() else step]
    key = int(name) if name.isdigit() else name
    if value is None:
        del target[key]
    elif isinstance(target, list) and isinstance(key, int) and key >= len(target):
        target.append(value)
    else:
        target[key] = value
    return whole
