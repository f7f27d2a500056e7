"""Opening a stack: which program, which backend, which environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi import automation

from ..components.settings import StackSettings, load_stack
from ..components.stack import NAMESPACE, decode
from .errors import ConfigurationError, ToolMissing


def engine() -> automation.PulumiCommand:
    """The ``pulumi`` on PATH.

    Raises:
        ToolMissing: there is none, or it is too old.
    """
    try:
        return automation.PulumiCommand()
    except (FileNotFoundError, automation.InvalidVersionError) as error:
        raise ToolMissing(
            f"the pulumi CLI can't be used: {error}. Install Pulumi 3.259 or newer, or run `make toolchain` and "
            "`. .lab/env` in a checkout of kamaji-equinix."
        ) from error


def open_stack(
    name: str, work_dir: Path, *, create: bool = False, environment: Mapping[str, str] | None = None
) -> automation.Stack:
    """Open a stack of the project in ``work_dir``.

    Args:
        name: the stack's name.
        work_dir: folder of Pulumi.yaml.
        create: make the stack where the backend has none of that name.
        environment: variables for the engine beside the process's own.

    Raises:
        ConfigurationError: no project there, or no such stack.
        ToolMissing: no usable ``pulumi``.
    """
    if not (work_dir / "Pulumi.yaml").is_file():
        raise ConfigurationError(f"{work_dir} holds no Pulumi.yaml; name the project's folder with --cwd")
    workspace = automation.LocalWorkspace(
        work_dir=str(work_dir), env_vars=engine_environment(environment), pulumi_command=engine()
    )
    try:
        if create:
            return automation.Stack.create_or_select(name, workspace)
        return automation.Stack.select(name, workspace)
    except automation.StackNotFoundError as error:
        raise ConfigurationError(
            f"the backend {os.environ.get('PULUMI_BACKEND_URL', 'that pulumi is logged in to')} has no stack {name!r}; "
            f"`kamaji-equinix up --stack {name}` creates it"
        ) from error


def engine_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that make the engine run the hand-off with this interpreter, which has the package installed.

    Without ``PULUMI_PYTHON_CMD`` the plugin of an inline program starts as plain ``python3`` (pulumi issue 7960).
    """
    return {
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        **(extra or {}),
    }


def settings_of(stack: automation.Stack) -> StackSettings:
    """The checked settings of a stack, its secrets decrypted.

    Raises:
        SettingsError: with the whole report.
    """
    prefix = f"{NAMESPACE}:"
    config = {
        key.removeprefix(prefix): value for key, value in stack.get_all_config().items() if key.startswith(prefix)
    }
    raw: dict[str, Any] = {key: decode(value.value) for key, value in config.items()}
    return load_stack(raw, secret_paths=frozenset(key for key, value in config.items() if value.secret))
