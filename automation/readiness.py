"""The wait after the hand-off: until every condition of every cluster is true and all machines are as asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..components import tree
from .engine import Cancellation
from .errors import Cancelled, NotReady
from .events import ClusterReady, Translator, Waiting

if TYPE_CHECKING:
    from ..components.settings.model import StackSettings

POLL_SECONDS = 2.0


def await_ready(
    api: tree.Reader, settings: StackSettings, translate: Translator, timeout: float, cancellation: Cancellation
) -> None:
    """Look at all clusters in turn, tell what each waits for when that changes, and when it is ready.

    Args:
        api: of the management cluster.
        settings: name the clusters.
        translate: takes the events.
        timeout: seconds, for all clusters together.
        cancellation: stops it on request.

    Raises:
        NotReady: the time is over; names the cluster, and what blocks it.
        Cancelled: on request.
    """
    began, stack = time.monotonic(), translate.stack
    missing = {(tenant.cluster.namespace, tenant.cluster.name): "" for tenant in settings.clusters}
    while True:
        for (namespace, name), said in list(missing.items()):
            cluster, elapsed = f"{namespace}/{name}", time.monotonic() - began
            blocker = tree.blocking(tree.describe(api, namespace, name))
            if blocker is None:
                del missing[namespace, name]
                translate.emit(ClusterReady(stack=stack, cluster=cluster, seconds=elapsed))
                continue
            if elapsed >= timeout:
                raise NotReady(
                    f"Cluster {cluster} is not ready after {elapsed:.0f} s.\n{blocker}",
                    stack=stack,
                    cluster=cluster,
                    seen=f"{blocker.subject}: {blocker.reason}",
                )
            if said != str(blocker):
                missing[namespace, name] = str(blocker)
                translate.emit(
                    Waiting(
                        stack=stack,
                        cluster=cluster,
                        subject=blocker.subject,
                        reason=blocker.reason,
                        action=blocker.action,
                    )
                )
        if not missing:
            return
        if cancellation.wait(POLL_SECONDS):
            raise Cancelled(f"the wait for stack {stack} was stopped {cancellation.reason}", stack=stack)
