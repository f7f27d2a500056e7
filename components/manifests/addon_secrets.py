"""The secrets of an add-on's values, in each form that a chart's templates may give them. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from ..settings.secrets import secrets_in

SHORTEST_ENCODED = 6
"""So many letters of base64 are no coincidence."""


def secret_texts(value: Any) -> Iterator[str]:
    """The secret texts in values, and their lines: a template may indent them. Each as a template may encode it, too."""
    for text in secrets_in(value):
        lines = {*filter(None, (line.strip() for line in text.splitlines()))}
        yield from {form for each in (text, *lines) if each for form in encodings(each)}


def encodings(text: str) -> Iterator[str]:
    """A text as Helm's functions write it: as it is, by ``quote``, ``urlquery``, ``b64enc`` amid other text too."""
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote_plus(text)
    raw = text.encode()
    for before in range(3):
        # Base64 of a text differs with what stands before it; the letters at its ends depend on its neighbours.
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        middle = encoded[(0, 2, 3)[before] : len(encoded) - ((before + len(raw)) % 3 != 0)]
        if len(middle) >= SHORTEST_ENCODED:
            yield middle
