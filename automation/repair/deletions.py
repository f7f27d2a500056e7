"""The end of objects in deletion, before an ``up`` writes objects of the same names.

An API server takes a write into an object in deletion, and the engine then holds it for created. It goes all the same, as
soon as its finalizers are gone, or stays in deletion as long as new objects use it: an IPPool that a stopped destroy has
deleted would never give another address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...components.kube.client import ApiError
from ...components.kube.objects import dig
from .recovery import THREADS, Find, name_of


def await_end(manifests: Iterable[Mapping[str, Any]], find: Find, pause: Callable[[str], object]) -> None:
    """Wait until none of the objects that a run is to write is in deletion.

    Args:
        manifests: the objects. A Cluster is left to ``recovery``, which knows what goes with it.
        find: reads the live objects.
        pause: takes a text about the wait, and waits a while; it raises to give up.

    Raises:
        ApiError: the management cluster does not answer.
    """
    targets = [manifest for manifest in manifests if manifest["kind"] != "Cluster"]
    while True:
        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(lambda manifest: is_going(manifest, find), targets))
        targets = [manifest for manifest, going in zip(targets, answers, strict=True) if going]
        if not targets:
            return
        pause(f"{', '.join(map(name_of, targets))}: in deletion, and declared by the settings; waits until it is gone")


def is_going(manifest: Mapping[str, Any], find: Find) -> bool:
    """Whether an object is in deletion; one that may not be read counts as if it were not.

    Raises:
        ApiError: the management cluster does not answer.
    """
    try:
        return bool(dig(find(manifest) or {}, "metadata", "deletionTimestamp"))
    except ApiError as error:
        if error.code == 403:
            return False
        raise
