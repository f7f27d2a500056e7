"""The values of a stack's file, which show what of the engine's values is secret."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from . import engine_yaml
from .engine_scalars import YamlError
from .engine_yaml import Map
from .namespace import NAMESPACE
from .secrets import secret_paths_of
from .stack_file import StackFileError, sections

STACK_FILE = "KAMAJI_EQUINIX_STACK_FILE"
"""Environment variable with the stack's file, for a `pulumi up --config-file`: the engine does not tell it."""


def secret_paths(values: Mapping[str, Any], keys: Collection[str], folder: Path, stack: str) -> frozenset[str]:
    """The paths of secrets among the values that the engine passes.

    Args:
        values: decoded values by key.
        keys: the keys that contain a secret, as the engine reports them.
        folder: the project's folder.
        stack: the stack's name, with or without organization and project.
    """
    return secret_paths_of(
        values, keys, file_values(stack_file(folder, stack.rpartition("/")[2]), folder) if keys else {}
    )


def stack_file(folder: Path, stack: str) -> Path:
    """Where a stack's file is, as the engine looks for it (``DetectProjectStackPath`` of go/common/workspace/paths.go)."""
    if place := os.environ.get(STACK_FILE):
        return Path(place)
    return folder / str(project(folder).get("stackConfigDir") or ".") / f"Pulumi.{stack}.yaml"


def project(folder: Path) -> dict[Any, Any]:
    """The content of a project's file; empty where there is none."""
    for name in ("Pulumi.yaml", "Pulumi.yml"):
        try:
            whole = engine_yaml.load((folder / name).read_bytes())
        except (OSError, YamlError):
            continue
        return dict(whole.items.values()) if isinstance(whole, Map) else {}
    return {}


def file_values(path: Path, folder: Path) -> dict[str, Any]:
    """The values of a stack's file by key, with placeholders for encrypted ones; empty where it can't be read.

    Args:
        path: the file.
        folder: the project's, whose name keys without a namespace have.
    """
    try:
        return sections(path.read_bytes(), str(project(folder).get("name") or NAMESPACE))[0]
    except (OSError, StackFileError):
        return {}
