"""The namespace of the program's keys in a stack's configuration, and keys that were meant for it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator

from .report import Problem, nearest

NAMESPACE = "kamaji-equinix"
"""Namespace of the configuration keys, the same in every project that uses the package."""


def misspelt(keys: Iterable[str], keys_of_stack: Collection[str]) -> Iterator[Problem]:
    """Keys of other namespaces whose names are nearly this program's: the engine passes them to no program.

    Args:
        keys: keys of the configuration with their namespaces.
        keys_of_stack: this program's keys, without theirs.
    """
    for key in sorted(keys):
        namespace, _, name = key.rpartition(":")
        letters = namespace.lower().replace("_", "-")
        if namespace == NAMESPACE or not letters:
            continue
        has_same_words = sorted(letters.split("-")) == sorted(NAMESPACE.split("-"))
        alike = 1.0 if has_same_words else difflib.SequenceMatcher(None, letters, NAMESPACE).ratio()
        # With the name of one of its keys, half of the namespace is enough: kamaji:cluster.
        if alike >= (0.6 if first_step(name) in keys_of_stack else 0.85):
            yield Problem(key, f"is in a namespace that this program does not read; write it as {NAMESPACE}:{name}")


def key_hint(key: str, choices: Collection[str]) -> str:
    """A hint for an unknown key; code that passes settings writes keys without their namespace."""
    _, colon, name = key.rpartition(":")
    if colon and name in choices:
        return f"unknown key: a section's key has no namespace here; write it as {name!r}"
    return nearest(key, choices)


def stack_key_hint(key: str, choices: Collection[str]) -> str:
    """Like :func:`key_hint`, for a stack's keys: without ``--path`` the engine treats a path as the name of a key."""
    first = first_step(key)
    if first == key or first not in choices:
        return key_hint(key, choices)
    return (
        f"unknown key: it is a path into {first}. Set it with `pulumi config set --path '{NAMESPACE}:{key}' VALUE`, and "
        f"remove this one with `pulumi config rm '{NAMESPACE}:{key}'`"
    )


def first_step(key: str) -> str:
    """The key that a path begins with.

    >>> first_step("workerPools[0].name")
    'workerPools'
    """
    return re.split(r"[.\[]", key, maxsplit=1)[0]
