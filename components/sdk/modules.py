"""The modules of pulumi-kubernetes, which load at the first use of one of their names.

Pulumi's loader (``_LazyModule`` in its ``_utils.py``) makes no other thread wait: who uses a module while a thread loads it
finds it half filled, and fails with "module has no attribute". The inline programs of the Automation API are threads of one
process. CPython mended its own loader, from which Pulumi's is copied, in issue 114763.
"""

from __future__ import annotations

import sys
import threading

SDK = "pulumi_kubernetes"

_lock = threading.Lock()


def load_for_objects() -> None:
    """Load what each Kubernetes object needs; to be called while an importing module holds its import lock."""
    import pulumi_kubernetes.meta as meta

    _load(meta.v1)


def load_for_addons() -> None:
    """Load all modules: a chart may contain objects of any group, and the SDK makes a resource of each.

    That takes a second of processor time, once in a process. A program in the main thread is alone in its process, as under
    ``pulumi up``: there each module loads when it is used.
    """
    if threading.current_thread() is threading.main_thread():
        return
    with _lock:
        done: set[str] = set()
        # A module that loads leaves its own submodules for later.
        while names := {name for name in tuple(sys.modules) if name.partition(".")[0] == SDK} - done:
            for name in names:
                _load(sys.modules[name])
            done |= names


def _load(module: object) -> None:
    # Any name does that is none of those that Pulumi's loader answers by itself.
    getattr(module, "_utilities", None)
