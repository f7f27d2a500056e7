"""The secrets in settings, in each form that what comes of them may have: a chart's objects, an error, output. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from .secrets import secrets_in

SHORTEST_ENCODED = 6
"""So many letters of base64 are no coincidence."""


def secret_texts(value: Any, shortest: int = 1, shortest_line: int = 1) -> Iterator[str]:
    """The secrets in settings, or in values of no fixed shape, and their lines, each as a template may encode it.

    Args:
        value: the settings.
        shortest: characters of a secret that can be told from other words; shorter ones are left out.
        shortest_line: the same of one line of several.
    """
    for text in secrets_in(value):
        lines = (line.strip() for line in text.splitlines())
        for each in {text.strip(), *(line for line in lines if len(line) >= shortest_line)}:
            if len(each) >= shortest:
                yield from {*encodings(each)}


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
