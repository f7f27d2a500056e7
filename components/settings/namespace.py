"""The namespace of the program's keys in a stack's configuration, and keys that were meant for it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator

from .report import Problem, nearest

NAMESPACE = "kamaji-equinix"
"""Namespace of the configuration keys, the same in every project that uses the package."""


def misspelt(keys: Iterable[str], keys_of_stack: Collection[str]) -> Iterator[Problem]:
    """Keys of other namespaces that are nearly this program's: the engine hands them to nobody, without a word.

    Args:
        keys: keys of the configuration with their namespaces.
        keys_of_stack: this program's keys, without theirs.
    """
    for key in sorted(keys):
        namespace, _, name = key.rpartition(":")
        letters = namespace.lower().replace("_", "-")
        if namespace == NAMESPACE or not letters:
            continue
        alike = difflib.SequenceMatcher(None, letters, NAMESPACE).ratio()
        # With the name of one of its keys, half of the namespace is enough: kamaji:cluster.
        if alike >= (0.6 if name in keys_of_stack else 0.85):
            yield Problem(key, f"is in a namespace that nobody reads; write it as {NAMESPACE}:{name}")


def unknown(key: str, choices: Collection[str]) -> str:
    """A hint at what an unknown key may have meant; code that passes settings writes keys without their namespace."""
    _, colon, name = key.rpartition(":")
    if colon and name in choices:
        return f"unknown key: a section's key has no namespace here; write it as {name!r}"
    return nearest(key, choices)
