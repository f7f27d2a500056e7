"""Phase five: infrastructure cluster and Cluster hold the address, and the former is ready.

There are two ways. An infrastructure cluster that exists before its endpoint is known is patched (:func:`patch`); one that
was created with the endpoint is only read (:func:`verify`).
"""

from __future__ import annotations

from ..capi.endpoint import Endpoint, endpoint_of
from ..capi.reading import is_provisioned, terminal_failure
from ..kube.client import ApiError
from ..kube.objects import Json
from .errors import HandoffError
from .order import may_replace, writer
from .patience import Wait


def patch(wait: Wait, address: Endpoint) -> None:
    """Make the infrastructure cluster hold the address, and mark it ready.

    Raises:
        HandoffError: it holds another one that may not be replaced, or can't be patched.
    """
    subject, refusal = wait.infrastructure_subject, ""
    while True:
        infrastructure = wait.patiently("endpoint", subject, wait.infrastructure)
        if is_linked(wait, infrastructure, address):
            return
        if endpoint_of(infrastructure) != address and not may_replace(wait.order, infrastructure, address):
            advice = "Find out who wrote it, then set `handoff.force: true` to overwrite it, and run `pulumi up`."
            raise endpoint_conflict(wait, infrastructure, address, advice)
        if refusal:
            wait.expire(
                "endpoint",
                subject,
                "that it takes the endpoint",
                refusal,
                "Its endpoint and its ready flag are not both written: run `pulumi up` again.",
            )
        try:
            write(wait, infrastructure, address)
        except ApiError as error:
            # A conflict means that somebody else wrote meanwhile: the next read shows whether it is the same.
            if error.code != 409:
                wait.bearable(error, "endpoint", subject)
            refusal = str(error)
            wait.progress.report_wait(f"{subject} could not be patched: {error}")
            wait.progress.pause(error.retry_after or 0.2)


def write(wait: Wait, infrastructure: Json, address: Endpoint) -> None:
    """Write the endpoint and the ready flag where an infrastructure cluster lacks them.

    Raises:
        ApiError: a patch was refused or got no answer; it may have been applied.
    """
    order, uid = wait.order, infrastructure["metadata"]["uid"]
    live = endpoint_of(infrastructure)
    if live != address:
        content = content_of(address)
        wait.kube.apply(order.infrastructure, order.infrastructure_name, uid, content, force=live is not None)
    if not is_provisioned(infrastructure):
        # By force, because who wrote ``false`` before did not know that the control plane answers.
        ready = {"status": {"ready": True}}
        wait.kube.apply(order.infrastructure, order.infrastructure_name, uid, ready, subresource="status", force=True)


def carry(wait: Wait, address: Endpoint) -> None:
    """Correct another address in the Cluster, from which new machines get theirs.

    Cluster API copies only the first address from the infrastructure cluster, but a control plane that is created again may
    have a new one.

    Raises:
        HandoffError: the Cluster can't be patched.
    """
    order = wait.order

    def update_cluster() -> bool:
        cluster = wait.kube.find(order.cluster_kind, order.cluster)
        copy = endpoint_of(cluster) if cluster else None
        if cluster and copy and copy != address:
            wait.kube.apply(
                order.cluster_kind, order.cluster, cluster["metadata"]["uid"], content_of(address), force=True
            )
            wait.progress.tell(
                f"{wait.cluster_subject} held {copy}, which Cluster API itself never changes; it holds {address} now"
            )
        return True

    wait.patiently("endpoint", wait.cluster_subject, update_cluster)


def verify(wait: Wait, address: Endpoint) -> None:
    """Check that infrastructure cluster and Cluster hold the address, and wait until the former is ready.

    Nothing is written: it was created with the address, and Cluster API copies that into the Cluster once.

    Raises:
        HandoffError: one of them holds another address, or its controller does not mark it ready.
    """
    order, subject = wait.order, wait.infrastructure_subject
    while True:
        infrastructure = wait.patiently("endpoint", subject, wait.infrastructure)
        cluster = wait.patiently("endpoint", subject, lambda: wait.kube.find(order.cluster_kind, order.cluster))
        if endpoint_of(infrastructure) != address:
            advice = "Run `kamaji-equinix up`, which compares it and writes the right one."
            raise endpoint_conflict(wait, infrastructure, address, advice)
        if cluster and (copy := endpoint_of(cluster)) and copy != address:
            raise wait.failure(
                "endpoint",
                wait.cluster_subject,
                expectation=f"{address}, where the control plane answers",
                observation=f"spec.controlPlaneEndpoint is {copy}, which Cluster API never changes again",
                advice="Give the control plane its former address back (`controlPlane.network.serviceAddress`), or create "
                "the cluster again.",
            )
        if is_linked(wait, infrastructure, address):
            return
        reason = terminal_failure(infrastructure) or ("not ready", "its controller has not marked it as ready")
        wait.progress.report_wait(f"{subject}: waits until its controller marks it ready")
        wait.expire(
            "endpoint",
            subject,
            "that its controller marks it ready",
            ": ".join(reason),
            f"See `kubectl -n {wait.kube.namespace} describe {order.infrastructure.name.lower()} "
            f"{order.infrastructure_name}` and the log of its controller.",
        )
        wait.progress.pause(0.5)


def is_linked(wait: Wait, infrastructure: Json, address: Endpoint) -> bool:
    """Whether an infrastructure cluster holds the address and is ready; reports it where it does."""
    is_complete = endpoint_of(infrastructure) == address and is_provisioned(infrastructure)
    if is_complete:
        wait.progress.tell(f"{wait.infrastructure_subject} holds {address} and is ready")
    return is_complete


def endpoint_conflict(wait: Wait, infrastructure: Json, address: Endpoint, advice: str) -> HandoffError:
    """The error of an infrastructure cluster that holds another endpoint."""
    return wait.failure(
        "endpoint",
        wait.infrastructure_subject,
        expectation=f"{address}, where the control plane answers",
        observation=f"spec.controlPlaneEndpoint is {endpoint_of(infrastructure)}, written by {writer(infrastructure)}",
        advice=advice,
    )


def content_of(address: Endpoint) -> Json:
    """The part of an object that holds an endpoint."""
    return {"spec": {"controlPlaneEndpoint": {"host": address.host, "port": address.port}}}
