"""Files of attributes that a killed engine leaves empty in a file backend: the stack could not be read any more.

Beside each file of a file backend lies one more, ``<file>.attrs``, with its content type. It is emptied before it is written
(gocloud.dev, blob/fileblob/attrs.go, setAttrs), and one that is empty makes each later command of pulumi end with ``failed to
load checkpoint: EOF``. Where there is none, the file is read without (getAttrs there).
"""

from __future__ import annotations

import contextlib
import glob
from pathlib import Path

from .locks import backend_folder


def remove_empty_attributes(backend_url: str, stack: str) -> list[Path]:
    """Remove the empty files of attributes of a stack's state, history, backups and locks, and of the backend itself.

    An engine that writes one at this moment loses nothing: what it writes goes with the file, and nobody needs it.

    Args:
        backend_url: as Pulumi takes it, such as ``file:///path``; other backends are left alone.
        stack: the stack's name; those of the same name in other projects of the backend are mended too.

    Returns:
        The files that went.
    """
    root = backend_folder(backend_url)
    if root is None:
        return []
    name = glob.escape(stack.rpartition("/")[2])
    patterns = ("*", f"stacks/**/{name}.json*", *(f"{kind}/**/{name}/*" for kind in ("history", "backups", "locks")))
    removed = []
    for path in [path for pattern in patterns for path in (root / ".pulumi").glob(f"{pattern}.attrs")]:
        with contextlib.suppress(OSError):
            if path.stat().st_size == 0:
                path.unlink()
                removed.append(path)
    return removed
