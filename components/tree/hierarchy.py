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
    placed_names: set[str] = set()
    # A control plane that couldn't be read has no machines below it; for clusterctl it is absent, too.
    if control_plane is not None and control_plane.failure is None:
        placed_names.update(map(name, of_control_plane))
        control_plane.children.extend(_group_rows(of_control_plane, snapshot))

    # As in clusterctl, deployments get their rows once the cluster has a worker machine at all.
    has_workers = len(machines) != len(of_control_plane)
    for deployment in deployments if has_workers else ():
        deployment_sets = [s for s in sets if is_controlled_by(s, deployment)]
        pool_machines = [m for s in deployment_sets for m in machines if is_controlled_by(m, s)]
        placed_names.update(map(name, pool_machines))
        row = _node(deployment, snapshot)
        row.children.extend(_group_rows(pool_machines, snapshot))
        workers.children.append(row)
    for pool in pools:
        pool_machines = [m for m in machines if is_controlled_by(m, pool)]
        placed_names.update(map(name, pool_machines))
        row = _node(pool, snapshot)
        template = dig(pool, "spec", "template", "spec")
        _add_reference(row, pool, snapshot, "BootstrapConfig", dig(template, "bootstrap", "configRef"))
        _add_reference(row, pool, snapshot, "MachinePoolInfrastructure", dig(template, "infrastructureRef"))
        row.children.extend(_group_rows(pool_machines, snapshot))
        workers.children.append(row)
    orphans = [m for m in machines if name(m) not in placed_names]
    if orphans and (has_workers or pools):
        workers.children.append(Node(label="Other", children=_apart(orphans, snapshot)))
    if workers.children:
        root.children.append(workers)


def _readable(result: ListResult, parent: Node) -> tuple[Json, ...]:
    """The objects of a list; a list that couldn't be read gets a row under ``parent``."""
    if isinstance(result, Failure):
        parent.children.append(Node(label=result.subject, failure=result))
        return ()
    return result


def _node(result: ReadResult, snapshot: Snapshot, label: str = "") -> Node:
    if isinstance(result, Failure):
        kind_, _, name_ = result.subject.partition("/")
        return Node(kind=kind_, name=name_, label=label, failure=result)
    shape = SHAPES[snapshot.contract]
    return Node(
        kind=kind(result),
        name=name(result),
        label=label,
        ready=ready(result),
        is_deleting=deletion_time(result) is not None,
        condition=shape.condition(result, label),
        counters=shape.counters(result, label),
    )


def _apart(machines: Sequence[Json], snapshot: Snapshot) -> list[Node]:
    """A row for each machine, with rows below it for those of its parts that say more than the machine does."""
    rows = []
    for machine in machines:
        row = _node(machine, snapshot)
        spec = dig(machine, "spec")
        _add_reference(row, machine, snapshot, "MachineInfrastructure", dig(spec, "infrastructureRef"))
        _add_reference(row, machine, snapshot, "BootstrapConfig", dig(spec, "bootstrap", "configRef"))
        rows.append(row)
    return rows


def _group_rows(machines: Sequence[Json], snapshot: Snapshot) -> list[Node]:
    """Like :func:`_apart`, but machines in the same state share a row."""
    state = SHAPES[snapshot.contract].state
    by_state: dict[Hashable, list[Json]] = {}
    for machine in machines:
        by_state.setdefault(state(machine), []).append(machine)
    rows: list[Node] = []
    for members in by_state.values():
        rows.extend([_group(members, snapshot)] if len(members) > 1 else _apart(members, snapshot))
    return rows


def _group(machines: Sequence[Json], snapshot: Snapshot) -> Node:
    row = Node(
        kind=kind(machines[0]),
        # In the table of v1beta2 they share a row by other conditions: a machine that is not ready decides this one.
        ready=_common_condition(
            sorted(filter(None, map(ready, machines)), key=lambda condition: condition.status == "True")
        ),
        members=tuple(sorted(name(machine) for machine in machines)),
    )
    if snapshot.is_v1beta2:
        shape = SHAPES[snapshot.contract]
        row.condition = _common_condition([condition for machine in machines if (condition := shape.ready(machine))])
        row.counters = of_group(machines)
    return row


def _common_condition(conditions: Sequence[Condition]) -> Condition | None:
    """The condition of a row of several machines: without a message, and since the earliest time of all."""
    if not conditions:
        return None
    first, since = conditions[0], min((condition.since for condition in conditions if condition.since), default=None)
    return Condition(first.type, first.status, first.severity, first.reason, since=since)


def _add_reference(parent: Node, holder: Json, snapshot: Snapshot, label: str, value: object) -> None:
    """Add a row for a reference's object, unless that is ready or in the same state as its holder."""
    reference = Reference.parse(value, snapshot.namespace)
    referent = snapshot.references.get(reference) if reference else None
    if isinstance(referent, Failure):
        # The parts of an object in deletion are deleted before the object.
        if not (referent.reason == "NotFound" and deletion_time(holder)):
            parent.children.append(_node(referent, snapshot, label))
    elif referent is not None:
        condition = SHAPES[snapshot.contract].ready
        holder_condition, referent_condition = condition(holder), condition(referent)
        if state_of(referent_condition) != state_of(holder_condition) and not (
            referent_condition and referent_condition.status == "True"
        ):
            parent.children.append(_node(referent, snapshot, label))


def _sort(node: Node) -> None:
    """Rows by their names, as clusterctl prints them; rows of equal name by their state."""
    node.children.sort(
        key=lambda child: (child.title, state_of(child.condition) or (), state_of(child.ready) or (), child.members)
    )
    for child in node.children:
        _sort(child)
