"""Configurations for tests: a small one that is right, and changes of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).parents[1] / "data" / "settings_mistakes.yaml"
DELETE = "DELETE"
"""In a change: leave the key out."""

RIGHT: dict[str, Any] = {
    "cluster": {"name": "prod"},
    "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
    "workerPools": [{"name": "worker-a", "replicas": 3}],
}


def configuration(**changes: Any) -> dict[str, Any]:
    """A right configuration with changes: maps merge, anything else replaces."""
    return changed(copy.deepcopy(RIGHT), changes)


def changed(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with changes, in place."""
    for key, value in changes.items():
        if value == DELETE:
            base.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(base.get(key), dict):
            changed(base[key], value)
        else:
            base[key] = value
    return base


def mistakes() -> list[dict[str, Any]]:
    """The table of wrong configurations: what it ``says``, what to ``set``, the lines of the ``report``."""
    found: list[dict[str, Any]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return found
