"""A group of settings by default, which is made without a validator, is what the validator makes of nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kamaji_equinix.components.settings.providers import PROVIDERS
from kamaji_equinix.components.settings.section import Section


def groups(parent: type[Section]) -> Iterator[type[Section]]:
    """All groups of settings in which nothing is required."""
    for group in parent.__subclasses__():
        if not any(field.is_required() for field in group.model_fields.values()):
            yield group
        yield from groups(group)


# They are all loaded once the providers are.
assert PROVIDERS.all(), "there are providers"


@pytest.mark.parametrize("group", sorted(set(groups(Section)), key=lambda group: (group.__module__, group.__name__)))
def test_a_group_by_default_is_what_validation_makes_of_nothing(group: type[Section]) -> None:
    default, validated = group.by_default(), group.model_validate({})
    assert default == validated, "the same values"
    assert default.model_dump() == validated.model_dump(), "of the same types, all the way down"
    assert default.model_dump(exclude_defaults=True) == {}, "which are the defaults"
