"""The mistakes in the inputs of a hand-off that a program may pass, before any request. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .state import is_unknown

CHOICES = {"verify": ("ca", "none"), "contract": ("v1beta1", "v1beta2")}

KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    **dict.fromkeys(("namespace", "cluster", "controlPlane", "path", "version", *CHOICES), ("text", (str,))),
    **dict.fromkeys(("enabled", "force"), ("true or false", (bool,))),
    "timeoutSeconds": ("a number of seconds", (int, float)),
    "infrastructure": ("a map with apiVersion, kind and name", (dict,)),
}


def mistakes(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The mistakes by input; inputs that are not known yet are judged later."""
    for key, (words, kinds) in KINDS.items():
        value: Any = inputs.get(key)
        if value is None or is_unknown(value):
            continue
        # To Python, true and false are numbers.
        fits = isinstance(value, kinds) and (bool in kinds or type(value) is not bool)
        if not fits:
            yield key, f"must be {words}, is {type(value).__name__}"
        elif key == "timeoutSeconds" and not value > 0:
            yield key, f"must be more than 0, is {value}"
        elif key == "path" and (not value.startswith("/") or not value.isprintable()):
            yield key, f"must begin with '/' and hold no control characters, is {value!r}"
        elif key in CHOICES and value not in CHOICES[key]:
            yield key, f"must be {' or '.join(CHOICES[key])}, is {value!r}"
