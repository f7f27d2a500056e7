"""Status of a cluster: the tree of ``clusterctl describe cluster``, and what blocks, in words.

Discovery, declared and inside (which objects, read how), hierarchy (which rows), shape (what a row says), blockers (what is
missing, what to do, for each of the pools), difference (what the settings ask for besides), table (cells) and drawing (text)
are apart; only the first three make requests.
"""

from __future__ import annotations

from dataclasses import replace

from ..capi.reading import Condition, Failure
from ..capi.replica_counters import ReplicaCounters
from . import declared, discovery, inside, servers
from .blocker import Blocker
from .blockers import all_blockers, first_blocker
from .difference import Difference, differences
from .drawing import draw
from .hierarchy import build
from .model import Inside, Node, Snapshot, Tree
from .references import Reader
from .request import AddonObject, DeclaredObject, PoolRequest, Request
from .table import HEADER, cells, columns, rows

blocking = first_blocker
"""Its name in the first edition, which programs of users import."""

__all__ = [
    "HEADER",
    "AddonObject",
    "Blocker",
    "Condition",
    "DeclaredObject",
    "Difference",
    "Failure",
    "Inside",
    "Node",
    "PoolRequest",
    "Reader",
    "ReplicaCounters",
    "Request",
    "Snapshot",
    "Tree",
    "all_blockers",
    "blocking",
    "build",
    "cells",
    "columns",
    "describe",
    "differences",
    "draw",
    "first_blocker",
    "rows",
]


def describe(
    client: Reader, namespace: str, cluster: str, request: Request | None = None, *, thorough: bool = True
) -> Tree:
    """The status of one cluster, now.

    Args:
        client: reads the management cluster, such as ``kube.connect`` returns it.
        namespace: the Cluster's namespace.
        cluster: the Cluster's name.
        request: what its settings ask for; None where that is not known. By its contract the table is that of clusterctl 1.10
            or of 1.13.
        thorough: read all objects that the settings declare, even where something else keeps the cluster from being ready.

    Returns:
        The tree; what could not be read is in it.
    """
    snapshot = discovery.take(client, namespace, cluster, request.contract if request else "v1beta1")
    # The tenant is asked only where that explains something, because it costs requests of another API server's, which may be
    # far away.
    if servers.asks_nodes(snapshot):
        snapshot = replace(snapshot, nodes=inside.nodes(client, namespace, cluster))
    tree = build(snapshot, request)
    if request is None or isinstance(snapshot.cluster, Failure):
        return tree
    if thorough or first_blocker(tree) is None:
        answers = declared.read(client, namespace, snapshot.machine_deployments, request.objects)
        tree = build(replace(snapshot, declared=answers), request)
    if not request.looks_inside or first_blocker(tree) is not None:
        return tree
    # Only now, because it costs requests of another API server's, which may be far away.
    return build(replace(tree.snapshot, inside=inside.look(client, namespace, cluster, request.addon_objects)), request)
