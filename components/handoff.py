"""The hand-off: from "Kamaji has an address" to "Cluster API may buy machines".

Seven phases under one deadline. Each can be done again after an interruption at any point: what is there already is
confirmed, not written again. The infrastructure cluster is reached by a reference only, whatever its kind.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from . import handoff_causes, reachability
from .api import ApiError
from .deadline import Progress
from .handoff_errors import HandoffError
from .kube import CLUSTER, CONTROL_PLANE, FIELD_MANAGER, SECRET, TENANT_CONTROL_PLANE, Json, Kind, Kube, dig

NUDGE = "kamaji-equinix.io/handed-off"
"""Annotation on the KamajiControlPlane that makes an event for Kamaji's provider."""

NUDGE_SECONDS = 2.0
LOOK_SECONDS = 5.0
"""How long one watch lasts before the cause of the delay is looked for again."""

RETRIED = (
    "Unreachable",
    "TooManyRequests",
    "InternalError",
    "ServiceUnavailable",
    "Timeout",
    "ServerTimeout",
    "Expired",
)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Order:
    """What is to be handed off.

    Attributes:
        cluster: name of the Cluster.
        cluster_uid: its UID, where the caller knows it: the credentials must lead to the same management cluster.
        control_plane: name of the KamajiControlPlane.
        infrastructure: kind of the infrastructure cluster.
        infrastructure_name: its name.
        enabled: False only reports what Kamaji wrote.
        path: path of the tenant's API server that must answer.
        verify: verify its certificate against the tenant's authority.
        force: overwrite a different endpoint.
    """

    cluster: str
    cluster_uid: str | None
    control_plane: str
    infrastructure: Kind
    infrastructure_name: str
    enabled: bool = True
    path: str = "/readyz"
    verify: bool = True
    force: bool = False


@dataclass(frozen=True)
class Endpoint:
    """A control plane's address."""

    host: str
    port: int

    def __str__(self) -> str:
        return reachability.join(self.host, self.port)


@dataclass(frozen=True)
class Outcome:
    """What a hand-off came to, or what a look at it found.

    Attributes:
        address: what Kamaji published; None where it has published nothing.
        live: what the infrastructure cluster holds.
        ready: its ``status.ready``.
        set_by: ``pulumi`` or ``kamaji``, whoever wrote the endpoint; empty where there is none.
        cluster_uid: UID of the Cluster.
        kubeconfig: namespace and name of the Secret with the tenant's kubeconfig.
    """

    address: Endpoint | None
    live: Endpoint | None
    ready: bool
    set_by: str
    cluster_uid: str
    kubeconfig: str


