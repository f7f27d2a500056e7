"""Moments as YAML, the engine and Kubernetes write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")

GO_TIME = re.compile(r"([0-9-]{10}) ([0-9:]{8})(?:\.[0-9]+)? ([+-][0-9]{2})([0-9]{2}) \S+")


def moment(value: Any) -> Any:
    """A moment that YAML has read as one, because it stood there without quotes, as RFC 3339 writes it.

    The engine passes it on as Go prints a ``time.Time``: ``2026-03-09 09:00:00 +0000 UTC``.
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).isoformat()
    match = GO_TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{match[1]}T{match[2]}{match[3]}:{match[4]}" if match else value


def timestamp(value: str) -> str:
    """A moment as RFC 3339 writes it, in the form that Kubernetes gives back: UTC, whole seconds."""
    rule = "must be a time as in RFC 3339, with a time zone"
    if not TIMESTAMP.fullmatch(value):
        raise ValueError(rule)
    try:
        utc = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError(f"{rule}; there is no such time") from None
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z")
