"""Why an operation on a stack did not succeed: one small family, for callers that act on the kind and show the text."""

from __future__ import annotations


class OperationError(Exception):
    """An operation on a stack did not succeed. Its text says what happened, where, and what to do next.

    Attributes:
        output: what the engine printed, for a log; empty where no engine ran.
        exit_code: exit code of the console script for this kind.
    """

    exit_code = 1

    def __init__(self, message: str, *, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class ConfigurationError(OperationError):
    """The request itself is wrong: settings, folder or stack name."""

    exit_code = 2


class ToolMissing(OperationError):
    """A program that the operation needs is not there."""

    exit_code = 3


class Locked(OperationError):
    """Another update holds the stack."""

    exit_code = 4


class EngineFailed(OperationError):
    """The engine ran and reported a failure."""

    exit_code = 5


class NotReady(OperationError):
    """The objects are there, but did not become ready in time."""

    exit_code = 6
