"""Refresh and destroy with the credentials of today.

The engine takes the provider from the state, with the credentials that the last ``up`` had: a rotated token, or an API server
that moved, and a destroy reaches nothing. An engine that goes on all the same forgets the parts of a Cluster that it could
not delete. So the management cluster is asked first, and a program that registers only the provider renews it in the state.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi import automation

from ..components import preflight
from ..components.stack import CREDENTIALS_ONLY
from .engine import Engine
from .errors import ConfigurationError, PreflightFailed

if TYPE_CHECKING:
    from ..components.api import Api


def prepared(
    stack: automation.Stack, engine: Engine, folder: Path | None, connect: Callable[[automation.Stack], Api]
) -> bool:
    """Make a stack ready for a refresh or destroy.

    Args:
        stack: the stack; its workspace serves this one operation.
        engine: runs pulumi.
        folder: holds the program; None where the caller's process does.
        connect: gives the management cluster's API.

    Returns:
        Whether the operation is to run the program, which then registers the provider alone. A program that is not this
        package's own might do anything in a destroy, so it is not run: the state's credentials have to do.

    Raises:
        PreflightFailed: the management cluster does not answer; nothing was changed.
    """
    workspace = stack.workspace
    command = ["stack", "export", "--stack", stack.name]
    exported = json.loads(engine.run(command, workspace.work_dir, workspace.env_vars).stdout)
    if not (exported.get("deployment") or {}).get("resources"):
        return False
    try:
        why = preflight.no_answer(connect(stack))
    except ConfigurationError:
        # Settings that no `up` could use: the state says all that is needed.
        why = None
    if why:
        raise PreflightFailed(f"{why}\nnothing was deleted or changed", stack=stack.name, seen=why)
    if folder is not None and not runs_stack(folder):
        return False
    workspace.env_vars = {**workspace.env_vars, CREDENTIALS_ONLY: "1"}
    return True


def runs_stack(folder: Path) -> bool:
    """Whether the program of a folder is this package's own."""
    try:
        return "stack.run()" in (folder / "__main__.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
