"""The status tree of a cluster, built from what was read of it. Pure: no request is made here.

The shape is that of ``clusterctl describe cluster`` (cluster-api v1.10, cmd/clusterctl/client/tree): which objects get
a row, which siblings share one (same Ready status, severity and reason), and the order of rows. Two things differ: an
object that could not be read gets a row that says so, where clusterctl leaves it out or gives up; and everything that
was read is kept, so that the reason of a delay can be looked for also in objects without a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..capi.reading import (
    CONTROL_PLANE_LABEL,
    Condition,
    Failure,
    Json,
    deletion_time,
    is_controlled_by,
    kind,
    name,
    ready,
)
from ..kube.objects import dig
from .request import Request


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
    """

    nodes: tuple[Json, ...] = ()
    workloads: tuple[Json, ...] = ()


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
        time: when it was read.
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
    time: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


@dataclass
class Node:
    """One row of the tree, with the rows below it.

    Attributes:
        kind: of the object; of each object where the row stands for several.
        name: of the object; empty where the row stands for several.
        label: the part before the dash, such as ``ClusterInfrastructure``; for a row without object, its whole name.
        ready: the condition of the cells READY to MESSAGE, None where the object has none.
        is_deleting: whether the object is being deleted.
        members: names of the objects that share this row, sorted; empty for a single one.
        failure: why the object could not be read.
    """

    kind: str = ""
    name: str = ""
    label: str = ""
    ready: Condition | None = None
    is_deleting: bool = False
    members: tuple[str, ...] = ()
    failure: Failure | None = None
    children: list[Node] = field(default_factory=list)

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


def build(snapshot: Snapshot, request: Request | None = None) -> Tree:
    """The tree of a snapshot."""
    cluster = snapshot.cluster
    if isinstance(cluster, Failure):
        return Tree(snapshot, Node(kind="Cluster", name=snapshot.name, failure=cluster), request)
    root = _node(cluster)
    if snapshot.infrastructure is not None:
        root.children.append(_node(snapshot.infrastructure, "ClusterInfrastructure"))
    control_plane = None
    if snapshot.control_plane is not None:
        control_plane = _node(snapshot.control_plane, "ControlPlane")
        root.children.append(control_plane)
    _add_machines(snapshot, root, control_plane)
    _sort(root)
    return Tree(snapshot, root, request)


def _add_machines(snapshot: Snapshot, root: Node, control_plane: Node | None) -> None:
    workers = Node(label="Workers")
    machines = _readable(snapshot.machines, workers)
    pools = _readable(snapshot.machine_pools, workers)
    deployments = _readable(snapshot.machine_deployments, workers)
    sets = _readable(snapshot.machine_sets, workers)

    of_control_plane = [m for m in machines if CONTROL_PLANE_LABEL in (dig(m, "metadata", "labels") or {})]
    placed: set[str] = set()
    # A control plane that couldn't be read has no machines below it; for clusterctl it is absent, too.
    if control_plane is not None and control_plane.failure is None:
        placed.update(map(name, of_control_plane))
        control_plane.children.extend(_grouped(of_control_plane, snapshot))

    # As in clusterctl, deployments get their rows once the cluster has a worker machine at all.
    has_workers = len(machines) != len(of_control_plane)
    for deployment in deployments if has_workers else ():
        own_sets = [s for s in sets if is_controlled_by(s, deployment)]
        own = [m for s in own_sets for m in machines if is_controlled_by(m, s)]
        placed.update(map(name, own))
        row = _node(deployment)
        row.children.extend(_grouped(own, snapshot))
        workers.children.append(row)
    for pool in pools:
        own = [m for m in machines if is_controlled_by(m, pool)]
        placed.update(map(name, own))
        row = _node(pool)
        template = dig(pool, "spec", "template", "spec")
        _add_reference(row, pool, snapshot, "BootstrapConfig", dig(template, "bootstrap", "configRef"))
        _add_reference(row, pool, snapshot, "MachinePoolInfrastructure", dig(template, "infrastructureRef"))
        row.children.extend(_grouped(own, snapshot))
        workers.children.append(row)
    orphans = [m for m in machines if name(m) not in placed]
    if orphans and (has_workers or pools):
        workers.children.append(Node(label="Other", children=_apart(orphans, snapshot)))
    if workers.children:
        root.children.append(workers)


def _readable(listed: ListResult, parent: Node) -> tuple[Json, ...]:
    """The objects of a list; a list that couldn't be read gets a row of its own under ``parent``."""
    if isinstance(listed, Failure):
        parent.children.append(Node(label=listed.subject, failure=listed))
        return ()
    return listed


def _node(found: ReadResult, label: str = "") -> Node:
    if isinstance(found, Failure):
        kind_, _, name_ = found.subject.partition("/")
        return Node(kind=kind_, name=name_, label=label, failure=found)
    return Node(
        kind=kind(found),
        name=name(found),
        label=label,
        ready=ready(found),
        is_deleting=deletion_time(found) is not None,
    )


def _apart(machines: Sequence[Json], snapshot: Snapshot) -> list[Node]:
    """A row for each machine, with what it is made of below it where that says more than the machine does."""
    rows = []
    for machine in machines:
        row = _node(machine)
        spec = dig(machine, "spec")
        _add_reference(row, machine, snapshot, "MachineInfrastructure", dig(spec, "infrastructureRef"))
        _add_reference(row, machine, snapshot, "BootstrapConfig", dig(spec, "bootstrap", "configRef"))
        rows.append(row)
    return rows


def _grouped(machines: Sequence[Json], snapshot: Snapshot) -> list[Node]:
    """As :func:`_apart`, but machines in the same state share a row."""
    by_state: dict[tuple[str, str, str] | None, list[Json]] = {}
    for machine in machines:
        condition = ready(machine)
        by_state.setdefault(condition.state if condition else None, []).append(machine)
    rows: list[Node] = []
    for same in by_state.values():
        rows.extend([_group(same)] if len(same) > 1 else _apart(same, snapshot))
    return rows


def _group(machines: Sequence[Json]) -> Node:
    conditions = [condition for machine in machines if (condition := ready(machine))]
    merged = None
    if conditions:
        first = conditions[0]
        since = min((c.since for c in conditions if c.since), default=None)
        merged = Condition(first.type, first.status, first.severity, first.reason, since=since)
    return Node(kind=kind(machines[0]), ready=merged, members=tuple(sorted(name(machine) for machine in machines)))


def _add_reference(parent: Node, holder: Json, snapshot: Snapshot, label: str, value: object) -> None:
    """A row for what an object refers to, unless it only echoes the object: ready, or in the object's own state."""
    reference = Reference.parse(value, snapshot.namespace)
    found = snapshot.references.get(reference) if reference else None
    if isinstance(found, Failure):
        # What belongs to an object in deletion goes before the object itself does.
        if not (found.reason == "NotFound" and deletion_time(holder)):
            parent.children.append(_node(found, label))
    elif found is not None:
        own, its = ready(holder), ready(found)
        same = (its.state if its else None) == (own.state if own else None)
        if not same and not (its and its.status == "True"):
            parent.children.append(_node(found, label))


def _sort(node: Node) -> None:
    """Rows by their names, as clusterctl prints them; rows of equal name by their state."""
    node.children.sort(key=lambda child: (child.title, child.ready.state if child.ready else (), child.members))
    for child in node.children:
        _sort(child)
