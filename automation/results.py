"""The results of operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi import automation
from pydantic import SecretStr

from .events import MachinesChange

QUIET_OPERATIONS = ("same", "read")
"""Operations of the engine that leave a resource as it is."""


WORDS = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "same": "unchanged",
    "discard": "forgotten",
    "refresh": "refreshed",
}
"""Words for the engine's operations once they are complete."""

FINDINGS = {**WORDS, "create": "new", "update": "changed", "delete": "gone"}
"""Words for the same operations in a refresh, which only compares: what it calls deleted, somebody else has deleted."""


@dataclass(frozen=True)
class ClusterResult:
    """One tenant cluster, from its stack's outputs.

    Attributes:
        name: the Cluster's name.
        namespace: its namespace in the management cluster.
        endpoint: ``host:port`` of its API server.
        endpoint_set_by: who wrote the endpoint into the infrastructure cluster, ``kamaji`` or ``pulumi``.
        worker_pools: name of each pool's MachineDeployment, by the pool's name.
        kubeconfig: its admin kubeconfig; ``get_secret_value()`` gives the text, printing it does not.
    """

    name: str
    namespace: str
    endpoint: str
    endpoint_set_by: str
    worker_pools: Mapping[str, str]
    kubeconfig: SecretStr

    def as_dict(self) -> dict[str, Any]:
        """All but the kubeconfig."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "endpoint": self.endpoint,
            "endpointSetBy": self.endpoint_set_by,
            "workerPools": dict(self.worker_pools),
        }


@dataclass(frozen=True)
class Result:
    """The result of an operation.

    Attributes:
        operation: ``up``, ``preview``, ``refresh``, ``destroy`` or ``import``.
        stack: the stack's name.
        changes: number of resources by the engine's operation, such as ``{"create": 3, "same": 11}``.
        seconds: its duration, the wait for ready clusters included.
        clusters: the stack's clusters by name; empty for a preview and after a destroy.
        output: the engine's output.
        machines: what happens to machines, by pool: how many are deleted, rolled or added. A preview has it, too; for a
            destroy it is all machines.
    """

    operation: str
    stack: str
    changes: Mapping[str, int]
    seconds: float
    clusters: Mapping[str, ClusterResult] = field(default_factory=dict)
    output: str = field(default="", repr=False)
    machines: tuple[MachinesChange, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was, or in a preview would be, created, changed or deleted."""
        return any(count for operation, count in self.changes.items() if operation not in QUIET_OPERATIONS)

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON, without secrets."""
        return {
            "operation": self.operation,
            "stack": self.stack,
            "changes": dict(self.changes),
            "seconds": round(self.seconds, 1),
            "clusters": {name: cluster.as_dict() for name, cluster in self.clusters.items()},
            "machines": [change.counts() for change in self.machines],
        }


def clusters_of(outputs: automation.OutputMap) -> dict[str, ClusterResult]:
    """The clusters in a stack's outputs, by name; none where the stack has not come up."""
    if "clusters" in outputs:
        clusters = outputs["clusters"].value
    elif "clusterName" in outputs:
        clusters = {outputs["clusterName"].value: {name: output.value for name, output in outputs.items()}}
    else:
        return {}
    return {name: cluster_result(values) for name, values in clusters.items()}


def cluster_result(values: Mapping[str, Any]) -> ClusterResult:
    """One cluster of a stack's outputs."""
    return ClusterResult(
        name=str(values.get("clusterName") or ""),
        namespace=str(values.get("namespace") or ""),
        endpoint=str(values.get("controlPlaneEndpoint") or ""),
        endpoint_set_by=str(values.get("endpointSetBy") or ""),
        worker_pools=dict(values.get("workerPools") or {}),
        kubeconfig=SecretStr(str(values.get("kubeconfig") or "")),
    )
