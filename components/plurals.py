"""Resource names of kinds, where only the kind is known."""

from __future__ import annotations


def plural(kind_: str) -> str:
    """The resource name of a kind, by the rules of English that Kubernetes' kinds follow."""
    word = kind_.lower()
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "z", "ch", "sh")) else f"{word}s"
