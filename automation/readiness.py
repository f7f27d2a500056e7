"""The wait after the hand-off, until every condition of every cluster is true and all machines are complete."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..components import tree
from ..components.checks.request import request_of
from .engine.process import Cancellation
from .engine.translator import Translator
from .errors import Cancelled, NotReady
from .events import ClusterReady, Waiting

if TYPE_CHECKING:
    from ..components.settings.model import StackSettings

POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Look:
    """One look at a cluster.

    Attributes:
        cluster: the cluster, as ``namespace/name``.
        status: its status tree.
        blocker: what it waits for; None once it is ready.
        elapsed: seconds since the wait began.
        timeout: seconds that it may take.
    """

    cluster: str
    status: tree.Tree
    blocker: tree.Blocker | None
    elapsed: float
    timeout: float


OnLook = Callable[[Look], object]


def await_ready(
    api: tree.Reader,
    settings: StackSettings,
    translate: Translator,
    timeout: float,
    cancellation: Cancellation,
    on_look: OnLook | None = None,
    *,
    before: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Look at all clusters in turn, and report each new reason to wait, and each cluster that is ready.

    Args:
        api: of the management cluster.
        settings: name the clusters.
        translate: takes the events.
        timeout: seconds, for all clusters together.
        cancellation: stops it on request.
        on_look: takes each look, changed or not.
        before: seconds that the operation has taken before the wait.
        clock: seconds that only go forward.

    Raises:
        NotReady: the time is over; names the cluster, and what blocks it.
        Cancelled: on request.
    """
    began, stack = clock(), translate.stack
    last_blockers = {(tenant.cluster.namespace, tenant.cluster.name): "" for tenant in settings.clusters}
    requests = {(tenant.cluster.namespace, tenant.cluster.name): request_of(tenant) for tenant in settings.clusters}
    while True:
        for (namespace, name), last in list(last_blockers.items()):
            cluster = f"{namespace}/{name}"
            status = tree.describe(api, namespace, name, requests[namespace, name], thorough=False)
            blocker, elapsed = tree.first_blocker(status), clock() - began
            if on_look is not None:
                on_look(Look(cluster, status, blocker, elapsed, timeout))
            if blocker is None:
                del last_blockers[namespace, name]
                translate.emit(ClusterReady(stack=stack, cluster=cluster, seconds=before + elapsed))
                continue
            if elapsed >= timeout:
                raise NotReady(
                    f"Cluster {cluster} is not ready after {elapsed:.0f} s.\n{blocker}",
                    stack=stack,
                    cluster=cluster,
                    seen=f"{blocker.subject}: {blocker.reason}",
                )
            if last != str(blocker):
                last_blockers[namespace, name] = str(blocker)
                translate.emit(
                    Waiting(
                        stack=stack,
                        cluster=cluster,
                        subject=blocker.subject,
                        reason=blocker.reason,
                        action=blocker.action,
                    )
                )
        if not last_blockers:
            return
        if cancellation.wait(max(min(POLL_SECONDS, timeout - (clock() - began)), 0.01)):
            raise Cancelled(f"the wait for stack {stack} was stopped {cancellation.reason}", stack=stack)
