"""The status tree of a cluster, and what was read for it. Plain data: no request is made here.

Everything that was read is kept, so that the reason of a delay can be looked for also in objects without a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..capi.reading import Condition, Failure, Json
from ..capi.replica_counters import ReplicaCounters
from .request import AddonObject, Request


@dataclass(frozen=True)
class Reference:
    """A reference of one object to another, in the same namespace unless it says otherwise.

    Attributes:
        api_version: empty where the reference names only a group (contract v1beta2).
    """

    group: str
    api_version: str
    kind: str
    namespace: str
    name: str

    @staticmethod
    def parse(value: object, namespace: str) -> Reference | None:
        """The reference held by a field such as ``spec.infrastructureRef``, None where it is empty."""
        if not isinstance(value, Mapping) or not value.get("kind") or not value.get("name"):
            return None
        api_version = str(value.get("apiVersion") or "")
        return Reference(
            group=str(value.get("apiGroup") or api_version.rpartition("/")[0]),
            api_version=api_version,
            kind=str(value["kind"]),
            namespace=str(value.get("namespace") or namespace),
            name=str(value["name"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.kind}/{self.name}"


ReadResult = Json | Failure
ListResult = tuple[Json, ...] | Failure


@dataclass(frozen=True)
class Inside:
    """What was read in the tenant cluster.

    Attributes:
        nodes: its Nodes.
        workloads: what runs an add-on's pods, of the add-ons that the cluster is not ready without.
        losses: objects of add-ons that do not exist any more.
    """

    nodes: tuple[Json, ...] = ()
    workloads: tuple[Json, ...] = ()
    losses: tuple[AddonObject, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """Everything that was read about one cluster, at one time.

    Attributes:
        infrastructure: what ``spec.infrastructureRef`` points to, None where the Cluster has no such reference.
        control_plane: what ``spec.controlPlaneRef`` points to, None where the Cluster has no such reference.
        references: what machines and machine pools point to: infrastructure machines and bootstrap configurations.
        inside: what the tenant cluster itself says; None where it was not asked.
        evidence: further objects that explain a delay, by subject; read only while something is not ready.
        servers: those that machines are on, or could be; read only while one of them explains something.
        server_parts: further objects that explain why a server is not installed, by kind; read only while one is not.
        nodes: of the tenant cluster; read only while they explain why a server is none of them, None otherwise.
        declared: further objects that the settings declare, and the templates that MachineDeployments name, by subject; empty
            where they were not asked for.
        time: when it was read.
        contract: of Cluster API, ``v1beta1`` or ``v1beta2``: whose table is drawn.
    """

    namespace: str
    name: str
    cluster: ReadResult
    infrastructure: ReadResult | None = None
    control_plane: ReadResult | None = None
    machines: ListResult = ()
    machine_deployments: ListResult = ()
    machine_sets: ListResult = ()
    machine_pools: ListResult = ()
    references: Mapping[Reference, ReadResult] = field(default_factory=dict)
    inside: Inside | Failure | None = None
    evidence: Mapping[str, ReadResult] = field(default_factory=dict)
    servers: ListResult = ()
    server_parts: Mapping[str, ListResult] = field(default_factory=dict)
    nodes: ListResult | None = None
    declared: Mapping[str, ReadResult] = field(default_factory=dict)
    time: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    contract: str = "v1beta1"

    @property
    def is_v1beta2(self) -> bool:
        """Whether its table is that of contract v1beta2."""
        return self.contract == "v1beta2"


@dataclass
class Node:
    """One row of the tree, with the rows below it.

    Attributes:
        kind: of the object; of each object where the row stands for several.
        name: of the object; empty where the row stands for several.
        label: the part before the dash, such as ``ClusterInfrastructure``; for a row without object, its whole name.
        ready: the condition that says whether the object is ready, None where it has none. In the table of contract v1beta1
            it is what the cells READY to MESSAGE say.
        is_deleting: whether the object is being deleted.
        members: names of the objects that share this row, sorted; empty for a single one.
        failure: why the object could not be read.
        condition: what the cells STATUS to MESSAGE say in the table of contract v1beta2; None in the other.
        counters: what the cells REPLICAS to UP TO DATE say in the table of contract v1beta2; None in the other.
    """

    kind: str = ""
    name: str = ""
    label: str = ""
    ready: Condition | None = None
    is_deleting: bool = False
    members: tuple[str, ...] = ()
    failure: Failure | None = None
    children: list[Node] = field(default_factory=list)
    condition: Condition | None = None
    counters: ReplicaCounters | None = None

    @property
    def title(self) -> str:
        """The NAME cell without its tree lines, as clusterctl writes it."""
        if self.members:
            return f"{len(self.members)} {self.kind}s..."
        if not self.kind:
            return self.label
        title = f"{self.kind}/{self.name}"
        if self.label:
            title = f"{self.label} - {title}"
        return f"!! DELETED !! {title}" if self.is_deleting else title

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Tree:
    """The status of one cluster: rows under ``root``, the snapshot that they were built from, and what is asked for.

    Attributes:
        request: what the settings ask for; None where that is not known.
    """

    snapshot: Snapshot
    root: Node
    request: Request | None = None

    @property
    def nodes(self) -> Iterator[Node]:
        """Every row, from top to bottom."""
        return self.root.walk()
