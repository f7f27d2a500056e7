"""A report of the machines that a destroy deletes: the engine knows of no machines."""

from __future__ import annotations

from ...components.checks.teardown import machines_of_stack
from ...components.kube.client import ApiError
from ..engine.translator import Translator
from .renewal import StackContents


def announce(before: StackContents, translate: Translator) -> None:
    """Report the machines that will be deleted, by pool.

    Args:
        before: the stack's resources.
        translate: takes the reports.
    """
    if before.api is None:
        return
    try:
        for change in machines_of_stack(before.api, before.resources):
            translate.change(change)
    except ApiError as error:
        translate.remark(f"the machines that go can't be counted: {error}")
