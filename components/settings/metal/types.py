"""Types of single settings that only Equinix Metal has."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from ..types import pattern

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SLUG = re.compile(r"[a-z0-9][a-z0-9._-]*")


def project_uuid(value: str) -> str:
    """The UUID of an Equinix Metal project."""
    if not UUID.fullmatch(value):
        raise ValueError("must be the UUID of an Equinix Metal project")
    return value.lower()


def reservation(value: str) -> str:
    """A hardware reservation's UUID, or the word for any."""
    if value != "next-available" and not UUID.fullmatch(value):
        raise ValueError("must be the UUID of a hardware reservation, or next-available")
    return value.lower()


def slug(value: str) -> str:
    """A plan or an operating system as the Metal API names them."""
    if not SLUG.fullmatch(value):
        raise ValueError("must be a slug of the Metal API: lower-case letters, digits, '.', '_' and '-'")
    return value


ProjectId = Annotated[str, AfterValidator(project_uuid), pattern(UUID)]
Reservation = Annotated[str, AfterValidator(reservation), pattern(re.compile(f"next-available|{UUID.pattern}"))]
Slug = Annotated[str, AfterValidator(slug), pattern(SLUG)]
