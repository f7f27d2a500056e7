"""The end of objects in deletion, before an ``up`` writes objects of the same names.

An API server takes a write into an object in deletion, and the engine then holds it for created. It goes all the same, as
soon as its finalizers are gone, or stays in deletion as long as new objects use it: an IPPool that a stopped destroy has
deleted would never give another address. What belongs to a Cluster that is gone is not in deletion yet, but will be: the
garbage collector of the management cluster follows a moment later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...components.kube.client import ApiError
from ...components.kube.objects import dig
from .recovery import THREADS, Find


def in_deletion(manifests: Iterable[Mapping[str, Any]], find: Find) -> list[Mapping[str, Any]]:
    """Those of the objects that are in deletion, or about to be.

    Args:
        manifests: the objects that a run is to write.
        find: reads the live objects.

    Raises:
        ApiError: the management cluster does not answer.
    """
    targets = list(manifests)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda manifest: is_going(manifest, find), targets))
    return [manifest for manifest, going in zip(targets, answers, strict=True) if going]


def is_going(manifest: Mapping[str, Any], find: Find) -> bool:
    """Whether an object goes; one that may not be read counts as if it stayed.

    Raises:
        ApiError: the management cluster does not answer.
    """
    try:
        live_object = find(manifest) or {}
        return bool(dig(live_object, "metadata", "deletionTimestamp")) or any(
            is_lost(owner, str(live_object["metadata"].get("namespace")), find)
            for owner in dig(live_object, "metadata", "ownerReferences") or ()
            if owner.get("kind") == "Cluster"
        )
    except ApiError as error:
        if error.code == 403:
            return False
        raise


def is_lost(owner: Mapping[str, Any], namespace: str, find: Find) -> bool:
    """Whether the Cluster that owns an object is gone, or another one has its name by now.

    The owner is named in the version of the controller that wrote it, which need not be served any more.
    """
    group = str(owner.get("apiVersion")).partition("/")[0]
    versions = dict.fromkeys([str(owner.get("apiVersion")), f"{group}/v1beta2", f"{group}/v1beta1"])
    clusters = [
        find(
            {"apiVersion": version, "kind": "Cluster", "metadata": {"name": owner.get("name"), "namespace": namespace}}
        )
        for version in sorted(versions)
    ]
    return not any(cluster and dig(cluster, "metadata", "uid") == owner.get("uid") for cluster in clusters)
