"""Reading ``Pulumi.<env>.yaml`` without the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .settings_report import Concealed, path_of

NAMESPACE = "kamaji-equinix"
"""Namespace of the configuration keys, and the project's name: keys without a namespace are the project's."""


class StackFileError(ValueError):
    """The file is not there, or is no stack's file."""


def read_stack_file(path: Path) -> tuple[dict[str, Any], frozenset[str]]:
    """A stack's configuration as raw values by key, and the paths that are encrypted.

    Encrypted values can't be read without the engine: a ``Concealed`` stands for each, and the checks let it pass.

    Raises:
        StackFileError: says what is wrong with the file.
    """
    try:
        whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StackFileError("there is no such file; --stack names another stack") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StackFileError(f"can't be read: {error}") from None
    except yaml.YAMLError as error:
        raise StackFileError(f"is no YAML: {error}") from None
    config = whole.get("config") if isinstance(whole, dict) else whole
    if config is None:
        return {}, frozenset()
    if not isinstance(config, dict):
        raise StackFileError("must hold a map with the key `config`, itself a map of `kamaji-equinix:<key>`")
    values: dict[str, Any] = {}
    secret: set[str] = set()
    for name, value in config.items():
        namespace, colon, key = str(name).rpartition(":")
        if namespace == NAMESPACE or not colon:
            values[key] = concealed(value, key, secret)
    return values, frozenset(secret)


def concealed(value: Any, path: str, secret: set[str]) -> Any:
    """A value with its encrypted parts replaced; their paths go to ``secret``."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            secret.add(path)
            return Concealed(path)
        return {key: concealed(item, path_of(path, (str(key),)), secret) for key, item in value.items()}
    if isinstance(value, list):
        return [concealed(item, path_of(path, (index,)), secret) for index, item in enumerate(value)]
    return value
