"""The errors of operations on a stack, for callers that act on the kind and show the text."""

from __future__ import annotations

from collections.abc import Sequence


class OperationError(Exception):
    """An operation on a stack did not succeed. Its text says what happened, where, and what to do next.

    Attributes:
        stack: the stack's name; empty where none was opened.
        cluster: the cluster that it is about, as ``namespace/name``; empty where it is about all of them.
        phase: where it stopped: a phase of the hand-off, or ``settings``, ``preflight``, ``lock``, ``engine``, ``ready``,
            ``gone``.
        seen: the last observation, in one line; may be empty.
        output: what the engine printed, for a log; empty where no engine ran.
        exit_code: exit code of the console script for this kind.
    """

    exit_code = 1
    phase = ""

    def __init__(
        self, message: str, *, output: str = "", stack: str = "", cluster: str = "", phase: str = "", seen: str = ""
    ) -> None:
        super().__init__(message)
        self.output, self.stack, self.cluster, self.seen = output, stack, cluster, seen
        self.phase = phase or type(self).phase


class ConfigurationError(OperationError):
    """The request itself is wrong: settings, folder, backend or stack name.

    Attributes:
        problems: each mistake in the settings, as a line.
    """

    exit_code = 2
    phase = "settings"

    def __init__(self, message: str, *, problems: Sequence[str] = (), output: str = "", stack: str = "") -> None:
        super().__init__(message, output=output, stack=stack)
        self.problems = tuple(problems)


class StackMissing(ConfigurationError):
    """The backend has no stack of that name."""


class ToolMissing(OperationError):
    """A program that the operation needs is not there."""

    exit_code = 3
    phase = "engine"


class Locked(OperationError):
    """Another update holds the stack.

    Attributes:
        holders: the updates, as ``user@host, process N, since TIME``, where the backend names them.
    """

    exit_code = 4
    phase = "lock"

    def __init__(self, message: str, *, holders: Sequence[str] = (), output: str = "", stack: str = "") -> None:
        super().__init__(message, output=output, stack=stack)
        self.holders = tuple(holders)


class EngineFailed(OperationError):
    """The engine ran and reported a failure.

    Attributes:
        messages: its error messages, without those that only repeat another.
    """

    exit_code = 5
    phase = "engine"
    messages: tuple[str, ...] = ()


class HandoffFailed(EngineFailed):
    """The control plane of a cluster was not handed off; no machine was bought for it.

    Attributes:
        elapsed: seconds since the hand-off began.
        advice: what to do next.
    """

    elapsed: float = 0.0
    advice: str = ""


class NotReady(OperationError):
    """The objects exist, but did not become ready in time."""

    exit_code = 6
    phase = "ready"


class PreflightFailed(OperationError):
    """The management cluster can't take the stack, or a destroy would meet what is protected; nothing was changed."""

    exit_code = 7
    phase = "preflight"


class NotGone(OperationError):
    """A destroy has deleted the stack's resources, but something that hung on them is held."""

    exit_code = 8
    phase = "gone"


class Cancelled(OperationError):
    """The operation was stopped on request; the next up or destroy goes on from there."""

    exit_code = 130
    phase = "engine"


class TimedOut(Cancelled):
    """The operation was stopped because its time was over; the next up or destroy goes on from there."""

    exit_code = 124
