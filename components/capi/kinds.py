"""The kinds that the program looks at by name, and how an infrastructure cluster is referred to."""

from __future__ import annotations

from typing import TypedDict

from ..kube.objects import Kind

CLUSTER = Kind("cluster.x-k8s.io/v1beta1", "Cluster", "clusters")
CONTROL_PLANE = Kind("controlplane.cluster.x-k8s.io/v1alpha1", "KamajiControlPlane", "kamajicontrolplanes")
TENANT_CONTROL_PLANE = Kind("kamaji.clastix.io/v1alpha1", "TenantControlPlane", "tenantcontrolplanes")


class InfrastructureReference(TypedDict):
    """What the hand-off must know of the infrastructure cluster."""

    apiVersion: str
    kind: str
    plural: str
    name: str
