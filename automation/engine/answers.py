"""Questions to pulumi about a stack, in fewer processes than upstream's workspace starts."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from pulumi import automation

EMPTY = '{"version": 3, "deployment": {}}'
"""The state of a new stack."""


class Workspace(automation.LocalWorkspace):
    """A workspace with fewer processes than upstream's, because each process costs more than its answer.

    Attributes:
        state: of the stack as it was last read, until this process may have changed it.
        config: the stack's configuration in clear as it was last read, until this process writes it; None before.
    """

    state = ""
    config: automation.ConfigMap | None = None

    def select_stack(self, stack_name: str) -> None:
        """Check that the stack exists. The user's selection stays, because each command here names its stack."""
        self.state = self._answer("stack", "export", "--stack", stack_name)

    def get_all_config(self, stack_name: str) -> automation.ConfigMap:
        """The configuration of the stack, its secrets decrypted; read once, because a workspace serves one operation."""
        if self.config is None:
            self.config = super().get_all_config(stack_name)
        return self.config

    def stack_outputs(self, stack_name: str) -> automation.OutputMap:
        """The outputs of a stack in clear, all marked as secrets: upstream asks in another process which of them are."""
        outputs = json.loads(self._answer("stack", "output", "--json", "--show-secrets", "--stack", stack_name))
        return {name: automation.OutputValue(value=value, secret=True) for name, value in outputs.items()}

    def _answer(self, *arguments: str) -> str:
        return self.pulumi_command.run(list(arguments), self.work_dir, self.env_vars).stdout


class Look(Workspace):
    """A workspace for one question, whose command itself fails where there is no such stack."""

    def select_stack(self, stack_name: str) -> None:
        """Ask nothing."""


def state_of(stack: automation.Stack) -> dict[str, Any]:
    """The state with its secrets encrypted. A state that was read before is used only once, because it may change."""
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
    """Keep a state for the next call of :func:`state_of`, because nothing has changed it since."""
    if isinstance(stack.workspace, Workspace):
        stack.workspace.state = json.dumps(state)


def forget_config(stack: automation.Stack) -> None:
    """Read the configuration anew when it is asked for: it was written."""
    if isinstance(stack.workspace, Workspace):
        stack.workspace.config = None


def without_history(stack: automation.Stack) -> automation.Stack:
    """A stack without the process that reads each operation's summary: the events already have it."""

    def info(show_secrets: bool = True) -> automation.UpdateSummary:
        return automation.UpdateSummary("", datetime.datetime.now(datetime.timezone.utc), "", {}, {}, "")

    stack.info = info  # type: ignore[method-assign]
    return stack
