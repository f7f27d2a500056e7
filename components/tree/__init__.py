"""Status of a cluster: the tree of ``clusterctl describe cluster``, and what blocks, in words.

Discovery (which objects, read how), model (which rows), blocking (what is missing, what to do) and drawing (text) are
apart; only discovery makes requests.
"""

from __future__ import annotations

from ..capi.reading import Condition, Failure
from . import discovery
from .blocker import Blocker
from .blocking import blocking
from .discovery import Reader
from .drawing import HEADER, draw, rows
from .model import Node, Snapshot, Tree, build

__all__ = [
    "HEADER",
    "Blocker",
    "Condition",
    "Failure",
    "Node",
    "Reader",
    "Snapshot",
    "Tree",
    "blocking",
    "build",
    "describe",
    "draw",
    "rows",
]


def describe(client: Reader, namespace: str, cluster: str) -> Tree:
    """The status of one cluster, now.

    Args:
        client: reads the management cluster, such as ``kube.connect`` returns it.
        namespace: the Cluster's namespace.
        cluster: the Cluster's name.

    Returns:
        The tree; what could not be read is in it.
    """
    return build(discovery.take(client, namespace, cluster))
