"""Escapes in double quotes that yaml.v3 (scannerc.go, v3.0.1) knows and libyaml does not, and the other way round. Pure."""

from __future__ import annotations

import re

import yaml

from .engine_scalars import YamlError

MOST = 1000
"""Limit of apostrophes with a backslash before them."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def as_text(data: bytes) -> str:
    """The text that the parser's marks refer to; empty for another encoding than UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""


def with_apostrophe(data: bytes, error: yaml.YAMLError) -> bytes | None:
    r"""The data without the backslash of a ``\'`` that libyaml stumbled over; None where that is not the error."""
    mark = getattr(error, "problem_mark", None)
    if mark is None or "unknown escape character" not in str(error):
        return None
    text, index = as_text(data), mark.index
    for at in (index, index + 1):
        if text[at - 1 : at + 1] == "\\'":
            return (text[: at - 1] + text[at:]).encode()
    return None


def check(raw: str, line: int) -> None:
    r"""Check that a double-quoted scalar holds no ``\/``, which libyaml accepts and yaml.v3 does not.

    Args:
        raw: the scalar with its quotes.
        line: where it begins.

    Raises:
        YamlError: it does.
    """
    if any(match[1] == "/" for match in _ESCAPE.finditer(raw)):
        raise YamlError(f"is no YAML to the engine: '\\/' in the text of line {line} is no escape; write '/'")
