"""The hand-off: from "Kamaji has an address" to "Cluster API may buy machines".

Nine phases under one deadline. Each can be done again after an interruption at any point: what is there already is
confirmed, not written again. The infrastructure cluster is reached by a reference only, whatever its kind.
"""

from __future__ import annotations

from ..capi.endpoint import Endpoint, endpoint_of
from ..capi.reading import infrastructure_ready, provisioned, terminal_failure
from ..kube.client import ApiError
from ..kube.objects import Json, Kube, dig
from . import kubeconfig
from .address import await_address, same_cluster
from .answer import await_answer
from .order import Order, Outcome, look, may_replace, writer
from .patience import Wait
from .progress import Progress
from .version import await_version

NUDGE = "kamaji-equinix.io/handed-off"
"""Annotation on the KamajiControlPlane that makes an event for Kamaji's provider."""

NUDGE_SECONDS = 2.0


class Handoff:
    """One hand-off in progress."""

    def __init__(self, kube: Kube, order: Order, progress: Progress) -> None:
        """Prepare; nothing is asked yet."""
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
                self.confirm(address)
            else:
                self.link(address)
                self.carry(address)
            self.progress.phase = "nudge"
            self.nudge()
        await_version(self.wait, address)
        self.progress.phase = "kubeconfig"
        kubeconfig.await_kamaji(self.wait)
        return self.wait.patiently("endpoint", self.wait.infrastructure_subject, self.outcome)

    def answer(self) -> Endpoint:
        """Do the phases before the infrastructure cluster counts: the control plane answers, and its kubeconfig is there.

        Returns:
            Where it does; with ``enabled`` False where Kamaji says it would.

        Raises:
            HandoffError: names the phase, what was expected and last seen, and what to do next.
        """
        self.progress.phase = "address"
        same_cluster(self.wait)
        self.wait.keep_watch()
        address = await_address(self.wait)
        if self.order.enabled:
            address = await_answer(self.wait, address)
            # Before the infrastructure cluster is ready: Cluster API dials at its first look then.
            self.progress.phase = "kubeconfig"
            kubeconfig.provide(self.wait)
        return address

    def outcome(self) -> Outcome:
        """What holds at the end."""
        self.wait.infrastructure()
        found = look(self.kube, self.order)
        # It went between the two reads; the next round says so.
        return found or self.outcome()

    # Phase 5

    def link(self, address: Endpoint) -> None:
        """See to it that the infrastructure cluster holds the address and is marked ready.

        Raises:
            HandoffError: it holds another one that may not be replaced, or can't be patched.
        """
        subject, refusal = self.wait.infrastructure_subject, ""
        while True:
            found = self.wait.patiently("endpoint", subject, self.wait.infrastructure)
            live, ready = endpoint_of(found), provisioned(found)
            if live == address and ready:
                self.progress.tell(f"{subject} holds {address} and is ready")
                return
            if live != address and not may_replace(self.order, found, address):
                raise self.wait.failure(
                    "endpoint",
                    subject,
                    expected=f"{address}, where the control plane answers",
                    seen=f"spec.controlPlaneEndpoint is {live}, written by {writer(found)}",
                    advice="Find out who wrote it; `handoff.force: true` overwrites it.",
                )
            if refusal:
                self.wait.expire(
                    "endpoint",
                    subject,
                    "to be patched",
                    refusal,
                    "Its endpoint and ready flag are not both written; `pulumi up` tries again.",
                )
            try:
                self.write(found, address)
            except ApiError as error:
                # A conflict means that somebody else wrote meanwhile: the next look tells whether it is the same.
                if error.code != 409:
                    self.wait.bearable(error, "endpoint", subject)
                refusal = str(error)
                self.progress.waiting(f"{subject} could not be patched: {error}")
                self.progress.pause(error.retry_after or 0.2)

    def write(self, found: Json, address: Endpoint) -> None:
        """Write what is missing of the endpoint and the ready flag into the object that was found.

        Raises:
            ApiError: a patch was refused or got no answer; it may have been applied.
        """
        kind, name, uid = self.order.infrastructure, self.order.infrastructure_name, found["metadata"]["uid"]
        live = endpoint_of(found)
        if live != address:
            content = {"spec": {"controlPlaneEndpoint": {"host": address.host, "port": address.port}}}
            self.kube.apply(kind, name, uid, content, force=live is not None)
        if not provisioned(found):
            # Forced: whoever wrote ``false`` before did not know that the control plane answers.
            self.kube.apply(kind, name, uid, {"status": {"ready": True}}, subresource="status", force=True)

    def carry(self, address: Endpoint) -> None:
        """See to it that the Cluster does not hold another address, which new machines would be told.

        Cluster API copies the first one from the infrastructure cluster, and never another: a control plane that was made
        anew may have been given one.

        Raises:
            HandoffError: the Cluster can't be patched.
        """
        order = self.order
        subject = f"Cluster {self.kube.namespace}/{order.cluster}"

        def carried() -> bool:
            cluster = self.kube.find(order.cluster_kind, order.cluster)
            copied = endpoint_of(cluster) if cluster else None
            if cluster and copied and copied != address:
                content = {"spec": {"controlPlaneEndpoint": {"host": address.host, "port": address.port}}}
                self.kube.apply(order.cluster_kind, order.cluster, cluster["metadata"]["uid"], content, force=True)
                self.progress.tell(f"{subject} held {copied}, which Cluster API never changes, and is given {address}")
            return True

        self.wait.patiently("endpoint", subject, carried)

    def confirm(self, address: Endpoint) -> None:
        """See that the infrastructure cluster and the Cluster hold the address, and wait until the former is ready.

        Nothing is written: it was created with the address, and Cluster API copies that into the Cluster once and for all.

        Raises:
            HandoffError: one of them holds another address, or its controller does not mark it ready.
        """
        subject = self.wait.infrastructure_subject
        while True:
            found = self.wait.patiently("endpoint", subject, self.wait.infrastructure)
            cluster = self.wait.patiently(
                "endpoint", subject, lambda: self.kube.find(self.order.cluster_kind, self.order.cluster)
            )
            if (live := endpoint_of(found)) != address:
                raise self.wait.failure(
                    "endpoint",
                    subject,
                    expected=f"{address}, where the control plane answers",
                    seen=f"spec.controlPlaneEndpoint is {live}, written by {writer(found)}",
                    advice="`pulumi refresh`, then `pulumi up` writes the right one.",
                )
            if cluster and (copied := endpoint_of(cluster)) and copied != address:
                raise self.wait.failure(
                    "endpoint",
                    f"Cluster {self.kube.namespace}/{self.order.cluster}",
                    expected=f"{address}, where the control plane answers",
                    seen=f"spec.controlPlaneEndpoint is {copied}, which Cluster API never changes again",
                    advice="Give the control plane its former address back (`controlPlane.network.serviceAddress`), or "
                    "create the cluster anew.",
                )
            if provisioned(found):
                self.progress.tell(f"{subject} holds {address} and is ready")
                return
            seen = terminal_failure(found) or ("not ready", "its controller has not marked it")
            self.progress.waiting(f"{subject}: waits until its controller marks it ready")
            self.wait.expire(
                "endpoint",
                subject,
                "its controller to mark it ready",
                ": ".join(seen),
                f"See `kubectl -n {self.kube.namespace} describe {self.order.infrastructure.name.lower()} "
                f"{self.order.infrastructure_name}` and the log of its controller.",
            )
            self.progress.pause(0.5)

    # Phase 6

    def nudge(self) -> None:
        """Wake Kamaji's provider once Cluster API knows that the infrastructure is ready.

        Its "infrastructure is not yet ready" is an exponential backoff (kamajicontrolplane_controller.go), so after a wait
        of n seconds it looks again up to n seconds later. A changed annotation makes it look at once. It reads the Cluster
        from a cache, so one nudge may come too early.

        Raises:
            HandoffError: Cluster API or Kamaji's provider does not go on.
        """
        self.wait.eventually(
            "nudge",
            f"Cluster {self.kube.namespace}/{self.order.cluster}",
            "status.infrastructureReady",
            lambda: (
                (found := self.kube.find(self.order.cluster_kind, self.order.cluster)) is not None
                and infrastructure_ready(found)
            ),
            "Cluster API's controller copies it from the infrastructure cluster: does it run?",
        )
        subject, next_nudge = self.wait.control_plane_subject, 0.0
        while True:
            found = self.wait.patiently(
                "nudge", subject, lambda: self.kube.find(self.order.control_plane_kind, self.order.control_plane)
            )
            if dig(found, "status", "version"):
                return
            self.progress.waiting(f"{subject}: waits for status.version")
            self.wait.expire(
                "nudge",
                subject,
                "status.version, from Kamaji's Cluster API provider",
                "none" if found else "it does not exist any more",
                "The provider knows the infrastructure as ready and does not go on: does it run, and what does it log?",
            )
            if found and self.progress.elapsed >= next_nudge:
                next_nudge = self.progress.elapsed + NUDGE_SECONDS
                self.touch(found)
            self.progress.pause(0.2)

    def touch(self, control_plane: Json) -> None:
        """Change the annotation."""
        uid = control_plane["metadata"]["uid"]
        content = {"metadata": {"annotations": {NUDGE: f"{self.progress.clock():.3f}"}}}
        try:
            self.kube.apply(self.order.control_plane_kind, self.order.control_plane, uid, content, force=True)
        except ApiError as error:
            if error.code != 409:
                self.wait.bearable(error, "nudge", self.wait.control_plane_subject)
