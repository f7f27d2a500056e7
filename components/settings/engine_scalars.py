"""The meaning of plain text for Pulumi's engine: a scalar's tag and value, as in resolve.go of gopkg.in/yaml.v3 (v3.0.1)."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from typing import Any

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:(?P<between>[Tt ])(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-9]{1,2})(?:[.,](?P<fraction>[0-9]+))?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_STANDARD = ("!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp")


class YamlError(ValueError):
    """The engine can't read it either."""


@dataclass(frozen=True)
class Timestamp:
    """A point in time.

    Attributes:
        engine: what the engine makes of it: Go's ``time.Time.String``.
        text: as the engine writes it into YAML (RFC 3339).
    """

    engine: str
    text: str


def resolve(tag: str, text: str) -> tuple[str, Any]:
    """Tag and value of plain text.

    Args:
        tag: the tag that it carries, in short form; empty for none.
        text: what stands there.

    Raises:
        YamlError: the text can't be what the tag says.
    """
    if tag and tag not in _STANDARD:
        return tag, text
    if tag == "!!str":
        return tag, text
    plain_tag, value = meaning(text, dates=tag in ("", "!!timestamp"))
    if tag in ("", plain_tag):
        return plain_tag, value
    if tag == "!!float" and plain_tag == "!!int" and value < 2**63:
        return tag, float(value)
    raise YamlError(f"can't be read: {text[:40]!r} is tagged {tag}, which it is not")


def meaning(text: str, *, dates: bool) -> tuple[str, Any]:
    """Tag and value of text without a tag."""
    if text in _WORDS:
        value = _WORDS[text]
        kind = "!!null" if value is None else "!!bool" if isinstance(value, bool) else "!!float"
        return kind, value
    first = text[:1]
    if first == "." and (amount := number(text)) is not None:
        return "!!float", amount
    if not first or first not in "+-0123456789":
        return "!!str", text
    if dates and (moment := timestamp(text)) is not None:
        return "!!timestamp", moment
    bare = text.replace("_", "")
    if len(bare) < 100 and _INTEGER.fullmatch(bare) and -(2**63) <= (whole := integer(bare)) < 2**64:
        return "!!int", whole
    amount = number(bare)
    return ("!!str", text) if amount is None else ("!!float", amount)


def integer(text: str) -> int:
    """A whole number with Go's prefixes; a leading 0 means octal.

    >>> integer("0o10"), integer("010"), integer("-0x1F")
    (8, 8, -31)
    """
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if re.fullmatch("0[0-7]+", digits):
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def number(text: str) -> float | None:
    """A floating-point number, None where text is none or too large a one."""
    if not _FLOAT.fullmatch(text):
        return None
    value = float(text)
    return None if value in (float("inf"), float("-inf")) else value


def timestamp(text: str) -> Timestamp | None:
    """A point in time in one of the four forms that yaml.v3 knows."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    clock = (0, 0, 0)
    if match["between"]:
        clock = int(match["hour"]), int(match["minute"]), int(match["second"])
        if clock[0] > 23 or clock[1] > 59 or clock[2] > 59 or (match["between"] == " ") == bool(match["zone"]):
            return None
    fraction = (match["fraction"] or "")[:9].rstrip("0")
    zone = match["zone"] or "Z"
    if zone != "Z" and (int(zone[1:3]) > 24 or int(zone[4:]) > 59):
        return None
    date, time = f"{year:04}-{month:02}-{day:02}", f"{clock[0]:02}:{clock[1]:02}:{clock[2]:02}"
    time += f".{fraction}" if fraction else ""
    offset = "+0000 UTC" if zone in ("Z", "+00:00") else f"{zone.replace(':', '')} {zone.replace(':', '')}"
    return Timestamp(f"{date} {time} {offset}", f"{date}T{time}{zone}")
