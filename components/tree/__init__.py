"""Status of a cluster: the tree of ``clusterctl describe cluster``, and what blocks, in words.

Discovery (which objects, read how), model (which rows), blocking (what is missing, what to do), difference (what the
settings ask for besides) and drawing (text) are apart; only discovery makes requests.
"""

from __future__ import annotations

from ..capi.reading import Condition, Failure
from . import discovery
from .blocker import Blocker
from .blocking import blocking
from .difference import Difference, differences
from .discovery import Reader
from .drawing import HEADER, draw, rows
from .model import Node, Snapshot, Tree, build
from .request import PoolRequest, Request

__all__ = [
    "HEADER",
    "Blocker",
    "Condition",
    "Difference",
    "Failure",
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
    return build(discovery.take(client, namespace, cluster), request)
