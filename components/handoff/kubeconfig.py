"""The Secret with the tenant's kubeconfig: made before the infrastructure is marked ready, and Kamaji's from then on.

Cluster API's ClusterCache, one in each controller, dials the tenant as soon as ``Cluster.status.infrastructureReady`` is
true. Without this Secret it fails, and tries again only after its ConnectionCreationRetryInterval of 30 s
(cluster-api/controllers/clustercache/cluster_cache.go); until then no machine is ordered. Kamaji's provider writes the
Secret after the same flag, with CreateOrUpdate (createOrUpdateKubeconfig in kamajicontrolplane_controller_resources.go of
v0.15.2): it takes over one that is there already, keeps its labels, replaces its data, and makes the KamajiControlPlane its
controller. So a Secret that has no controller has not been taken over yet.
"""

from __future__ import annotations

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.manifest import CLUSTER_LABEL
from ..kube.client import ApiError
from ..kube.objects import SECRET, Json, dig
from .order import secret_name
from .patience import RIGHTS, Wait, is_transient

SECRET_TYPE = "cluster.x-k8s.io/secret"  # noqa: S105 - no secret: Cluster API's type of the Secrets that hold one
"""Cluster API's controllers keep only Secrets with this label in their caches."""

KEY_ANNOTATION = "kamaji.clastix.io/kubeconfig-secret-key"
"""On a KamajiControlPlane: the key of Kamaji's Secret that holds the kubeconfig to be used (Kamaji's api/v1alpha1)."""

PATIENCE_SECONDS = 2.0
"""How long to wait for a missing kubeconfig; a machine that starts later is no reason to delay the hand-off."""


def provide(wait: Wait) -> None:
    """Create the Secret where it is missing. A failure is only reported, and does not end the hand-off.

    Raises:
        HandoffError: there is a Secret of that name that Kamaji's provider could never take over.
    """
    until = wait.progress.elapsed + PATIENCE_SECONDS
    while True:
        try:
            secret = wait.kube.find(SECRET, secret_name(wait.order.cluster))
            if secret is not None:
                judge(wait, secret)
                return
            if make(wait):
                wait.progress.tell(
                    f"{subject(wait)} was made before the ready flag; Kamaji's provider keeps it up to date from now on"
                )
                return
            reason = f"Kamaji has not made the kubeconfig of TenantControlPlane {wait.order.control_plane} yet"
        except ApiError as error:
            reason = f"{error}. {RIGHTS}" if error.code == 403 else str(error)
            # A conflict: somebody else created it meanwhile, and the next read judges that one.
            if error.code != 409 and not is_transient(error):
                until = 0.0
        if wait.progress.elapsed >= until or wait.progress.over:
            wait.progress.tell(
                f"{subject(wait)} can't be made before the ready flag, so the first machine comes up to 30 s later: "
                f"{reason}"
            )
            return
        wait.progress.pause(0.2)


def make(wait: Wait) -> bool:
    """Create the Secret as Kamaji's provider would write it, without the mark that it was taken over.

    Its owner is the KamajiControlPlane, so that it is deleted with it even if the hand-off fails.

    Returns:
        False where Kamaji has not made the kubeconfig yet.

    Raises:
        ApiError: something can't be read, or the Secret can't be created.
    """
    kube, order = wait.kube, wait.order
    control_plane = kube.find(order.control_plane_kind, order.control_plane)
    tenant = kube.find(TENANT_CONTROL_PLANE, order.control_plane)
    holder = dig(tenant, "status", "kubeconfig", "admin", "secretName")
    source = kube.find(SECRET, holder) if holder else None
    key = dig(control_plane, "metadata", "annotations", KEY_ANNOTATION) or "admin.conf"
    value = dig(source, "data", key)
    if not control_plane or not value:
        return False
    owner = {
        "apiVersion": order.control_plane_kind.api_version,
        "kind": order.control_plane_kind.name,
        "name": order.control_plane,
        "uid": control_plane["metadata"]["uid"],
    }
    kube.create(
        SECRET,
        secret_name(order.cluster),
        {
            "metadata": {"labels": {CLUSTER_LABEL: order.cluster}, "ownerReferences": [owner]},
            "type": SECRET_TYPE,
            "data": {"value": value},
        },
    )
    return True


def await_kamaji(wait: Wait) -> None:
    """Wait until Kamaji's provider has written the Secret, or has taken over an existing one.

    Raises:
        HandoffError: it does not in time, or it never could.
    """
    name = secret_name(wait.order.cluster)

    def belongs_to_kamaji() -> bool:
        secret = wait.kube.find(SECRET, name)
        if secret is not None:
            judge(wait, secret)
        owner = controller(secret)
        if owner is None:
            return False
        # The Secret of a control plane that was deleted and created again stays until the garbage collector removes it.
        plane = wait.kube.find(wait.order.control_plane_kind, wait.order.control_plane)
        return bool(owner.get("uid") == dig(plane, "metadata", "uid"))

    wait.eventually(
        "kubeconfig",
        subject(wait),
        "that Kamaji's provider writes it",
        belongs_to_kamaji,
        "Kamaji's provider writes it once the Cluster's infrastructure is ready"
        + (
            "."
            if wait.order.enabled
            else "; with `handoff.enabled: false` you, or another program, must mark it ready."
        ),
    )


def judge(wait: Wait, secret: Json) -> None:
    """Check that Kamaji's provider can take a Secret over, or has done so.

    Raises:
        HandoffError: the API server, or Kamaji's provider itself, would refuse it for ever.
    """
    if obstacle := takeover_obstacle(secret, wait.order.control_plane):
        name = secret["metadata"]["name"]
        raise wait.failure(
            "kubeconfig",
            subject(wait),
            expectation=f"a Secret of type {SECRET_TYPE} that Kamaji's provider can write",
            observation=obstacle,
            advice="Cluster API and Kamaji's provider both need this name, and no machine can join without it. Keep what it "
            f"holds under another name, then run `kubectl -n {wait.kube.namespace} delete secret {name}` and `pulumi up`.",
        )


def takeover_obstacle(secret: Json, control_plane: str) -> str:
    """Why Kamaji's provider can't take a Secret over, in words; empty where it can.

    A Secret's type can't be changed, and controller-runtime's SetControllerReference refuses a second controller.
    """
    if secret.get("type") != SECRET_TYPE:
        return f"a Secret of type {secret.get('type')}, which somebody else made, and a type can't be changed"
    owner = controller(secret)
    if owner and (owner.get("kind"), owner.get("name")) != ("KamajiControlPlane", control_plane):
        return f"a Secret that belongs to {owner.get('kind')} {owner.get('name')}"
    if secret.get("immutable") and not owner:
        return "a Secret that is immutable"
    return ""


def controller(secret: Json | None) -> Json | None:
    """The owner reference that is marked as the controller's."""
    owners: list[Json] = dig(secret, "metadata", "ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def subject(wait: Wait) -> str:
    """The Secret in words."""
    return f"Secret {wait.kube.namespace}/{secret_name(wait.order.cluster)}"
