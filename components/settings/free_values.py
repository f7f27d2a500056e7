"""Values of no fixed shape, such as a Helm chart's: which of them the engine passes on unchanged.

A stack's file holds only such values; other code may pass anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from .report import path_of

LARGEST_WHOLE = 2**53
"""The engine's protocol knows 64-bit floating-point numbers alone (``google.protobuf.Value``)."""


def check_free_values(value: dict[str, Any]) -> dict[str, Any]:
    """A map whose values all arrive unchanged.

    Raises:
        ValueError: names the values that would not, by their place in the map.
    """
    problems = [f"{path} {rule}" for path, rule in losses(value)]
    if problems:
        raise ValueError("; ".join(problems[:3]))
    return value


def losses(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The places of values that would not arrive unchanged, each with the rule."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from losses(item, path_of(path, (key,)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from losses(item, path_of(path, (index,)))
    elif isinstance(value, bool | str | SecretStr) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > LARGEST_WHOLE:
            yield path, "is a number that the engine rounds: write it as text"
    elif not isinstance(value, float):
        yield path, f"is a {type(value).__name__}: must be text, a number, true or false, a list or a map"
    elif not math.isfinite(value):
        yield path, "is no number that JSON knows"
