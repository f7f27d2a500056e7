"""The manifests of a tenant cluster that no infrastructure provider has a say in."""

from __future__ import annotations

from typing import Any

from . import bootstrap, metal, naming
from .contracts import contract
from .control_plane import KIND as CONTROL_PLANE_KIND
from .control_plane import kamaji_control_plane
from .manifests_common import Manifest, given, manifest, selector
from .settings import TenantClusterSettings, WorkerPoolSettings
from .settings_rules_pools import synced

__all__ = [
    "cluster",
    "documents",
    "kamaji_control_plane",
    "machine_deployment",
    "machine_health_check",
    "namespace",
]

AUTOSCALER = "cluster.x-k8s.io/cluster-api-autoscaler-node-group"


def namespace(settings: TenantClusterSettings) -> Manifest | None:
    """The namespace, where the stack asks for one."""
    if not settings.cluster.create_namespace:
        return None
    own = {**settings.cluster.labels, "app.kubernetes.io/managed-by": "kamaji-equinix"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": settings.cluster.namespace, "labels": own}}


def cluster(settings: TenantClusterSettings) -> Manifest:
    """The Cluster."""
    own, generation = settings.cluster, contract(settings)
    infrastructure = metal.infrastructure_reference(settings)
    spec: dict[str, Any] = {
        "clusterNetwork": {
            "pods": {"cidrBlocks": list(own.pod_cidrs)},
            "services": {"cidrBlocks": list(own.service_cidrs)},
            **given(serviceDomain=own.service_domain, apiServerPort=own.api_server_port),
        },
        "controlPlaneRef": generation.reference(
            generation.control_plane, CONTROL_PLANE_KIND, settings.control_plane_name, own.namespace
        ),
        "infrastructureRef": generation.reference(
            infrastructure["apiVersion"], infrastructure["kind"], infrastructure["name"], own.namespace
        ),
    }
    if own.paused:
        spec["paused"] = True
    return manifest(settings, generation.core, "Cluster", own.name, spec)


def machine_deployment(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest:
    """The MachineDeployment of a pool."""
    generation = contract(settings)

    def reference(template: Manifest) -> dict[str, str]:
        metadata = template["metadata"]
        return generation.reference(template["apiVersion"], template["kind"], metadata["name"], metadata["namespace"])

    node_labels = {key: value for key, value in sorted(pool.labels.items()) if synced(key)}
    machine: dict[str, Any] = {
        "bootstrap": {"configRef": reference(bootstrap.bootstrap_template(settings, pool))},
        "clusterName": settings.cluster.name,
        "infrastructureRef": reference(metal.machine_template(settings, pool)),
        "version": f"v{settings.pool_version(pool)}",
    }
    if (drain := pool.node_drain_timeout_seconds) is not None:
        if generation.lists:
            machine["deletion"] = {"nodeDrainTimeoutSeconds": drain}
        else:
            machine["nodeDrainTimeout"] = duration(drain)
    spec: dict[str, Any] = {
        "clusterName": settings.cluster.name,
        "selector": {"matchLabels": selector(settings, pool)},
        **strategy(settings, pool),
        "template": {"metadata": {"labels": selector(settings, pool) | node_labels}, "spec": machine},
    }
    annotations = dict(pool.annotations)
    if pool.min is None:
        spec["replicas"] = 1 if pool.replicas is None else pool.replicas
    else:
        # Without replicas, so that no run undoes what the autoscaler has set.
        annotations |= {f"{AUTOSCALER}-min-size": str(pool.min), f"{AUTOSCALER}-max-size": str(pool.max)}
    name = naming.machine_deployment(settings.cluster.name, pool.name)
    return manifest(settings, generation.core, "MachineDeployment", name, spec, pool=pool, annotations=annotations)


def strategy(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> dict[str, Any]:
    """How the pool rolls over; nothing where Cluster API's defaults are wanted."""
    wanted = pool.strategy
    if wanted is None:
        return {}
    rolling = {"maxSurge": wanted.max_surge, "maxUnavailable": wanted.max_unavailable}
    whole: dict[str, Any] = {"type": wanted.type}
    if wanted.type == "RollingUpdate":
        whole["rollingUpdate"] = rolling
    if contract(settings).lists:
        return {"rollout": {"strategy": whole}, **given(deletion=given(order=wanted.delete_policy))}
    if wanted.delete_policy:
        whole["rollingUpdate"] = {**whole.get("rollingUpdate", {}), "deletePolicy": wanted.delete_policy}
    return {"strategy": whole}


def machine_health_check(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest | None:
    """The MachineHealthCheck of a pool, where it asks for one.

    It matters more here than elsewhere: capp never retries a device that could not be made (features of v0.9.0:
    ``failureReason`` is terminal), only a new Machine helps.
    """
    check = pool.health_check
    if check is None:
        return None
    generation = contract(settings)
    spec: dict[str, Any] = {
        "clusterName": settings.cluster.name,
        "selector": {"matchLabels": selector(settings, pool)},
    }
    states = ("Unknown", "False")
    if generation.lists:
        spec["checks"] = {
            "nodeStartupTimeoutSeconds": check.node_startup_seconds,
            "unhealthyNodeConditions": [
                {"type": "Ready", "status": status, "timeoutSeconds": check.unhealthy_seconds} for status in states
            ],
        }
        spec["remediation"] = {"triggerIf": {"unhealthyLessThanOrEqualTo": check.max_unhealthy}}
    else:
        spec |= {
            "maxUnhealthy": check.max_unhealthy,
            "nodeStartupTimeout": duration(check.node_startup_seconds),
            "unhealthyConditions": [
                {"type": "Ready", "status": status, "timeout": duration(check.unhealthy_seconds)} for status in states
            ],
        }
    name = naming.machine_deployment(settings.cluster.name, pool.name)
    return manifest(settings, generation.core, "MachineHealthCheck", name, spec, pool=pool)


def duration(seconds: int) -> str:
    """A time as Kubernetes writes it back, so that a later run sees no change.

    >>> duration(2400), duration(3661), duration(45)
    ('40m0s', '1h1m1s', '45s')
    """
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"


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
