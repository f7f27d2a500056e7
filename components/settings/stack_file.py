"""Reading ``Pulumi.<env>.yaml`` without the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .report import Concealed, path_of

NAMESPACE = "kamaji-equinix"
"""Namespace of the configuration keys, and the project's name: keys without a namespace are the project's."""


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice in a map, as the engine does; YAML's own rule would let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A map, each of whose keys stands once."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    "while reading a map", node.start_mark, f"found key {key.value!r} twice", key.start_mark
                )
            seen.add((key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)


class StackFileError(ValueError):
    """The file is not there, or is no stack's file."""


def read_stack_file(path: Path) -> tuple[dict[str, Any], frozenset[str]]:
    """A stack's configuration as raw values by key, and the paths that are encrypted.

    Encrypted values can't be read without the engine: a ``Concealed`` stands for each, and the checks let it pass.

    Raises:
        StackFileError: says what is wrong with the file.
    """
    try:
        return sections(yaml.load(path.read_text(encoding="utf-8"), Strict))  # noqa: S506
    except FileNotFoundError:
        raise StackFileError("there is no such file; --stack names another stack") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StackFileError(f"can't be read: {error}") from None
    except yaml.YAMLError as error:
        raise StackFileError(f"is no YAML: {error}") from None
    except RecursionError:
        raise StackFileError("holds a value that contains itself, or is nested too deep") from None


def sections(whole: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """This program's values in the content of a stack's file, by key, and the paths that are encrypted.

    Raises:
        StackFileError: it is no content of a stack's file.
    """
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