class Handoff:
    """One hand-off in progress."""

    def __init__(self, kube: Kube, order: Order, progress: Progress) -> None:
        """Prepare; nothing is asked yet."""
        self.kube, self.order, self.progress = kube, order, progress

    def run(self) -> Outcome:
        """Do all phases.

        Raises:
            HandoffError: names the phase, what was expected and last seen, and what to do next.
        """
        self.same_cluster()
        self.infrastructure()
        address = self.address()
        if self.order.enabled:
            address = self.answering(address)
            self.link(address)
            self.nudge()
        self.kubeconfig()
        return look(self.kube, self.order) or self.gone()

    # Phase 1

    def same_cluster(self) -> None:
        """The credentials lead to the management cluster in which the Cluster was made."""
        found = self.patiently(
            "address", f"Cluster {self.order.cluster}", lambda: self.kube.find(CLUSTER, self.order.cluster)
        )
        uid = dig(found, "metadata", "uid")
        if self.order.cluster_uid and uid != self.order.cluster_uid:
            raise self.failure(
                "address",
                f"Cluster {self.order.cluster} in {self.kube.server}",
                expected=f"the one with UID {self.order.cluster_uid}, which this stack made",
                seen=f"UID {uid}" if found else "no such Cluster",
                advice="The hand-off's credentials lead to another management cluster: compare `management` of the stack's "
                "configuration with the kubeconfig that the Kubernetes provider uses.",
            )

    def address(self) -> Endpoint:
        """Wait until the KamajiControlPlane has an endpoint."""
        name = self.order.control_plane
        subject = f"KamajiControlPlane {self.kube.namespace}/{name}"
        cause = "nothing was read yet"
        self.progress.phase(f"waits for the address of {subject}")
        while True:
            try:
                found = self.kube.find(CONTROL_PLANE, name)
                if found and (endpoint := endpoint_of(found)):
                    return endpoint
                cause = (
                    handoff_causes.address_cause(self.kube, self.order.cluster, found) if found else "it does not exist"
                )
            except ApiError as error:
                self.bearable(error, "address", subject)
                cause = str(error)
                found = None
            self.progress.waiting(f"{subject} has no address: {cause}")
            if self.progress.over:
                raise self.failure(
                    "address",
                    subject,
                    expected="spec.controlPlaneEndpoint, written by Kamaji",
                    seen=cause,
                    advice=f"See `kubectl -n {self.kube.namespace} describe kamajicontrolplane,tenantcontrolplane {name}`.",
                )
            self.infrastructure()
            self.await_change(found)

    def await_change(self, found: Json | None) -> None:
        """Wait until the KamajiControlPlane changes, at most a few seconds."""
        seconds = min(LOOK_SECONDS, max(self.progress.left, 0.1))
        if found is None:
            self.progress.pause(min(0.5, seconds))
            return
        try:
            for _event in self.kube.changes(
                CONTROL_PLANE, self.order.control_plane, found["metadata"]["resourceVersion"], seconds
            ):
                return
        except ApiError:
            # The next read says what is wrong, or that all is well again.
            self.progress.pause(0.2)

    # Phases 2 to 4

    def answering(self, address: Endpoint) -> Endpoint:
        """Wait until the control plane answers; follow it where Kamaji moves it meanwhile."""
        self.progress.phase(f"{address}: waits until {self.order.path} answers")
        pauses = reachability.pauses()
        authority: str | None = None
        asked_at = self.progress.elapsed
        refused_since: float | None = None
        answer = reachability.Answer("dial", False, "not tried yet")
        while True:
            if self.order.verify and authority is None:
                authority = self.authority()
            if self.order.verify and authority is None:
                answer = reachability.Answer("tls", False, "Kamaji has not published the tenant's authority yet")
            else:
                answer = reachability.attempt(
                    reachability.Target(address.host, address.port, authority, self.order.path),
                    min(reachability.ATTEMPT_SECONDS, max(self.progress.left, 0.1)),
                )
            refused_since = (refused_since or self.progress.elapsed) if answer.refused else None
            if answer.ok or (
                refused_since is not None and self.progress.elapsed - refused_since >= reachability.REFUSED_SECONDS
            ):
                self.progress.phase(f"{address}: {answer.seen}")
                return address
            self.progress.waiting(f"{address}: {answer.seen}", f"{address} {answer.stage}")
            if self.progress.over:
                raise self.unreachable(address, answer)
            self.progress.pause(next(pauses))
            if self.progress.elapsed - asked_at > 1:
                asked_at = self.progress.elapsed
                moved = self.moved()
                if moved and moved != address:
                    self.progress.phase(f"the address moved from {address} to {moved}")
                    address, authority = moved, None
                elif answer.stage == "tls":
                    authority = None
                self.infrastructure()

    def moved(self) -> Endpoint | None:
        """The address that Kamaji publishes now; None where that can't be told."""
        try:
            found = self.kube.find(CONTROL_PLANE, self.order.control_plane)
        except ApiError:
            return None
        return endpoint_of(found) if found else None

    def authority(self) -> str | None:
        """The tenant's certificate authority, None until Kamaji has made it."""
        try:
            tenant = self.kube.find(TENANT_CONTROL_PLANE, self.order.control_plane)
            name = dig(tenant, "status", "certificates", "ca", "secretName")
            secret = self.kube.find(SECRET, name) if name else None
        except ApiError as error:
            self.bearable(error, "tls", f"authority of {self.order.control_plane}")
            return None
        encoded = dig(secret, "data", "ca.crt")
        return base64.b64decode(encoded).decode() if encoded else None

    def unreachable(self, address: Endpoint, answer: reachability.Answer) -> HandoffError:
        """The error of a control plane that did not answer in time."""
        expected = {
            "dial": "a TCP connection",
            "tls": "a TLS handshake with a certificate of the tenant's authority",
            "ready": f"{self.order.path} to answer 200",
        }[answer.stage]
        name, namespace = self.order.control_plane, self.kube.namespace
        advice = {
            "dial": f"Check the load balancer: `kubectl -n {namespace} get service {name}`; it must be reachable from here "
            "and from the machines.",
            "tls": f"Something else may answer at the address, or the certificate lacks it: "
            f"`kubectl -n {namespace} get tenantcontrolplane {name} -o yaml`; `controlPlane.network.certSANs` adds names.",
            "ready": f"See the control plane's pods: `kubectl -n {namespace} get pods -l kamaji.clastix.io/name={name}`.",
        }[answer.stage]
        return self.failure(answer.stage, str(address), expected=expected, seen=answer.seen, advice=advice)

    # Phase 5

    def infrastructure(self) -> Json | None:
        """The infrastructure cluster as it is now; None where it can't be read for the moment.

        Raises:
            HandoffError: it is missing or being deleted: nothing that follows could succeed.
        """
        subject = self.subject
        try:
            found = self.kube.find(self.order.infrastructure, self.order.infrastructure_name)
        except ApiError as error:
            self.bearable(error, "endpoint", subject)
            return None
        if found is None or dig(found, "metadata", "deletionTimestamp"):
            raise self.failure(
                "endpoint",
                subject,
                expected="it to exist",
                seen="it is being deleted" if found else "it does not exist",
                advice="If it was deleted by hand, `pulumi refresh` and then `pulumi up` make it again.",
            )
        return found

    @property
    def subject(self) -> str:
        """The infrastructure cluster in words."""
        return f"{self.order.infrastructure.name} {self.kube.namespace}/{self.order.infrastructure_name}"

    def link(self, address: Endpoint) -> None:
        """See to it that the infrastructure cluster holds the address and is marked ready."""
        while True:
            found = self.patiently("endpoint", self.subject, self.infrastructure)
            if found is None:
                self.progress.pause(0.2)
                self.expire("endpoint", self.subject, "the endpoint to be written", "it can't be read")
                continue
            uid, live = found["metadata"]["uid"], endpoint_of(found)
            if live == address and dig(found, "status", "ready"):
                self.progress.phase(f"{self.subject} holds {address} and is ready")
                return
            if live and live != address and not self.order.force:
                raise self.failure(
                    "endpoint",
                    self.subject,
                    expected=f"{address}, where the control plane answers",
                    seen=f"spec.controlPlaneEndpoint is {live}, written by {writer(found)}",
                    advice="Find out who wrote it; `handoff.force: true` overwrites it.",
                )
            try:
                if live != address:
                    content = {"spec": {"controlPlaneEndpoint": {"host": address.host, "port": address.port}}}
                    self.kube.apply(
                        self.order.infrastructure, self.order.infrastructure_name, uid, content, force=self.order.force
                    )
                if not dig(found, "status", "ready"):
                    # Forced: whoever wrote ``false`` before did not know that the control plane answers.
                    self.kube.apply(
                        self.order.infrastructure,
                        self.order.infrastructure_name,
                        uid,
                        {"status": {"ready": True}},
                        subresource="status",
                        force=True,
                    )
            except ApiError as error:
                # A conflict means that somebody else wrote meanwhile: the next look tells whether it is the same.
                if error.code != 409:
                    self.bearable(error, "endpoint", self.subject)
                self.progress.waiting(f"{self.subject} could not be patched: {error}")
                self.expire("endpoint", self.subject, "to be patched", str(error))
                self.progress.pause(error.retry_after or 0.2)

    # Phase 6

    def nudge(self) -> None:
        """Wake Kamaji's provider once Cluster API knows that the infrastructure is ready.

        Its "infrastructure is not yet ready" is an exponential backoff (kamajicontrolplane_controller.go), so after a wait
        of n seconds it looks again up to n seconds later. A changed annotation makes it look at once. It reads the Cluster
        from a cache, so one nudge may come too early.
        """
        self.eventually(
            "nudge",
            f"Cluster {self.kube.namespace}/{self.order.cluster}",
            "status.infrastructureReady",
            lambda: (found := self.kube.find(CLUSTER, self.order.cluster)) is not None and infrastructure_ready(found),
            "Cluster API's controller copies it from the infrastructure cluster: does it run?",
        )
        next_nudge = 0.0
        while True:
            found = self.patiently(
                "nudge", self.order.control_plane, lambda: self.kube.find(CONTROL_PLANE, self.order.control_plane)
            )
            if dig(found, "status", "version"):
                return
            subject = f"KamajiControlPlane {self.kube.namespace}/{self.order.control_plane}"
            self.progress.waiting(f"{subject}: waits for status.version")
            self.expire("nudge", subject, "status.version", "none; Kamaji's provider does not go on")
            if found and self.progress.elapsed >= next_nudge:
                next_nudge = self.progress.elapsed + NUDGE_SECONDS
                try:
                    self.kube.apply(
                        CONTROL_PLANE,
                        self.order.control_plane,
                        found["metadata"]["uid"],
                        {"metadata": {"annotations": {NUDGE: f"{self.progress.clock():.3f}"}}},
                        force=True,
                    )
                except ApiError as error:
                    if error.code != 409:
                        self.bearable(error, "nudge", subject)
            self.progress.pause(0.2)

    # Phase 7

    def kubeconfig(self) -> None:
        """Wait until the Secret with the tenant's kubeconfig exists."""
        name = secret_name(self.order.cluster)
        self.eventually(
            "kubeconfig",
            f"Secret {self.kube.namespace}/{name}",
            "Kamaji to write it",
            lambda: self.kube.find(SECRET, name) is not None,
            "Kamaji's provider writes it once the Cluster's infrastructure is ready"
            + ("." if self.order.enabled else "; with `handoff.enabled: false` somebody else must see to that."),
        )

    # Common

    def eventually(self, phase: str, subject: str, expected: str, done: Callable[[], bool], advice: str) -> bool:
        """Wait until something holds."""
        while not self.patiently(phase, subject, done):
            self.progress.waiting(f"{subject}: waits for {expected}")
            self.expire(phase, subject, expected, "not there", advice)
            self.progress.pause(0.1)
        return True

    def patiently(self, phase: str, subject: str, read: Callable[[], Result]) -> Result:
        """Read, again and again while the management cluster does not answer for a while."""
        while True:
            try:
                return read()
            except ApiError as error:
                self.bearable(error, phase, subject)
                self.progress.waiting(f"{subject}: the management cluster does not answer: {error}")
                self.expire(phase, subject, "the management cluster to answer", str(error))
                self.progress.pause(error.retry_after or 0.5)

    def bearable(self, error: ApiError, phase: str, subject: str) -> None:
        """Raise unless an error may pass by itself."""
        if error.reason in RETRIED or error.code >= 500 or error.code == 429:
            return
        advice = {
            401: "The credentials are not valid (any more): see `management` of the stack's configuration.",
            403: "docs/rbac.yaml holds the rights that the hand-off needs.",
            422: "The API server, or an admission webhook, refuses the change.",
        }.get(error.code, "See the management cluster's API server.")
        raise self.failure(
            phase, subject, expected="the management cluster to allow it", seen=str(error), advice=advice
        )

    def expire(self, phase: str, subject: str, expected: str, seen: str, advice: str = "") -> None:
        """Raise if the time is over."""
        if self.progress.over:
            raise self.failure(phase, subject, expected=expected, seen=seen, advice=advice or "Run `pulumi up` again.")

    def failure(self, phase: str, subject: str, *, expected: str, seen: str, advice: str) -> HandoffError:
        """An error of a phase."""
        return HandoffError(phase, subject, expected=expected, seen=seen, elapsed=self.progress.elapsed, advice=advice)

    def gone(self) -> Outcome:
        """The infrastructure cluster went at the last moment."""
        raise self.failure(
            "endpoint", self.subject, expected="it to exist", seen="it does not exist", advice="Run `pulumi refresh`."
        )


