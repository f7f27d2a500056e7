"""The kind of an engine's failure, derived from its messages, so that no caller has to parse them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pulumi import automation

from ...components.checks.preflight import refusal_in
from ...components.handoff.errors import HandoffError
from ...components.settings.report import report_in
from ..errors import ConfigurationError, EngineFailed, HandoffFailed, OperationError, PreflightFailed
from . import advice
from .death import EngineDied
from .lock import lock_error, reported_locks
from .remote_errors import ENGINE_GONE, plain


def failure(
    operation: str,
    stack: str,
    errors: Sequence[tuple[str, str]],
    cause: automation.CommandError,
    output: str,
    *,
    last: str = "",
    backend: str = "",
) -> OperationError:
    """The error of an operation that failed in the engine.

    Args:
        operation: its name.
        stack: the stack's name.
        errors: the engine's error messages, with the cluster that each is about.
        cause: the Automation API's error.
        output: its text, without secrets.
        last: the last event before the failure, in one line; may be empty.
        backend: the backend's URL; empty for the one that ``pulumi login`` chose.
    """
    if isinstance(cause, EngineDied):
        reports = [(cluster, text) for cluster, text in errors if not text.endswith(ENGINE_GONE)]
        return death_error(operation, stack, reports, cause, output, last, backend)
    errors = by_importance(errors)
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
    if errors:
        messages = tuple(dict.fromkeys(text for _, text in errors))
        step = advice.after_failure(operation, messages)
    else:
        messages = (message_of_pulumi(output, last),)
        step = advice.after_message_of_pulumi(messages[0])
    return engine_error(operation, stack, errors, messages, output, step)


def by_importance(errors: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The messages with the causes first, and what only says that something has failed behind them.

    That its engine is gone is a consequence of another failure, and left out, if there is one.

    Args:
        errors: the engine's error messages, with the cluster that each is about.
    """
    summaries = [(cluster, text) for cluster, text in errors if advice.is_summary(text)]
    causes = [(cluster, text) for cluster, text in errors if not advice.is_summary(text)]
    return ([error for error in causes if not error[1].endswith(ENGINE_GONE)] or causes) + summaries


def engine_error(
    operation: str, stack: str, errors: Sequence[tuple[str, str]], messages: tuple[str, ...], output: str, step: str
) -> EngineFailed:
    """The error of a failure that the engine has reported, or pulumi before it.

    Args:
        operation: its name.
        stack: the stack's name.
        errors: the engine's error messages, with the cluster that each is about.
        messages: those to report, the most important first.
        output: the Automation API's text, without secrets.
        step: what to do next; may be empty.
    """
    line = advice.headline(messages[0])
    report = messages[0] if messages[0].startswith(line) else f"{line}\n{messages[0]}"
    error = EngineFailed(
        f"{operation} of stack {stack} failed: {report}" + (f"\n  next: {step}" if step else ""),
        output=output,
        stack=stack,
        cluster=next((cluster for cluster, _ in errors if cluster), ""),
        seen=line,
    )
    error.messages = messages
    return error


def death_error(
    operation: str,
    stack: str,
    errors: Sequence[tuple[str, str]],
    cause: EngineDied,
    output: str,
    last: str,
    backend: str,
) -> EngineFailed:
    """The error of an operation whose engine has died; see :func:`failure`."""
    reports = dict.fromkeys(advice.headline(text) for _, text in errors)
    lines = [
        f"{operation} of stack {stack} failed: {cause.how()}",
        *(f"  it had reported: {report}" for report in reports),
        *([f"  last seen: {last}"] if last else []),
        f"  next: {advice.after_death(operation, stack, backend, cause)}",
    ]
    error = EngineFailed(
        "\n".join(lines),
        output=output,
        stack=stack,
        cluster=next((cluster for cluster, _ in errors if cluster), ""),
        seen=last or next(iter(reports), ""),
    )
    error.messages = (cause.how(), *dict.fromkeys(text for _, text in errors))
    return error


def handoff_error(stack: str, cluster: str, cause: HandoffError, output: str) -> HandoffFailed:
    """The error of a hand-off."""
    error = HandoffFailed(
        f"{cluster}: {cause}", output=output, stack=stack, cluster=cluster, phase=cause.phase, seen=cause.observation
    )
    error.messages, error.elapsed, error.advice = (str(cause),), cause.elapsed, cause.advice
    return error


def message_of_pulumi(output: str, last: str) -> str:
    """What pulumi says of a failure that the engine has not reported: its stderr, or that there is nothing.

    Args:
        output: the Automation API's text for a failed command.
        last: the last event before the failure, in one line; may be empty.
    """
    stderr = plain(output.partition(" stderr: ")[2].strip()).removeprefix("error: ")
    if stderr:
        return stderr
    code = re.search(r"^ code: (-?\d+)$", output, re.MULTILINE)
    end = last or tail(output.partition(" stdout: ")[2] or output)
    return f"the engine (pulumi) ended{f' with exit code {code[1]}' if code else ''} and gave no reason" + (
        f"; last seen: {end}" if end else ""
    )


def tail(output: str, lines: int = 5) -> str:
    """The last lines of the engine's output."""
    return "\n".join([line for line in output.splitlines() if line.strip()][-lines:])
