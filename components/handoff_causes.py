"""Why Kamaji has not published an address yet: read from the objects that it depends on."""

from __future__ import annotations

from .api import ApiError
from .kube import CLUSTER, SERVICE, TENANT_CONTROL_PLANE, Json, Kube, dig


def address_cause(kube: Kube, cluster: str, control_plane: Json) -> str:
    """The first cause that is found, in words; a general one where all looks right."""
    name = control_plane["metadata"]["name"]
    try:
        if dig(control_plane, "metadata", "deletionTimestamp"):
            return f"KamajiControlPlane {name} is being deleted"
        owner = kube.find(CLUSTER, cluster)
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
        return tenant_cause(kube, name)
    except ApiError as error:
        return f"the cause can't be read ({error})"


def tenant_cause(kube: Kube, name: str) -> str:
    """What Kamaji itself still lacks."""
    tenant = kube.find(TENANT_CONTROL_PLANE, name)
    if tenant is None:
        return f"Kamaji's Cluster API provider has not made TenantControlPlane {name} yet; does it run?"
    service = kube.find(SERVICE, name)
    if service is None:
        return f"Kamaji has not made Service {name} yet{conditions(tenant)}"
    balanced = dig(service, "spec", "type") == "LoadBalancer"
    if balanced and not dig(service, "status", "loadBalancer", "ingress"):
        return f"Service {name} has no ingress address: no load balancer took it up{conditions(tenant)}"
    state = dig(tenant, "status", "kubernetesResources", "version", "status") or "not ready"
    return f"TenantControlPlane {name} is {state}{conditions(tenant)}"


def conditions(tenant: Json) -> str:
    """Conditions of a TenantControlPlane that are not met, in words."""
    unmet = [
        f"{condition.get('type')}: {condition.get('message') or condition.get('reason')}"
        for condition in dig(tenant, "status", "conditions") or []
        if condition.get("status") != "True"
    ]
    return f" ({'; '.join(unmet)})" if unmet else ""
