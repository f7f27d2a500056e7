"""Shared base of all groups of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from typing_extensions import Self


class Section(BaseModel):
    """A group of settings: camelCase in YAML, unknown keys refused, unchangeable.

    Each field carries its description, its default and a valid example; the reports, the JSON schema and the README's table
    are made from them. Of a required field the first example also stands in where the given value is wrong, so that the
    rules between settings can still be checked in the same run.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
        defer_build=True,
    )

    @classmethod
    def by_default(cls) -> Self:
        """A group in which every setting has its default, as the default of a field.

        To validate it, as the constructor does, pydantic would build a validator while this package is imported: one for each
        such group beside those of the groups that it is in, and also for providers that a stack does not use.
        """
        # pydantic's plugin for mypy takes what it returns for the class that defines this method.
        return cls.model_construct()  # type: ignore[return-value]


def timeout(default: int, *, longest: int, description: str) -> int:
    """A setting that bounds a wait, in seconds, of at least ten.

    Args:
        default: what the wait may take without it; its example, too.
        longest: the greatest value that it may have.
        description: what is waited for.
    """
    field: int = Field(default, description=description, ge=10, le=longest, examples=[default])
    return field
