"""What all groups of settings share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


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
