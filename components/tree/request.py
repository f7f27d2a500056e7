"""What the settings ask of a cluster, as far as its status shows it. Plain data: the tree knows no settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from ..kube.objects import Kind


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
class DeclaredObject:
    """An object of the management cluster that the settings declare, in the Cluster's namespace.

    Attributes:
        kind: its kind.
        name: its name.
        deployment: name of the MachineDeployment of its pool; empty where it belongs to none.
        template: name of the template that it is, or belongs to. It counts only where that MachineDeployment names this
            template: before the next `up` it may name another one, and one that was adopted keeps a name of its own.
    """

    kind: Kind
    name: str
    deployment: str = ""
    template: str = ""

    @property
    def subject(self) -> str:
        """Kind and name, as the tree names an object."""
        return f"{self.kind.name}/{self.name}"


@dataclass(frozen=True)
class AddonObject:
    """An object that an add-on has in the tenant cluster.

    Attributes:
        addon: the add-on's name.
        kind: its kind.
        namespace: its namespace; empty where it lies in none.
        name: its name.
    """

    addon: str
    kind: Kind
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Where the tenant's API server has it."""
        if self.namespace:
            return self.kind.path(self.namespace, self.name)
        root = f"/apis/{self.kind.api_version}" if self.kind.group else f"/api/{self.kind.api_version}"
        return f"{root}/{self.kind.plural}/{quote(self.name, '')}"

    def __str__(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}" if self.namespace else f"{self.kind.name} {self.name}"


@dataclass(frozen=True)
class Request:
    """What is asked of a cluster.

    Attributes:
        version: Kubernetes version of its control plane, without ``v``.
        replicas: of its control plane.
        pools: by the name of each pool's MachineDeployment.
        objects: what it declares besides Cluster, control plane, infrastructure cluster and MachineDeployments.
        add_ons: names of what this program installs by itself into the tenant cluster: it has workloads for certain.
        addon_objects: what add-ons have installed into the tenant cluster, as far as it is known.
        looks_inside: whether the tenant cluster itself is asked: for add-ons, or for a taint of its nodes.
        contract: of Cluster API, ``v1beta1`` or ``v1beta2``.
    """

    version: str
    replicas: int
    pools: Mapping[str, PoolRequest] = field(default_factory=dict)
    objects: tuple[DeclaredObject, ...] = ()
    add_ons: tuple[str, ...] = ()
    addon_objects: tuple[AddonObject, ...] = ()
    looks_inside: bool = False
    contract: str = "v1beta1"
