"""Phase six: Kamaji's provider goes on as soon as Cluster API knows that the infrastructure is ready."""

from __future__ import annotations

from ..capi.reading import infrastructure_ready
from ..kube.client import ApiError
from ..kube.objects import Json, dig
from .patience import Wait

ANNOTATION = "kamaji-equinix.io/handed-off"
"""On the KamajiControlPlane; a change of it makes an event for Kamaji's provider."""

SECONDS = 2.0
"""Between two nudges."""


def nudge(wait: Wait) -> None:
    """Wake Kamaji's provider once Cluster API knows that the infrastructure is ready.

    Its "infrastructure is not yet ready" is an exponential backoff (kamajicontrolplane_controller.go), so after a wait of n
    seconds it looks again up to n seconds later. A changed annotation makes it look at once. It reads the Cluster from a
    cache, so one nudge may come too early.

    Raises:
        HandoffError: Cluster API or Kamaji's provider does not go on.
    """
    kube, order, progress = wait.kube, wait.order, wait.progress

    def knows() -> bool:
        cluster = kube.find(order.cluster_kind, order.cluster)
        return cluster is not None and infrastructure_ready(cluster)

    wait.eventually(
        "nudge",
        wait.cluster_subject,
        "status.infrastructureReady",
        knows,
        "Cluster API's controller copies it from the infrastructure cluster: see that it runs, and its log.",
    )
    subject, next_nudge = wait.control_plane_subject, 0.0
    while True:
        plane = wait.patiently("nudge", subject, lambda: kube.find(order.control_plane_kind, order.control_plane))
        if dig(plane, "status", "version"):
            return
        progress.report_wait(f"{subject}: waits for status.version")
        wait.expire(
            "nudge",
            subject,
            "status.version, from Kamaji's Cluster API provider",
            "none" if plane else "it does not exist any more",
            "The infrastructure is ready, and Kamaji's Cluster API provider does not go on: see that it runs, and its log.",
        )
        if plane and progress.elapsed >= next_nudge:
            next_nudge = progress.elapsed + SECONDS
            touch(wait, plane)
        progress.pause(0.2)


def touch(wait: Wait, control_plane: Json) -> None:
    """Change the annotation."""
    uid = control_plane["metadata"]["uid"]
    content = {"metadata": {"annotations": {ANNOTATION: f"{wait.progress.clock():.3f}"}}}
    try:
        wait.kube.apply(wait.order.control_plane_kind, wait.order.control_plane, uid, content, force=True)
    except ApiError as error:
        if error.code != 409:
            wait.bearable(error, "nudge", wait.control_plane_subject)
