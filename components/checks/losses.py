"""Objects that a stack has made, and that somebody else has deleted since: a run without a refresh does not notice that.

Plain ``pulumi up`` compares with its state alone, which still holds them: it would succeed, or fail on objects that depend
on them. ``kamaji-equinix up`` and ``pulumi up --refresh`` refresh first; then the state no longer holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..capi import naming
from ..kube.objects import dig
from ..manifests.control_plane import KIND as CONTROL_PLANE
from ..settings.model import TenantClusterSettings
from .living_cluster import LivingCluster

_KINDS = re.compile(r"kubernetes:[a-z.0-9-]+/[^:]+:(?P<kind>Cluster|KamajiControlPlane|MachineDeployment)::")


@dataclass(frozen=True)
class Loss:
    """An object that the state holds, and that does not exist any more.

    Attributes:
        namespace: its namespace.
        cluster: name of the Cluster that it belongs to.
        kind: its kind.
        name: its name.
        uid: its UID in the state: a resource that still has it was not refreshed.
    """

    namespace: str
    cluster: str
    kind: str
    name: str
    uid: str

    def __str__(self) -> str:
        text = (
            f"{self.kind} {self.namespace}/{self.name}, which this stack has made, does not exist any more, and a plain "
            "`pulumi up` does not create it again. `kamaji-equinix up` does; so does "
            "`PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up --refresh`"
        )
        if self.kind == CONTROL_PLANE:
            text += (
                ". A new control plane has a new certificate authority and no data: all machines of the cluster are "
                "replaced, because none of them can join it"
            )
        return text


def losses(tenant: TenantClusterSettings, current: LivingCluster, state: Mapping[str, Any]) -> Iterator[Loss]:
    """The objects of a cluster that the state holds and that do not exist; of a Cluster's loss only itself.

    Args:
        tenant: the cluster's settings.
        current: its live objects.
        state: the resources of the stack's last state by URN.
    """
    namespace, cluster = tenant.cluster.namespace, tenant.cluster.name
    uids = uids_in_state(namespace, state)
    for kind, name in (("Cluster", cluster), (CONTROL_PLANE, tenant.control_plane_name)):
        if kind in current.missing_kinds and (kind, name) in uids:
            yield Loss(namespace, cluster, kind, name, uids[kind, name])
            if kind == "Cluster":
                return
    if current.deployments is None:
        return
    deployment_names = {str(dig(deployment, "metadata", "name")) for deployment in current.deployments}
    for pool in tenant.worker_pools:
        name = naming.machine_deployment(cluster, pool.name)
        if name not in deployment_names and ("MachineDeployment", name) in uids:
            yield Loss(namespace, cluster, "MachineDeployment", name, uids["MachineDeployment", name])


def uids_in_state(namespace: str, state: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """UIDs of the objects in a namespace that a state holds, by kind and name."""
    return {
        (match["kind"], str(dig(resource, "outputs", "metadata", "name"))): str(
            dig(resource, "outputs", "metadata", "uid")
        )
        for urn, resource in state.items()
        if (match := _KINDS.search(urn)) and dig(resource, "outputs", "metadata", "namespace") == namespace
    }
