"""Why a control plane has no address yet: one explanation for the hand-off and for the status tree. Pure.

Kamaji acts on a KamajiControlPlane once a Cluster owns it, makes a TenantControlPlane of the same name from it, and publishes
the address that this one's Service gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..kube.objects import dig
from .reading import Condition, Failure, Json, conditions, conditions_in, name

Part = Json | Failure | None
"""An object; why it could not be read; or None where there is none."""


@dataclass(frozen=True)
class Cause:
    """Why there is no address.

    Attributes:
        text: in words.
        actor: who has to act for one.
    """

    text: str
    actor: Literal["Cluster API", "Kamaji", "load balancer"]


def cause(control_plane: Json, cluster: Part, tenant: Part, service: Part) -> Cause:
    """The first cause that the objects show; a general one where all look right.

    Args:
        control_plane: the KamajiControlPlane.
        cluster: the Cluster that it is to belong to.
        tenant: its TenantControlPlane.
        service: the Service of that.
    """
    plane_name, plane = name(control_plane), f"KamajiControlPlane {name(control_plane)}"
    if dig(control_plane, "metadata", "deletionTimestamp"):
        return Cause(f"{plane} is being deleted", "Cluster API")
    if isinstance(cluster, Failure):
        return Cause(failure_text(cluster), "Cluster API")
    if cluster is None:
        return Cause("there is no Cluster for it, and Kamaji ignores a KamajiControlPlane without one", "Cluster API")
    if dig(cluster, "spec", "paused"):
        return Cause(f"Cluster {name(cluster)} is paused (spec.paused), so no controller acts on it", "Cluster API")
    owners = dig(control_plane, "metadata", "ownerReferences") or []
    if not any(reference.get("kind") == "Cluster" for reference in owners):
        target = dig(cluster, "spec", "controlPlaneRef", "name") or "none"
        return Cause(
            f"no Cluster owns {plane}, and Kamaji ignores it until then: Cluster {name(cluster)} refers to {target}, or "
            "Cluster API's controller does not run",
            "Cluster API",
        )
    if tenant is None:
        why = false_conditions(conditions(control_plane))
        return Cause(
            f"Kamaji's Cluster API provider has not made TenantControlPlane {plane_name} yet; does it run?{why}",
            "Kamaji",
        )
    if isinstance(tenant, Failure):
        return Cause(f"{failure_text(tenant)}{false_conditions(conditions(control_plane))}", "Kamaji")
    # A TenantControlPlane has no conditions of its own, but those of its Deployment.
    deployment = dig(tenant, "status", "kubernetesResources", "deployment", "conditions")
    why = false_conditions((*conditions(control_plane), *conditions_in(deployment)))
    if isinstance(service, Failure):
        return Cause(f"{failure_text(service)}{why}", "Kamaji")
    if service is None:
        return Cause(f"Kamaji has not made Service {plane_name} yet{why}", "Kamaji")
    if dig(service, "spec", "type") == "LoadBalancer" and not dig(service, "status", "loadBalancer", "ingress"):
        return Cause(
            f"Service {name(service)} has no ingress address: no load balancer serves it{why}", "load balancer"
        )
    state = dig(tenant, "status", "kubernetesResources", "version", "status") or "not ready"
    return Cause(f"TenantControlPlane {plane_name} is {state}{why}", "Kamaji")


def failure_text(failure: Failure) -> str:
    """A sentence about an object that could not be read, with the reason."""
    return f"{failure.subject} can't be read ({failure.reason}: {failure.message})"


def false_conditions(items: Iterator[Condition] | tuple[Condition, ...]) -> str:
    """The conditions that are False, as text in brackets; empty where none is."""
    texts = [
        f"{condition.type}: {' '.join((condition.message or condition.reason).split())[:200]}"
        for condition in items
        if condition.status == "False" and (condition.message or condition.reason)
    ]
    return f" ({'; '.join(texts)})" if texts else ""
