"""The hand-off: from "Kamaji has an address" to "Cluster API may buy machines".

Nine phases under one deadline. Each can be repeated after an interruption at any point: what is correct already is
confirmed, not written again. The infrastructure cluster is known by a reference only, whatever its kind.
"""

from __future__ import annotations

from ..capi.endpoint import Endpoint
from ..kube.objects import Kube
from . import kubeconfig, link
from .address import await_address, same_cluster
from .answer import await_answer
from .nudge import nudge
from .order import Order, Outcome, look
from .patience import Wait
from .progress import Progress
from .version import await_version


class Handoff:
    """One hand-off in progress."""

    def __init__(self, kube: Kube, order: Order, progress: Progress) -> None:
        """Prepare, without a request."""
        self.kube, self.order, self.progress = kube, order, progress
        self.wait = Wait(kube, order, progress)

    def run(self) -> Outcome:
        """Do all phases.

        Raises:
            HandoffError: names the phase, what was expected and last seen, and what to do next.
        """
        address = self.answer()
        if self.order.enabled:
            self.progress.phase = "endpoint"
            if self.order.linking == "verify":
                link.verify(self.wait, address)
            else:
                link.patch(self.wait, address)
                link.carry(self.wait, address)
            self.progress.phase = "nudge"
            nudge(self.wait)
        await_version(self.wait, address)
        self.progress.phase = "kubeconfig"
        kubeconfig.await_kamaji(self.wait)
        return self.wait.patiently("endpoint", self.wait.infrastructure_subject, self.outcome)

    def answer(self) -> Endpoint:
        """Do the phases that need no infrastructure cluster: the control plane answers, and its kubeconfig exists.

        Returns:
            Where it answers; with ``enabled`` False the address that Kamaji publishes.

        Raises:
            HandoffError: names the phase, what was expected and last seen, and what to do next.
        """
        self.progress.phase = "address"
        same_cluster(self.wait)
        self.wait.keep_watch()
        address = await_address(self.wait)
        if self.order.enabled:
            address = await_answer(self.wait, address)
            # Before the infrastructure cluster is ready, because Cluster API then connects at once.
            self.progress.phase = "kubeconfig"
            kubeconfig.provide(self.wait)
        return address

    def outcome(self) -> Outcome:
        """The state at the end."""
        self.wait.infrastructure()
        # It may be deleted between the two reads; then the next round raises.
        return look(self.kube, self.order) or self.outcome()
