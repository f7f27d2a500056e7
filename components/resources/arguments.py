"""Arguments of the components: a wrong type is reported at once, in the form of a configuration's report."""

from __future__ import annotations

from typing import Any

from ..settings.report import Problem, SettingsError

HINTS = {"settings": "; pass one of `load_stack(...).clusters`", "pool": "; pass one of `settings.worker_pools`"}


def require(arguments: Any, **kinds: type) -> None:
    """Check that attributes have their types.

    Args:
        arguments: of a component.
        kinds: the type of each attribute.

    Raises:
        SettingsError: names those that have another.
    """
    wrong = [
        Problem(
            f"{type(arguments).__name__}.{name}",
            f"must be {kind.__name__}, is {type(value).__name__}{HINTS.get(name, '')}",
            example=None,
        )
        for name, kind in kinds.items()
        if not isinstance(value := getattr(arguments, name), kind)
    ]
    if wrong:
        raise SettingsError(wrong)
