"""The manifests of a stack as YAML, without engine, cluster or plugin."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from . import manifests
from .settings import SettingsError, StackSettings, load_stack

NAMESPACE = "kamaji-equinix"
SECRET = "stored-as-a-secret"  # noqa: S105 - a placeholder
"""Stands for an encrypted value of a stack's file; no manifest holds one."""


class Block(yaml.SafeDumper):
    """Writes text of several lines as a block, so that commands can be read."""


def block(dumper: Block, text: str) -> yaml.ScalarNode:
    """A block for text of several lines."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Block.add_representer(str, block)


def render(stack: StackSettings) -> str:
    """All manifests of a stack, in an order in which ``kubectl apply`` takes them; the same settings give the same text."""
    parts = []
    for tenant in stack.clusters:
        for document in manifests.documents(tenant):
            parts.append(yaml.dump(document, Dumper=Block, sort_keys=False, width=120))
    return "---\n".join(parts)


def read_stack_file(path: Path) -> tuple[dict[str, Any], frozenset[str]]:
    """A stack's configuration file as raw values by key, and the keys that hold secrets, which stay unread."""
    config = (yaml.safe_load(path.read_text()) or {}).get("config") or {}
    prefix = f"{NAMESPACE}:"
    values = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    return {key: concealed(value) for key, value in values.items()}, frozenset(
        key for key, value in values.items() if concealed(value) != value
    )


def concealed(value: Any) -> Any:
    """A value with its encrypted parts replaced by a placeholder."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return SECRET
        return {key: concealed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [concealed(item) for item in value]
    return value


def main() -> int:
    """``python -m kamaji_equinix.components.render``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", default="dev")
    options = parser.parse_args()
    path = Path(f"Pulumi.{options.stack}.yaml")
    try:
        values, secret = read_stack_file(path)
        sys.stdout.write(render(load_stack(values, secret)))
    except FileNotFoundError:
        print(f"error: there is no {path} in this folder; --stack names another", file=sys.stderr)
        return 2
    except (SettingsError, yaml.YAMLError) as error:
        print(f"error: {path}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
