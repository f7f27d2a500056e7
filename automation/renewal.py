"""Refresh and destroy where the credentials of the last ``up`` do not work any more.

The engine takes the provider of both from the state: with a rotated token, or an API server that moved, it reaches nothing.
And an engine that goes on all the same forgets the parts of a Cluster that it could not delete. So the management cluster is
asked first, and a destroy runs a program that registers only the provider, which renews it in the state. A refresh doesn't,
because the stack would lose the outputs that this program does not export.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi import automation

from ..components import preflight
from ..components.stack import CREDENTIALS_ONLY
from .engine import Engine
from .errors import ConfigurationError, PreflightFailed

if TYPE_CHECKING:
    from ..components.api import Api

Connect = Callable[[automation.Stack], "Api"]
"""Gives the management cluster's API."""

STALE = re.compile(r"cluster is unreachable|provide credentials|Unauthorized")
"""What pulumi-kubernetes says with credentials that do not work."""


def prepared(stack: automation.Stack, engine: Engine, folder: Path | None, connect: Connect) -> bool:
    """Make a stack ready for a destroy.

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
    if not answers(stack, engine, connect) or (folder is not None and not runs_stack(folder)):
        return False
    workspace.env_vars = {**workspace.env_vars, CREDENTIALS_ONLY: "1"}
    return True


@contextlib.contextmanager
def explained(stack: automation.Stack, engine: Engine, connect: Connect) -> Iterator[None]:
    """Say of a refresh that fails with the state's credentials what renews them.

    Raises:
        PreflightFailed: the management cluster does not answer, or not to those credentials; nothing was changed.
    """
    there = answers(stack, engine, connect)
    try:
        yield
    except automation.CommandError as error:
        if not there or not STALE.search(str(error)):
            raise
        raise PreflightFailed(
            "the management cluster answers, but not to the credentials that the stack's state holds, which are those of the "
            "last `up`; `up` renews them. Nothing was changed.",
            output=str(error),
            stack=stack.name,
        ) from error


def answers(stack: automation.Stack, engine: Engine, connect: Connect) -> bool:
    """Whether the management cluster answers; False where the stack needs none of it, being empty, or can't tell.

    Raises:
        PreflightFailed: it does not.
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
        return True
    if why:
        raise PreflightFailed(f"{why}\nnothing was deleted or changed", stack=stack.name, seen=why)
    return True


def runs_stack(folder: Path) -> bool:
    """Whether the program of a folder is this package's own."""
    try:
        return "stack.run()" in (folder / "__main__.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
