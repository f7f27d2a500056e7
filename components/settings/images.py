"""Where container images come from: registries and tags, by the grammar of image references (distribution/reference)."""

from __future__ import annotations

import re

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_PART}(?:\.{_PART})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?"
_STEP = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
IMAGE_PREFIX = re.compile(rf"{_HOST}(?:/{_STEP})*")
IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def image_prefix(value: str) -> str:
    """A registry with an optional path, to which an image's name is added.

    Raises:
        ValueError: no image reference begins so. The value is not repeated: it may hold a password.
    """
    if "@" in value:
        raise ValueError("must not hold a user or password; give the pods' ServiceAccount pull secrets instead")
    if "://" in value:
        raise ValueError("must be a registry without a scheme such as https://")
    port = re.match(rf"{_HOST}", value)
    if len(value) > 200 or not IMAGE_PREFIX.fullmatch(value) or (port and not _port_fits(port[0])):
        raise ValueError(
            "must be a registry's host with an optional port and path, and without a tag or a slash at its end"
        )
    return value


def _port_fits(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    return not colon or not port.isdecimal() or name.endswith(":") or 1 <= int(port) <= 65535


def image_tag(value: str) -> str:
    """A tag of an image."""
    if not IMAGE_TAG.fullmatch(value):
        raise ValueError("must be the tag of an image: at most 128 letters, digits, '_', '.' and '-'")
    return value
