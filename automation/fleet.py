"""Many stacks from one process, some at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from .arguments import check_arguments
from .cluster_stack import ClusterStack
from .engine.process import Cancellation
from .errors import Cancelled, OperationError

Value = TypeVar("Value")

WIDTH = 200
"""Longest first line of a failure, in characters; a longer one is repeated in full below it."""


@dataclass(frozen=True)
class Outcome(Generic[Value]):
    """The result of an operation on one stack.

    Attributes:
        stack: the stack's name.
        value: the operation's return value; None where it failed.
        error: why it failed; None where it did not.
        seconds: its duration, without the wait for its turn.
    """

    stack: str
    value: Value | None
    error: OperationError | None
    seconds: float

    def lines(self) -> list[str]:
        """The result as text: a line that says what happened, and below it, indented, the rest of an error."""
        if self.error is None:
            return [f"{self.stack}: succeeded ({self.seconds:.0f} s)"]
        text = str(self.error).strip() or type(self.error).__name__
        first, *others = [line for line in text.splitlines() if line.strip()]
        first = re.sub(rf"^\w+ of stack {re.escape(self.stack)} failed: ", "", first)
        if len(first) > WIDTH:
            first, others = f"{first[: WIDTH - 3]}...", [first, *others]
        return [f"{self.stack}: failed after {self.seconds:.0f} s: {first}", *(f"    {line}" for line in others)]


@dataclass(frozen=True)
class Summary(Generic[Value]):
    """The results of an operation on all stacks.

    Attributes:
        outcomes: one for each stack, in the order of the stacks.
        seconds: duration of all together.
    """

    outcomes: tuple[Outcome[Value], ...]
    seconds: float

    @property
    def failed(self) -> tuple[Outcome[Value], ...]:
        """The outcomes with an error."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)

    def values(self) -> dict[str, Value]:
        """The operation's return values, by stack.

        Raises:
            FleetError: some failed.
        """
        if self.failed:
            raise FleetError(self)
        return {outcome.stack: outcome.value for outcome in self.outcomes if outcome.value is not None}

    def __str__(self) -> str:
        lines = [line for outcome in self.outcomes for line in outcome.lines()]
        success_count = len(self.outcomes) - len(self.failed)
        return "\n".join([f"{success_count} of {len(self.outcomes)} stacks succeeded in {self.seconds:.0f} s", *lines])


class FleetError(OperationError):
    """The operation failed on some stacks.

    Attributes:
        summary: the results on all of them.
    """

    def __init__(self, summary: Summary[Value]) -> None:
        super().__init__(str(summary))
        self.summary = summary


@check_arguments
def on_all(
    stacks: Sequence[ClusterStack],
    operation: Callable[[ClusterStack], Value],
    *,
    at_once: Annotated[int, Field(ge=1)] = 4,
    cancellation: Cancellation | None = None,
) -> Summary[Value]:
    """Run an operation on many stacks. One that fails does not stop the others.

    Args:
        stacks: different stacks; one stack twice would be refused by its own lock.
        operation: called with each, in a thread; such as ``lambda stack: stack.up(wait=900)``.
        at_once: how many at a time. Each runs an engine and its plugins: about 250 MB, and a core while it starts.
        cancellation: after its request no further stack is started; pass it to the operations too, to stop those that run.

    Returns:
        The results; the failure of a stack raises no error.
    """
    began = time.monotonic()

    def run_operation(stack: ClusterStack) -> Outcome[Value]:
        start = time.monotonic()
        value: Value | None = None
        error: OperationError | None = None
        try:
            if cancellation is not None and cancellation.requested:
                raise Cancelled(f"stack {stack.name} was not started: stopped {cancellation.reason}", stack=stack.name)
            value = operation(stack)
        except OperationError as operation_error:
            error = operation_error
        except Exception as cause:  # noqa: BLE001 - it is the caller's function, and the others go on
            error = OperationError(f"{type(cause).__name__}: {cause}", stack=stack.name)
            error.__cause__ = cause
        return Outcome(stack.name, value, error, time.monotonic() - start)

    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="stack") as pool:
        try:
            outcomes = tuple(pool.map(run_operation, stacks))
        except KeyboardInterrupt:
            if cancellation is not None:
                cancellation.request("by Ctrl-C")
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return Summary(outcomes, time.monotonic() - began)