def look(kube: Kube, order: Order) -> Outcome | None:
    """What holds now; None where the infrastructure cluster is gone.

    Raises:
        ApiError: the management cluster could not be read.
    """
    infrastructure = kube.find(order.infrastructure, order.infrastructure_name)
    if infrastructure is None:
        return None
    control_plane = kube.find(CONTROL_PLANE, order.control_plane)
    cluster = kube.find(CLUSTER, order.cluster)
    live = endpoint_of(infrastructure)
    return Outcome(
        address=endpoint_of(control_plane) if control_plane else None,
        live=live,
        ready=bool(dig(infrastructure, "status", "ready")),
        set_by=("pulumi" if writer(infrastructure) == FIELD_MANAGER else "kamaji") if live else "",
        cluster_uid=str(dig(cluster, "metadata", "uid") or ""),
        kubeconfig=f"{kube.namespace}/{secret_name(order.cluster)}",
    )


def secret_name(cluster: str) -> str:
    """Name of the Secret with a cluster's kubeconfig, by Cluster API's convention."""
    return f"{cluster}-kubeconfig"


def endpoint_of(obj: Json) -> Endpoint | None:
    """The endpoint in an object's spec, None where it is missing, empty or half of one."""
    host, port = dig(obj, "spec", "controlPlaneEndpoint", "host"), dig(obj, "spec", "controlPlaneEndpoint", "port")
    if not isinstance(host, str) or not host or not isinstance(port, int | float) or not 1 <= port <= 65535:
        return None
    return Endpoint(reachability.bare(host), int(port))


def writer(obj: Json) -> str:
    """Field manager that owns an object's endpoint; of several, not this program, so that a repeated run says the same."""
    managers = [
        str(entry.get("manager"))
        for entry in dig(obj, "metadata", "managedFields") or []
        if dig(entry, "fieldsV1", "f:spec", "f:controlPlaneEndpoint") is not None
    ]
    others = [manager for manager in managers if manager != FIELD_MANAGER]
    return others[0] if others else managers[0] if managers else "an unknown manager"


def infrastructure_ready(cluster: Json) -> bool:
    """Whether Cluster API counts the infrastructure as ready, in either of its API generations."""
    return bool(
        dig(cluster, "status", "infrastructureReady")
        or dig(cluster, "status", "initialization", "infrastructureProvisioned")
    )
