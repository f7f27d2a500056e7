"""The kind of an engine's failure, derived from its messages, so that no caller has to parse them."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import automation

from ...components.checks.preflight import refusal_in
from ...components.handoff.errors import HandoffError
from ...components.settings.report import report_in
from ..errors import ConfigurationError, EngineFailed, HandoffFailed, OperationError, PreflightFailed
from .lock import lock_error, reported_locks


def failure(
    operation: str, stack: str, errors: Sequence[tuple[str, str]], cause: automation.CommandError, output: str
) -> OperationError:
    """The error of an operation that failed in the engine.

    Args:
        operation: its name.
        stack: the stack's name.
        errors: the engine's error messages, with the cluster that each is about.
        cause: the Automation API's error.
        output: its text, without secrets.
    """
    if isinstance(cause, automation.ConcurrentUpdateError):
        return lock_error(stack, reported_locks(output), output)
    for cluster, text in errors:
        if error := HandoffError.parse(text):
            return handoff_error(stack, cluster, error, output)
    whole = "\n".join(text for _, text in errors)
    if mistakes := report_in(whole):
        return ConfigurationError(mistakes[0], problems=mistakes[1], output=output, stack=stack)
    if obstacles := refusal_in(whole):
        return PreflightFailed(obstacles[0], output=output, stack=stack, seen=obstacles[1])
    messages = tuple(dict.fromkeys(text for _, text in errors)) or (stderr_of(output),)
    # Without a message of the engine's nothing started: a wrong name, passphrase or backend stays wrong.
    again = "\nRunning it again goes on from here." if errors else ""
    engine_error = EngineFailed(
        f"{operation} of stack {stack} failed: {messages[0]}{again}",
        output=output,
        stack=stack,
        cluster=next((cluster for cluster, _ in errors if cluster), ""),
        seen=messages[0].splitlines()[0],
    )
    engine_error.messages = messages
    return engine_error


def handoff_error(stack: str, cluster: str, cause: HandoffError, output: str) -> HandoffFailed:
    """The error of a hand-off."""
    error = HandoffFailed(
        f"{cluster}: {cause}", output=output, stack=stack, cluster=cluster, phase=cause.phase, seen=cause.observation
    )
    error.messages, error.elapsed, error.advice = (str(cause),), cause.elapsed, cause.advice
    return error


def stderr_of(output: str) -> str:
    """Pulumi's stderr in the Automation API's text for a failed command; the last lines of another text."""
    stderr = output.partition(" stderr: ")[2].strip()
    return stderr.removeprefix("error: ") or tail(output)


def tail(output: str, lines: int = 5) -> str:
    """The last lines of the engine's output."""
    return "\n".join([line for line in output.splitlines() if line.strip()][-lines:])
