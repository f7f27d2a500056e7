"""Why Kamaji has not published an address yet: read from the objects that it depends on."""

from __future__ import annotations

from collections.abc import Iterator

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..kube.client import ApiError
from ..kube.objects import SERVICE, Json, Kube, dig
from .order import Order
from .patience import RIGHTS


def address_cause(kube: Kube, order: Order, control_plane: Json) -> str:
    """The first cause that is found, in words; a general one where all looks right."""
    name, cluster = control_plane["metadata"]["name"], order.cluster
    try:
        if dig(control_plane, "metadata", "deletionTimestamp"):
            return f"KamajiControlPlane {name} is being deleted"
        owner = kube.find(order.cluster_kind, cluster)
        if owner is None:
            return f"there is no Cluster {cluster}, and Kamaji ignores a KamajiControlPlane without one"
        if dig(owner, "spec", "paused"):
            return f"Cluster {cluster} is paused (spec.paused), so nobody works on it"
        owners = dig(control_plane, "metadata", "ownerReferences") or []
        if not any(reference.get("kind") == "Cluster" for reference in owners):
            return (
                f"no Cluster owns KamajiControlPlane {name}: Cluster {cluster} refers to "
                f"{dig(owner, 'spec', 'controlPlaneRef', 'name') or 'none'}, or Cluster API's controller does not run"
            )
        return tenant_cause(kube, control_plane)
    except ApiError as error:
        return f"the cause can't be read ({error})" + (f" {RIGHTS}" if error.code == 403 else "")


def tenant_cause(kube: Kube, control_plane: Json) -> str:
    """What Kamaji itself still lacks.

    Raises:
        ApiError: that can't be read.
    """
    name = control_plane["metadata"]["name"]
    tenant = kube.find(TENANT_CONTROL_PLANE, name)
    if tenant is None:
        why = unmet(control_plane)
        return f"Kamaji's Cluster API provider has not made TenantControlPlane {name} yet; does it run?{why}"
    # A TenantControlPlane has no conditions of its own, but those of its Deployment.
    why = unmet(control_plane, dig(tenant, "status", "kubernetesResources", "deployment"))
    service = kube.find(SERVICE, name)
    if service is None:
        return f"Kamaji has not made Service {name} yet{why}"
    balanced = dig(service, "spec", "type") == "LoadBalancer"
    if balanced and not dig(service, "status", "loadBalancer", "ingress"):
        return f"Service {name} has no ingress address: no load balancer took it up{why}"
    state = dig(tenant, "status", "kubernetesResources", "version", "status") or "not ready"
    return f"TenantControlPlane {name} is {state}{why}"


def unmet(control_plane: Json, deployment: Json | None = None) -> str:
    """Conditions that are not met, in words."""
    found = [
        *said(dig(control_plane, "status", "conditions")),
        *said(dig(deployment, "conditions")),
    ]
    return f" ({'; '.join(found)})" if found else ""


def said(conditions: object) -> Iterator[str]:
    """Type and message of each condition that says False."""
    for condition in conditions if isinstance(conditions, list) else []:
        what = condition.get("message") or condition.get("reason")
        if condition.get("status") == "False" and what:
            yield f"{condition.get('type')}: {' '.join(str(what).split())[:200]}"
