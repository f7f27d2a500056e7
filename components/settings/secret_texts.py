"""The secrets in settings, in each form that they may have in a chart's objects, an error or output. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from .secrets import secrets_in

SHORTEST_BASE64 = 6
"""Letters of base64 that are no coincidence."""


def secret_texts(value: Any, shortest: int = 1, shortest_line: int = 1) -> Iterator[str]:
    """The secrets in settings, or in values of no fixed shape, and their lines, each as a template may encode it.

    Args:
        value: the settings.
        shortest: least characters of a secret that differs from other words; shorter ones are left out.
        shortest_line: the same of one line of several.
    """
    for text in secrets_in(value):
        lines = (line.strip() for line in text.splitlines())
        for part in {text.strip(), *(line for line in lines if len(line) >= shortest_line)}:
            if len(part) >= shortest:
                yield from {*encodings(part)}


def encodings(text: str) -> Iterator[str]:
    """A text as Helm's functions write it: unchanged, by ``quote``, ``urlquery`` and ``b64enc``, also within other text."""
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote_plus(text)
    raw = text.encode()
    for before in range(3):
        # Base64 of a text depends on the length of the text before it; the letters at its ends depend on the neighbours.
        base64_text = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        middle = base64_text[(0, 2, 3)[before] : len(base64_text) - ((before + len(raw)) % 3 != 0)]
        if len(middle) >= SHORTEST_BASE64:
            yield middle
