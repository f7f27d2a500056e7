"""Which objects of a cluster get a row of its status tree, which share one, and in which order. Pure.

The hierarchy is that of ``clusterctl describe cluster`` (cluster-api v1.10 and v1.13, cmd/clusterctl/client/tree); what
differs between the two is in :mod:`.shape`. One thing is this program's own: an object that could not be read gets a row that
says so, where clusterctl leaves it out or gives up.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

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
from ..capi.replica_counters import of_group
from ..kube.objects import dig
from .model import ListResult, Node, ReadResult, Reference, Snapshot, Tree
from .request import Request
from .shape import CONTROL_PLANE, SHAPES, state_of


def build(snapshot: Snapshot, request: Request | None = None) -> Tree:
    """The tree of a snapshot."""
    cluster = snapshot.cluster
    if isinstance(cluster, Failure):
        return Tree(snapshot, Node(kind="Cluster", name=snapshot.name, failure=cluster), request)
    root = _node(cluster, snapshot)
    if snapshot.infrastructure is not None:
        root.children.append(_node(snapshot.infrastructure, snapshot, "ClusterInfrastructure"))
    control_plane = None
    if snapshot.control_plane is not None:
        control_plane = _node(snapshot.control_plane, snapshot, CONTROL_PLANE)
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
        row = _node(deployment, snapshot)
        row.children.extend(_grouped(own, snapshot))
        workers.children.append(row)
    for pool in pools:
        own = [m for m in machines if is_controlled_by(m, pool)]
        placed.update(map(name, own))
        row = _node(pool, snapshot)
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


def _node(found: ReadResult, snapshot: Snapshot, label: str = "") -> Node:
    if isinstance(found, Failure):
        kind_, _, name_ = found.subject.partition("/")
        return Node(kind=kind_, name=name_, label=label, failure=found)
    shape = SHAPES[snapshot.contract]
    return Node(
        kind=kind(found),
        name=name(found),
        label=label,
        ready=ready(found),
        is_deleting=deletion_time(found) is not None,
        condition=shape.condition(found, label),
        counters=shape.counters(found, label),
    )


def _apart(machines: Sequence[Json], snapshot: Snapshot) -> list[Node]:
    """A row for each machine, with what it is made of below it where that says more than the machine does."""
    rows = []
    for machine in machines:
        row = _node(machine, snapshot)
        spec = dig(machine, "spec")
        _add_reference(row, machine, snapshot, "MachineInfrastructure", dig(spec, "infrastructureRef"))
        _add_reference(row, machine, snapshot, "BootstrapConfig", dig(spec, "bootstrap", "configRef"))
        rows.append(row)
    return rows


def _grouped(machines: Sequence[Json], snapshot: Snapshot) -> list[Node]:
    """As :func:`_apart`, but machines in the same state share a row."""
    state = SHAPES[snapshot.contract].state
    by_state: dict[Hashable, list[Json]] = {}
    for machine in machines:
        by_state.setdefault(state(machine), []).append(machine)
    rows: list[Node] = []
    for same in by_state.values():
        rows.extend([_group(same, snapshot)] if len(same) > 1 else _apart(same, snapshot))
    return rows


def _group(machines: Sequence[Json], snapshot: Snapshot) -> Node:
    row = Node(
        kind=kind(machines[0]),
        # In the table of v1beta2 other conditions made them share a row: a machine that is not ready speaks for it.
        ready=_merged(sorted(filter(None, map(ready, machines)), key=lambda one: one.status == "True")),
        members=tuple(sorted(name(machine) for machine in machines)),
    )
    if snapshot.is_v1beta2:
        shape = SHAPES[snapshot.contract]
        row.condition = _merged([one for machine in machines if (one := shape.ready(machine))])
        row.counters = of_group(machines)
    return row


def _merged(conditions: Sequence[Condition]) -> Condition | None:
    """The condition of a row of several machines: it came with the first of them, and no message speaks for all."""
    if not conditions:
        return None
    first, since = conditions[0], min((one.since for one in conditions if one.since), default=None)
    return Condition(first.type, first.status, first.severity, first.reason, since=since)


def _add_reference(parent: Node, holder: Json, snapshot: Snapshot, label: str, value: object) -> None:
    """A row for what an object refers to, unless it only echoes the object: ready, or in the object's own state."""
    reference = Reference.parse(value, snapshot.namespace)
    found = snapshot.references.get(reference) if reference else None
    if isinstance(found, Failure):
        # What belongs to an object in deletion goes before the object itself does.
        if not (found.reason == "NotFound" and deletion_time(holder)):
            parent.children.append(_node(found, snapshot, label))
    elif found is not None:
        condition = SHAPES[snapshot.contract].ready
        own, its = condition(holder), condition(found)
        if state_of(its) != state_of(own) and not (its and its.status == "True"):
            parent.children.append(_node(found, snapshot, label))


def _sort(node: Node) -> None:
    """Rows by their names, as clusterctl prints them; rows of equal name by their state."""
    node.children.sort(
        key=lambda child: (child.title, state_of(child.condition) or (), state_of(child.ready) or (), child.members)
    )
    for child in node.children:
        _sort(child)
