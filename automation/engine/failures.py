"""What kind of failure an engine reported: read off its messages, so that no caller has to parse any."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pulumi import automation

from ...components.handoff.errors import HandoffError
from ..errors import ConfigurationError, EngineFailed, HandoffFailed, OperationError, PreflightFailed
from .lock import refused, reported_locks

SETTINGS = re.compile(r"the stack's configuration has \d+ mistakes?.*", re.DOTALL)
PREFLIGHT = re.compile(r"management cluster[^\n]*:\n- .*nothing was created or changed", re.DOTALL)


def failure(
    operation: str, stack: str, errors: Sequence[tuple[str, str]], cause: automation.CommandError
) -> OperationError:
    """The error of an operation that failed in the engine.

    Args:
        operation: what was done.
        stack: the stack's name.
        errors: the engine's error messages, with the cluster that each is about.
        cause: what the Automation API raised.
    """
    output = str(cause)
    if isinstance(cause, automation.ConcurrentUpdateError):
        return refused(stack, reported_locks(output), output)
    for cluster, text in errors:
        if found := HandoffError.parse(text):
            return handoff_failed(stack, cluster, found, output)
    whole = "\n".join(text for _, text in errors)
    if found_settings := SETTINGS.search(whole):
        lines = [line.strip() for line in found_settings[0].splitlines()]
        problems = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
        return ConfigurationError(found_settings[0], problems=problems, output=output, stack=stack)
    if found_preflight := PREFLIGHT.search(whole):
        return PreflightFailed(found_preflight[0], output=output, stack=stack, seen=found_preflight[0].splitlines()[1])
    messages = tuple(dict.fromkeys(text for _, text in errors)) or (said(output),)
    # Without a message of the engine's nothing began: a wrong name, passphrase or backend stays wrong.
    again = "\nRunning it again goes on from here." if errors else ""
    error = EngineFailed(
        f"{operation} of stack {stack} failed: {messages[0]}{again}",
        output=output,
        stack=stack,
        cluster=next((cluster for cluster, _ in errors if cluster), ""),
        seen=messages[0].splitlines()[0],
    )
    error.messages = messages
    return error


def handoff_failed(stack: str, cluster: str, found: HandoffError, output: str) -> HandoffFailed:
    """The error of a hand-off."""
    error = HandoffFailed(
        f"{cluster}: {found}", output=output, stack=stack, cluster=cluster, phase=found.phase, seen=found.seen
    )
    error.messages, error.elapsed, error.advice = (str(found),), found.elapsed, found.advice
    return error


def said(output: str) -> str:
    """What pulumi wrote to stderr, of the Automation API's text for a failed command; its last lines where that is not it."""
    stderr = output.partition(" stderr: ")[2].strip()
    return stderr.removeprefix("error: ") or tail(output)


def tail(output: str, lines: int = 5) -> str:
    """The last lines of what the engine printed."""
    return "\n".join([line for line in output.splitlines() if line.strip()][-lines:])
