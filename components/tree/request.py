"""What the settings ask of a cluster, as far as its status shows it. Plain data: the tree knows no settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PoolRequest:
    """What is asked of a worker pool.

    Attributes:
        pool: its name in the settings.
        version: Kubernetes version of its machines, without ``v``.
        replicas: how many machines; None where an autoscaler sets that.
    """

    pool: str
    version: str
    replicas: int | None = None


@dataclass(frozen=True)
class Request:
    """What is asked of a cluster.

    Attributes:
        version: Kubernetes version of its control plane, without ``v``.
        replicas: of its control plane.
        pools: by the name of each pool's MachineDeployment.
        add_ons: names of what this program installs by itself into the tenant cluster: it has workloads for certain.
        looks_inside: whether the tenant cluster itself is asked: for add-ons, or for a taint of its nodes.
        contract: of Cluster API, ``v1beta1`` or ``v1beta2``.
    """

    version: str
    replicas: int
    pools: Mapping[str, PoolRequest] = field(default_factory=dict)
    add_ons: tuple[str, ...] = ()
    looks_inside: bool = False
    contract: str = "v1beta1"
