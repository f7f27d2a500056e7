"""What is asked of pulumi about a stack, in fewer processes than upstream's workspace starts for it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from pulumi import automation

EMPTY = '{"version": 3, "deployment": {}}'
"""The state of a stack that was made just now."""


class Workspace(automation.LocalWorkspace):
    """A workspace with fewer processes than upstream's, each of which costs more than what it is asked for.

    Attributes:
        state: of the stack, as it was read last, while nothing can have changed it here.
    """

    state = ""

    def select_stack(self, stack_name: str) -> None:
        """See that there is such a stack. The one that the user has selected stays: each command here names its own."""
        self.state = self._answer("stack", "export", "--stack", stack_name)

    def stack_outputs(self, stack_name: str) -> automation.OutputMap:
        """The outputs of a stack in clear, each marked as a secret: which of them are, upstream asks separately."""
        outputs = json.loads(self._answer("stack", "output", "--json", "--show-secrets", "--stack", stack_name))
        return {name: automation.OutputValue(value=value, secret=True) for name, value in outputs.items()}

    def _answer(self, *arguments: str) -> str:
        return self.pulumi_command.run(list(arguments), self.work_dir, self.env_vars).stdout


class Look(Workspace):
    """A workspace for one question, which itself finds out whether there is such a stack."""

    def select_stack(self, stack_name: str) -> None:
        """Ask nothing."""


def state_of(stack: automation.Stack) -> dict[str, Any]:
    """The state with its secrets encrypted: what was read already, once, as it may be another by the next time."""
    workspace = stack.workspace
    text = ""
    if isinstance(workspace, Workspace):
        text, workspace.state = workspace.state, ""
    if not text:
        command = ["stack", "export", "--stack", stack.name]
        text = workspace.pulumi_command.run(command, str(workspace.work_dir), workspace.env_vars).stdout
    state: dict[str, Any] = json.loads(text)
    return {**state, "deployment": state.get("deployment") or {}}


def keep_state(stack: automation.Stack, state: Mapping[str, Any]) -> None:
    """Let the next one who asks for the state have this, which nothing has changed since."""
    if isinstance(stack.workspace, Workspace):
        stack.workspace.state = json.dumps(state)


def without_history(stack: automation.Stack) -> automation.Stack:
    """A stack that does not ask after each operation what that came to, in a process of its own: its events have told."""

    def info(show_secrets: bool = True) -> automation.UpdateSummary:
        return automation.UpdateSummary("", datetime.datetime.now(datetime.timezone.utc), "", {}, {}, "")

    stack.info = info  # type: ignore[method-assign]
    return stack
