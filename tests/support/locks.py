"""An update that Pulumi refuses with the same words each time, until the lock is cleared."""

from __future__ import annotations

from collections.abc import Callable

from kamaji_equinix.automation.repair.lock_wait import wait_until_free
from pulumi.automation import CommandResult, ConcurrentUpdateError


def clear_locks(text: str, stack: str, cancel: Callable[[], object]) -> str:
    """What is told once the locks of a refusal were cleared.

    Args:
        text: what Pulumi says.
        stack: the stack's name.
        cancel: runs ``pulumi cancel --yes``.

    Raises:
        Locked: nothing was cleared.
    """
    reports: list[str] = []

    def attempt() -> None:
        if not reports:
            raise ConcurrentUpdateError(CommandResult(stdout="", stderr=text, code=255))

    wait_until_free(attempt, 0, reports.append, stack=stack, cancel=cancel)
    return reports[-1]
