"""The text of a dynamic provider in the state, which Pulumi makes with a changed ``pickle``.

It changes the whole process's, for some microseconds in part and in part for good (``serialize_provider`` in its
``dynamic/dynamic.py``): afterwards ``dill`` can't store a dictionary whose keys have several types, each call lies on top
of the one before until Python's stack is full, and a thread that comes in between finds neither the one nor the other.
"""

from __future__ import annotations

import pickle
import threading

from pulumi.dynamic import ResourceProvider, dynamic

CHANGES = ("_batch_setitems", "save_dict")
"""What Pulumi replaces in the pickler that is written in Python, and leaves there."""

_lock = threading.Lock()
_serialize = dynamic.serialize_provider


def preserve_pickle() -> None:
    """Let Pulumi serialize one provider after the other, and leave ``pickle`` as it was."""
    dynamic.serialize_provider = serialize_provider


def serialize_provider(provider: ResourceProvider) -> str:
    """The text that Pulumi's own function makes."""
    pickler = pickle._Pickler
    with _lock:
        before = {name: vars(pickler)[name] for name in CHANGES if name in vars(pickler)}
        try:
            return str(_serialize(provider))
        finally:
            for name in CHANGES:
                if name in before:
                    setattr(pickler, name, before[name])
                elif name in vars(pickler):
                    delattr(pickler, name)
