"""The program of a stack with checked settings: what inline programs run in their own process."""

from __future__ import annotations

from . import stack
from .settings.model import StackSettings


def run(settings: StackSettings) -> None:
    """Preflight, resources, outputs.

    Raises:
        pulumi.RunError: the management cluster can't take the stack, or a change would be an accident.
    """
    stack.export(stack.declare(settings, stack.check_management(settings)))
