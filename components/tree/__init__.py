"""Status of a cluster: the tree of ``clusterctl describe cluster``, and what blocks, in words.

Discovery and inside (which objects, read how), model (which rows), blockers (what is missing, what to do), difference (what
the settings ask for besides) and drawing (text) are apart; only the first two make requests.
"""

from __future__ import annotations

from dataclasses import replace

from ..capi.reading import Condition, Failure
from . import discovery, inside
from .blocker import Blocker
from .blockers import first_blocker
from .difference import Difference, differences
from .discovery import Reader
from .drawing import HEADER, draw, rows
from .model import Inside, Node, Snapshot, Tree, build
from .request import PoolRequest, Request

blocking = first_blocker
"""Its name in the first edition, which programs of users import."""

__all__ = [
    "HEADER",
    "Blocker",
    "Condition",
    "Difference",
    "Failure",
    "Inside",
    "Node",
    "PoolRequest",
    "Reader",
    "Request",
    "Snapshot",
    "Tree",
    "blocking",
    "build",
    "describe",
    "differences",
    "draw",
    "first_blocker",
    "rows",
]


def describe(client: Reader, namespace: str, cluster: str, request: Request | None = None) -> Tree:
    """The status of one cluster, now.

    Args:
        client: reads the management cluster, such as ``kube.connect`` returns it.
        namespace: the Cluster's namespace.
        cluster: the Cluster's name.
        request: what its settings ask for; None where that is not known.

    Returns:
        The tree; what could not be read is in it.
    """
    tree = build(discovery.take(client, namespace, cluster), request)
    if request is None or not request.looks_inside or first_blocker(tree) is not None:
        return tree
    # Only now, because it costs requests of another API server's, which may be far away.
    return build(replace(tree.snapshot, inside=inside.look(client, namespace, cluster)), request)
