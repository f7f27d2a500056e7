"""Files of attributes that a killed engine leaves empty in a file backend, so that the stack can't be read any more.

Beside each file of a file backend is another, ``<file>.attrs``, with its content type. It is emptied before it is written
(gocloud.dev, blob/fileblob/attrs.go, setAttrs), and an empty one makes each later command of pulumi end with ``failed to load
checkpoint: EOF``. A missing one does no harm (getAttrs there).
"""

from __future__ import annotations

import contextlib
import glob
from pathlib import Path

from .locks import backend_folder


def remove_empty_attributes(backend_url: str, stack: str) -> list[Path]:
    """Remove the empty files of attributes of a stack's state, history, backups and locks, and of the backend itself.

    An engine that writes one at this moment loses only that file's content type, which nobody needs.

    Args:
        backend_url: as Pulumi takes it, such as ``file:///path``; other backends are left alone.
        stack: the stack's name; stacks of the same name in other projects of the backend are repaired too.

    Returns:
        The removed files.
    """
    root = backend_folder(backend_url)
    if root is None:
        return []
    name = glob.escape(stack.rpartition("/")[2])
    patterns = ("*", f"stacks/**/{name}.json*", *(f"{kind}/**/{name}/*" for kind in ("history", "backups", "locks")))
    removals = []
    for path in [path for pattern in patterns for path in (root / ".pulumi").glob(f"{pattern}.attrs")]:
        with contextlib.suppress(OSError):
            if path.stat().st_size == 0:
                path.unlink()
                removals.append(path)
    return removals
