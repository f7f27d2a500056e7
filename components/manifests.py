"""The manifests of a tenant cluster that no infrastructure provider has a say in."""

from __future__ import annotations

from typing import Any

from . import bootstrap, metal, naming
from .manifests_common import Manifest, manifest, selector
from .settings import TenantClusterSettings, WorkerPoolSettings

CLUSTER_API = "cluster.x-k8s.io/v1beta1"
CONTROL_PLANE_API = "controlplane.cluster.x-k8s.io/v1alpha1"

AUTOSCALER = "cluster.x-k8s.io/cluster-api-autoscaler-node-group"


def namespace(settings: TenantClusterSettings) -> Manifest | None:
    """The namespace, where the stack asks for one."""
    if not settings.cluster.create_namespace:
        return None
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": settings.cluster.namespace}}


def cluster(settings: TenantClusterSettings) -> Manifest:
    """The Cluster.

    ``controlPlaneRef`` names KamajiControlPlane's own version: Cluster API rewrites any other by the contract label of its
    CRD, which a later run would see as a change.
    """
    own = settings.cluster
    reference = metal.infrastructure_reference(settings)
    spec: dict[str, Any] = {
        "clusterNetwork": {
            "pods": {"cidrBlocks": list(own.pod_cidrs)},
            "services": {"cidrBlocks": list(own.service_cidrs)},
        },
        "controlPlaneRef": {
            "apiVersion": CONTROL_PLANE_API,
            "kind": "KamajiControlPlane",
            "name": settings.control_plane_name,
        },
        "infrastructureRef": {key: reference[key] for key in ("apiVersion", "kind", "name")},  # type: ignore[literal-required]
    }
    if own.paused:
        spec["paused"] = True
    return manifest(settings, CLUSTER_API, "Cluster", own.name, spec)


def kamaji_control_plane(settings: TenantClusterSettings) -> Manifest:
    """The KamajiControlPlane. It never holds ``controlPlaneEndpoint``: Kamaji writes that."""
    plane = settings.control_plane
    network: dict[str, Any] = {"serviceType": plane.network.service_type}
    if plane.network.service_address:
        network["serviceAddress"] = plane.network.service_address
    if plane.network.service_labels:
        network["serviceLabels"] = dict(plane.network.service_labels)
    if plane.network.service_annotations:
        network["serviceAnnotations"] = dict(plane.network.service_annotations)
    if plane.network.cert_sans:
        network["certSANs"] = list(plane.network.cert_sans)
    addons = {
        "coreDNS": plane.addons.core_dns,
        "kubeProxy": plane.addons.kube_proxy,
        "konnectivity": plane.addons.konnectivity,
    }
    deployment: dict[str, Any] = {}
    if plane.deployment.node_selector:
        deployment["nodeSelector"] = dict(plane.deployment.node_selector)
    if plane.deployment.runtime_class_name:
        deployment["runtimeClassName"] = plane.deployment.runtime_class_name
    spec: dict[str, Any] = {
        "addons": {name: {} for name, wanted in addons.items() if wanted},
        "deployment": deployment,
        "kubelet": {
            "cgroupfs": plane.kubelet.cgroupfs,
            "preferredAddressTypes": list(plane.kubelet.preferred_address_types),
        },
        "network": network,
        "replicas": plane.replicas,
        "version": settings.control_plane_version,
    }
    if plane.data_store:
        spec["dataStoreName"] = plane.data_store
    return manifest(settings, CONTROL_PLANE_API, "KamajiControlPlane", settings.control_plane_name, spec)


def machine_deployment(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest:
    """The MachineDeployment of a pool."""
    infrastructure = metal.machine_template(settings, pool)
    joining = bootstrap.bootstrap_template(settings, pool)

    def reference(template: Manifest) -> dict[str, str]:
        return {
            "apiVersion": template["apiVersion"],
            "kind": template["kind"],
            "name": template["metadata"]["name"],
        }

    spec: dict[str, Any] = {
        "clusterName": settings.cluster.name,
        "selector": {"matchLabels": selector(settings, pool)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {
                "maxSurge": pool.strategy.max_surge,
                "maxUnavailable": pool.strategy.max_unavailable,
            },
        },
        "template": {
            "metadata": {"labels": selector(settings, pool)},
            "spec": {
                "bootstrap": {"configRef": reference(joining)},
                "clusterName": settings.cluster.name,
                "infrastructureRef": reference(infrastructure),
                "version": f"v{settings.pool_version(pool)}",
            },
        },
    }
    annotations = None
    if pool.min is None:
        spec["replicas"] = 1 if pool.replicas is None else pool.replicas
    else:
        # Without replicas, so that no run undoes what the autoscaler has set.
        annotations = {f"{AUTOSCALER}-min-size": str(pool.min), f"{AUTOSCALER}-max-size": str(pool.max)}
    name = naming.machine_deployment(settings.cluster.name, pool.name)
    return manifest(settings, CLUSTER_API, "MachineDeployment", name, spec, pool=pool, annotations=annotations)


def machine_health_check(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest | None:
    """The MachineHealthCheck of a pool, where it asks for one."""
    check = pool.health_check
    if check is None:
        return None
    spec = {
        "clusterName": settings.cluster.name,
        "maxUnhealthy": check.max_unhealthy,
        "nodeStartupTimeout": f"{check.node_startup_seconds}s",
        "selector": {"matchLabels": selector(settings, pool)},
        "unhealthyConditions": [
            {"type": "Ready", "status": status, "timeout": f"{check.unhealthy_seconds}s"}
            for status in ("Unknown", "False")
        ],
    }
    name = naming.machine_deployment(settings.cluster.name, pool.name)
    return manifest(settings, CLUSTER_API, "MachineHealthCheck", name, spec, pool=pool)


def documents(settings: TenantClusterSettings) -> list[Manifest]:
    """All manifests of a tenant cluster, in an order in which they can be applied."""
    found = [
        namespace(settings),
        cluster(settings),
        metal.infrastructure_cluster(settings),
        kamaji_control_plane(settings),
    ]
    for pool in settings.worker_pools:
        found += [
            metal.machine_template(settings, pool),
            bootstrap.bootstrap_template(settings, pool),
            machine_deployment(settings, pool),
            machine_health_check(settings, pool),
        ]
    return [document for document in found if document is not None]
