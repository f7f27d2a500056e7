"""The machines that are deleted with a Cluster, counted before anything deletes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..capi.manifest import POOL_LABEL
from ..kube.client import Api, ApiError
from ..kube.objects import Kind, Kube, dig
from .departures import CLUSTER_URN
from .living_cluster import of_cluster
from .machines import machines_of
from .pool_change import PoolChange

REASON = "its Cluster is deleted"


def machines_with(api: Api, core: str, namespace: str, name: str) -> Iterator[PoolChange]:
    """The machines of all pools of a Cluster, whoever made them: Cluster API deletes them with it.

    Args:
        api: the management cluster's.
        core: Cluster API's core group with its version.
        namespace: the Cluster's.
        name: the Cluster's.

    Raises:
        ApiError: they could not be read.
    """
    deployments = of_cluster(api, core, namespace, name, "machinedeployments")
    if isinstance(deployments, ApiError):
        raise deployments
    for deployment in deployments:
        pool = dig(deployment, "metadata", "labels", POOL_LABEL) or dig(deployment, "metadata", "name")
        if count := machines_of(deployment):
            yield PoolChange(f"{namespace}/{name}", str(pool), deleted=count, reason=REASON)


def machines_of_stack(api: Api, resources: Iterable[Mapping[str, Any]]) -> Iterator[PoolChange]:
    """The machines of all living Clusters that a stack has made, which its destroy deletes.

    Args:
        api: the management cluster's.
        resources: of the stack's state, with their URNs and outputs.

    Raises:
        ApiError: something could not be read.
    """
    for resource in resources:
        match = CLUSTER_URN.search(str(resource.get("urn")))
        metadata = dig(resource, "outputs", "metadata")
        if match is None or not metadata:
            continue
        core, namespace, name = f"cluster.x-k8s.io/{match['version']}", metadata["namespace"], metadata["name"]
        cluster = Kube(api, namespace).find(Kind(core, "Cluster", "clusters"), name)
        if dig(cluster, "metadata", "uid") == metadata.get("uid"):
            yield from machines_with(api, core, namespace, name)
