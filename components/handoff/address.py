"""The first phase: Kamaji publishes an address."""

from __future__ import annotations

from ..capi.endpoint import Endpoint, endpoint_of
from ..kube.client import ApiError
from ..kube.objects import Json, dig
from . import causes
from .patience import RIGHTS, Wait
from .refusal import Refusals

LOOK_SECONDS = 5.0
"""How long one watch lasts before the cause of the delay is read again."""

UNWATCHED_SECONDS = 1.0
"""Between two reads where watching is forbidden."""


def same_cluster(wait: Wait) -> None:
    """Check that the credentials lead to the management cluster in which the Cluster was made.

    Raises:
        HandoffError: they lead to another one, or the Cluster is deleted or being deleted.
    """
    order = wait.order
    subject = wait.cluster_subject
    cluster = wait.patiently("address", subject, lambda: wait.kube.find(order.cluster_kind, order.cluster))
    uid = dig(cluster, "metadata", "uid")
    if order.cluster_uid and uid != order.cluster_uid:
        raise wait.failure(
            "address",
            f"{subject} in {wait.kube.server}",
            expectation=f"the one with UID {order.cluster_uid}, which this stack made",
            observation=f"UID {uid}" if cluster else "no such Cluster",
            advice="The hand-off's credentials lead to another management cluster than the Kubernetes provider's: compare "
            "`management` in the stack's configuration with the kubeconfig of that provider. If the Cluster was deleted by "
            "hand, run `pulumi refresh` first.",
        )
    if dig(cluster, "metadata", "deletionTimestamp"):
        raise wait.failure(
            "address",
            subject,
            expectation="that it stays",
            observation="it is being deleted",
            advice="Wait until it is gone; then `pulumi refresh` and `pulumi up` make it again.",
        )


def await_address(wait: Wait) -> Endpoint:
    """Wait until the KamajiControlPlane has an endpoint.

    Raises:
        HandoffError: not in time; names the cause.
    """
    name, subject = wait.order.control_plane, wait.control_plane_subject
    wait.progress.tell(f"waits for the address of {subject}")
    refusals = Refusals(wait, "address")
    while True:
        control_plane, pause = None, 0.0
        try:
            control_plane = wait.kube.find(wait.order.control_plane_kind, name)
            if control_plane and (endpoint := endpoint_of(control_plane)):
                return endpoint
            cause = (
                causes.address_cause(wait.kube, wait.order, control_plane)
                if control_plane
                else f"there is no KamajiControlPlane {name}"
            )
        except ApiError as error:
            wait.bearable(error, "address", subject)
            cause, pause = str(error), error.retry_after or 0.0
        refusals.look(control_plane)
        wait.progress.report_wait(f"{subject} has no address: {cause}")
        wait.expire(
            "address",
            subject,
            "spec.controlPlaneEndpoint, written by Kamaji",
            cause,
            f"See `kubectl -n {wait.kube.namespace} describe kamajicontrolplane,tenantcontrolplane {name}`.",
        )
        wait.keep_watch()
        if pause:
            wait.progress.pause(pause)
        else:
            await_change(wait, control_plane)


def await_change(wait: Wait, control_plane: Json | None) -> None:
    """Wait until the KamajiControlPlane changes, at most a few seconds."""
    seconds = min(LOOK_SECONDS, max(wait.progress.remaining_seconds, 0.1))
    if control_plane is None:
        wait.progress.pause(min(0.5, seconds))
        return
    version = control_plane["metadata"]["resourceVersion"]
    try:
        for _event in wait.kube.changes(wait.order.control_plane_kind, wait.order.control_plane, version, seconds):
            return
    except ApiError as error:
        if error.code == 403:
            wait.progress.report_wait(
                f"the credentials may not watch KamajiControlPlanes, so this one is read each second. {RIGHTS}"
            )
            wait.progress.pause(UNWATCHED_SECONDS)
        else:
            # The next read shows the cause, or a newer version where this one was too old to watch from.
            wait.progress.pause(error.retry_after or 0.2)
