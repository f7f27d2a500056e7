"""The wait after the hand-off, until every condition of every cluster is true and all machines are complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
        blockers: what it waits for, errors before progress, one for each pool; none once it is ready.
        elapsed: seconds since the wait began.
        timeout: seconds that it may take.
    """

    cluster: str
    status: tree.Tree
    blockers: tuple[tree.Blocker, ...]
    elapsed: float
    timeout: float

    @property
    def blocker(self) -> tree.Blocker | None:
        """The first of the blockers; None once it is ready."""
        return next(iter(self.blockers), None)


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
        NotReady: the time is over; names each cluster that is not ready, and what blocks it.
        Cancelled: on request.
    """
    began, stack = clock(), translate.stack
    last_blockers: dict[tuple[str, str], tuple[tree.Blocker, ...]] = {
        (tenant.cluster.namespace, tenant.cluster.name): () for tenant in settings.clusters
    }
    requests = {(tenant.cluster.namespace, tenant.cluster.name): request_of(tenant) for tenant in settings.clusters}
    while True:
        delays: list[Look] = []
        for (namespace, name), last in list(last_blockers.items()):
            cluster = f"{namespace}/{name}"
            status = tree.describe(api, namespace, name, requests[namespace, name], thorough=False)
            look = Look(cluster, status, tree.all_blockers(status), clock() - began, timeout)
            if on_look is not None:
                on_look(look)
            if not look.blockers:
                del last_blockers[namespace, name]
                translate.emit(ClusterReady(stack=stack, cluster=cluster, seconds=before + look.elapsed))
                continue
            delays.append(look)
            last_blockers[namespace, name] = look.blockers
            for blocker in look.blockers:
                if blocker not in last:
                    translate.emit(_waiting(stack, cluster, blocker))
        if not last_blockers:
            return
        if clock() - began >= timeout:
            raise _not_ready(stack, delays)
        if cancellation.wait(max(min(POLL_SECONDS, timeout - (clock() - began)), 0.01)):
            raise Cancelled(f"the wait for stack {stack} was stopped {cancellation.reason}", stack=stack)


def _waiting(stack: str, cluster: str, blocker: tree.Blocker) -> Waiting:
    return Waiting(
        stack=stack,
        cluster=cluster,
        subject=blocker.subject,
        reason=blocker.reason,
        action=blocker.action,
        is_progress=blocker.is_progress,
    )


def _not_ready(stack: str, delays: Sequence[Look]) -> NotReady:
    """The error of clusters that are not ready, with all that blocks them."""
    texts = [
        "\n".join([f"Cluster {look.cluster} is not ready after {look.elapsed:.0f} s.", *map(str, look.blockers)])
        for look in delays
    ]
    first = delays[0]
    reasons = "; ".join(f"{blocker.subject}: {blocker.reason}" for blocker in first.blockers)
    return NotReady("\n".join(texts), stack=stack, cluster=first.cluster, seen=reasons)
