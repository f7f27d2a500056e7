"""A pool's MachineDeployment and MachineHealthCheck. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..capi import naming
from ..capi.manifest import Manifest, drop_empty, manifest, selector
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from ..settings.rules_pools import is_synced
from . import bootstrap

AUTOSCALER = "cluster.x-k8s.io/cluster-api-autoscaler-node-group"


def machine_deployment(
    settings: TenantClusterSettings,
    pool: WorkerPoolSettings,
    *,
    after: Any = None,
    templates: Mapping[str, str] = MappingProxyType({}),
) -> Manifest:
    """The MachineDeployment of a pool.

    Args:
        settings: of its cluster.
        pool: its own.
        after: machines that are older than this time are replaced, in place of the pool's ``rolloutAfter``.
        templates: names of templates, by kind, that are not named by their content.
    """
    generation = settings.contract

    def reference(template: Manifest) -> dict[str, str]:
        metadata, kind = template["metadata"], template["kind"]
        name = templates.get(kind, metadata["name"])
        return generation.reference(template["apiVersion"], kind, name, metadata["namespace"])

    node_labels = {key: value for key, value in sorted(pool.labels.items()) if is_synced(key)}
    machine: dict[str, Any] = {
        "bootstrap": {"configRef": reference(bootstrap.bootstrap_template(settings, pool))},
        "clusterName": settings.cluster.name,
        "infrastructureRef": reference(provider_of(settings).machine_template(settings, pool)),
        "version": f"v{settings.pool_version(pool)}",
    }
    if (drain := pool.node_drain_timeout_seconds) is not None:
        if generation.is_v1beta2:
            machine["deletion"] = {"nodeDrainTimeoutSeconds": drain}
        else:
            machine["nodeDrainTimeout"] = duration(drain)
    spec: dict[str, Any] = {
        "clusterName": settings.cluster.name,
        "selector": {"matchLabels": selector(settings, pool)},
        **rollout(settings, pool, pool.rollout_after if after is None else after),
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


def rollout(settings: TenantClusterSettings, pool: WorkerPoolSettings, after: Any) -> dict[str, Any]:
    """How the pool rolls over, and since when; empty for Cluster API's defaults."""
    spec = strategy(settings, pool)
    if after is None:
        return spec
    if settings.contract.is_v1beta2:
        return {**spec, "rollout": {**spec.get("rollout", {}), "after": after}}
    return {**spec, "rolloutAfter": after}


def strategy(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> dict[str, Any]:
    """The strategy of a roll-out; empty for Cluster API's defaults."""
    choice = pool.strategy
    if choice is None:
        return {}
    rolling = {"maxSurge": choice.max_surge, "maxUnavailable": choice.max_unavailable}
    strategy_spec: dict[str, Any] = {"type": choice.type}
    if choice.type == "RollingUpdate":
        strategy_spec["rollingUpdate"] = rolling
    if settings.contract.is_v1beta2:
        return {"rollout": {"strategy": strategy_spec}, **drop_empty(deletion=drop_empty(order=choice.delete_policy))}
    if choice.delete_policy:
        strategy_spec["rollingUpdate"] = {
            **strategy_spec.get("rollingUpdate", {}),
            "deletePolicy": choice.delete_policy,
        }
    return {"strategy": strategy_spec}


def machine_health_check(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest | None:
    """The MachineHealthCheck of a pool, where it asks for one.

    It matters because some infrastructure providers never retry a machine that they could not create (``failureReason`` is
    terminal): only a new Machine helps.
    """
    check = pool.health_check
    if check is None:
        return None
    generation = settings.contract
    spec: dict[str, Any] = {
        "clusterName": settings.cluster.name,
        "selector": {"matchLabels": selector(settings, pool)},
    }
    states = ("Unknown", "False")
    if generation.is_v1beta2:
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
    hours, remainder = divmod(seconds, 3600)
    minutes, remaining_seconds = divmod(remainder, 60)
    if hours:
        return f"{hours}h{minutes}m{remaining_seconds}s"
    return f"{minutes}m{remaining_seconds}s" if minutes else f"{remaining_seconds}s"
