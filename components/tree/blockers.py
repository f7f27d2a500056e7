"""Reasons why a cluster is not ready, in words, with advice. Pure.

The checks follow the order in which a cluster comes up: Cluster, control plane, hand-off of the endpoint, infrastructure,
workers. The first one that fails is the cause: the later ones wait for it. Only the pools of workers, and the add-ons, wait
for nothing in each other, so each has a reason of its own: see :mod:`.blockers_workers` and :mod:`.blockers_inside`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..capi.endpoint import endpoint_of
from ..capi.missing_address import cause, failure_text
from ..capi.reading import (
    PAUSED_ANNOTATION,
    Failure,
    Json,
    condition,
    conditions,
    control_plane_ready,
    deletion_time,
    first_false,
    is_paused,
    is_provisioned,
    kind,
    name,
    subject,
    terminal_failure,
)
from ..kube.objects import dig
from .blocker import REPAIR, Blocker, describe, kubectl, unreadable
from .blockers_inside import inside
from .blockers_workers import workers
from .difference import shortfalls
from .model import ReadResult, Snapshot, Tree

NEW_CONTROL_PLANE = (
    ". A new control plane has a new certificate authority and no data: the {} living machines can't join it, and are "
    "replaced"
)


def first_blocker(tree: Tree) -> Blocker | None:
    """The first reason why the cluster is not ready; None exactly when it is: see :func:`all_blockers`."""
    return next(iter(all_blockers(tree)), None)


def all_blockers(tree: Tree) -> tuple[Blocker, ...]:
    """The reasons why the cluster is not ready, errors before progress: one for each pool that is not; none when it is ready.

    Ready means: every condition in the table is True, and so is every ``Node.ready``, the control plane and the
    infrastructure cluster fulfil their contract, every pool has as many ready, current machines as asked, nothing is missing
    that the settings ask for, and in the tenant cluster, where it was asked, no node waits for a cloud controller and all
    awaited add-ons run.
    """
    snapshot = tree.snapshot
    if isinstance(snapshot.cluster, Failure):
        return (unreadable(snapshot.cluster, snapshot),)
    for check in STAGES:
        if blocker := check(snapshot, snapshot.cluster):
            return (blocker,)
    reasons = workers(snapshot)
    if all(blocker.is_progress for blocker in reasons) and (unread := _unread_lists(snapshot)):
        reasons.append(unread)
    if not reasons and (row := _any_row(tree)):
        reasons.append(row)
    # A pool that is missing has no row.
    subjects = {blocker.subject for blocker in reasons}
    reasons += [difference for difference in shortfalls(tree) if difference.subject not in subjects]
    return tuple(sorted(reasons or inside(tree), key=lambda blocker: blocker.is_progress))


def _deletion(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    since = deletion_time(cluster)
    if not since:
        return None
    machines = () if isinstance(snapshot.machines, Failure) else snapshot.machines
    parts = [f"{len(machines)} machine{'s' if len(machines) > 1 else ''}"] if machines else []
    parts += [subject(o) for o in (snapshot.control_plane, snapshot.infrastructure) if o and not isinstance(o, Failure)]
    parts += [f"finalizer {finalizer}" for finalizer in dig(cluster, "metadata", "finalizers") or ()]
    return Blocker(
        subject(cluster),
        f"it is being deleted since {since:%Y-%m-%d %H:%M:%S} UTC; still there: {', '.join(parts) or 'only itself'}",
        f"Wait until it is gone; if it stays, see what holds the machines: {kubectl(snapshot, 'get machines -o yaml')}",
        is_progress=True,
    )


def _pause(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    if dig(cluster, "spec", "paused"):
        # A stack that has not paused it does not declare the field, and so does not reset it.
        change = """--type merge -p '{"spec":{"paused":false}}'"""
        command = kubectl(snapshot, "patch clusters.cluster.x-k8s.io", name(cluster), change)
        return Blocker(
            subject(cluster),
            "it is paused, so no controller acts on it",
            "Where the stack's configuration says `cluster.paused: true`, set it to false and run `kamaji-equinix up`; where "
            f"somebody else has paused it: {command}",
        )
    if is_paused(cluster):
        removal = kubectl(snapshot, "annotate clusters.cluster.x-k8s.io", name(cluster), f"{PAUSED_ANNOTATION}-")
        return Blocker(
            subject(cluster),
            "it is paused by an annotation, so no controller acts on it",
            f"Once whoever set it is done: {removal}",
        )
    return None


def _missing_control_plane(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    return _reference_problem(snapshot, cluster, "controlPlaneRef", snapshot.control_plane)


def _missing_infrastructure(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    return _reference_problem(snapshot, cluster, "infrastructureRef", snapshot.infrastructure)


def _reference_problem(snapshot: Snapshot, cluster: Json, field: str, part: ReadResult | None) -> Blocker | None:
    if part is None:
        return Blocker(subject(cluster), f"spec.{field} is empty", REPAIR)
    if isinstance(part, Failure):
        blocker = unreadable(part, snapshot, referred_by=f"spec.{field} of {subject(cluster)}")
        if field == "controlPlaneRef" and part.reason == "NotFound":
            machines = () if isinstance(snapshot.machines, Failure) else snapshot.machines
            if machines:
                return replace(blocker, action=blocker.action + NEW_CONTROL_PLANE.format(len(machines)))
        return blocker
    return None


def _final_failure(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    for obj in (cluster, snapshot.control_plane, snapshot.infrastructure):
        if obj and not isinstance(obj, Failure) and (failure := terminal_failure(obj)):
            return Blocker(
                subject(obj),
                f"its controller gave up: {failure[0]}: {failure[1]}",
                f"Mend the cause; the message stays until the object is changed: {describe(snapshot, obj)}",
            )
    return None


def _address(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    control_plane = snapshot.control_plane
    if control_plane is None or isinstance(control_plane, Failure) or endpoint_of(control_plane):
        return None
    tenant, service = (_evidence(snapshot, kind_) for kind_ in ("TenantControlPlane", "Service"))
    address_cause = cause(control_plane, cluster, tenant, service)
    action = {
        "Cluster API": "If this lasts, see that Cluster API's controller runs and what it says: "
        + describe(snapshot, cluster),
        "load balancer": "See that the management cluster has a load balancer controller with free addresses: "
        + kubectl(snapshot, "describe service", name(control_plane)),
        "Kamaji": f"See what Kamaji says: {kubectl(snapshot, 'describe tenantcontrolplane', name(control_plane))}",
    }[address_cause.actor]
    return Blocker(subject(control_plane), f"it has no address: {address_cause.text}", action, is_progress=True)


def _evidence(snapshot: Snapshot, kind_: str) -> ReadResult | None:
    """The object of a kind that the control plane has, as it was read."""
    return next((obj for key, obj in snapshot.evidence.items() if key.startswith(f"{kind_}/")), None)


def _handoff(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    control_plane, infrastructure = snapshot.control_plane, snapshot.infrastructure
    if (
        not control_plane
        or not infrastructure
        or isinstance(control_plane, Failure)
        or isinstance(infrastructure, Failure)
    ):
        return None
    plane_endpoint, infrastructure_endpoint = endpoint_of(control_plane), endpoint_of(infrastructure)
    if plane_endpoint and infrastructure_endpoint and plane_endpoint != infrastructure_endpoint:
        return Blocker(
            subject(infrastructure),
            f"its endpoint is {infrastructure_endpoint}, but {subject(control_plane)} answers at {plane_endpoint}",
            "Find out who wrote it; `handoff.force: true` and `kamaji-equinix up` overwrite it",
        )
    lacking = [
        noun
        for noun, value in (("endpoint", infrastructure_endpoint), ("status.ready", is_provisioned(infrastructure)))
        if not value
    ]
    if plane_endpoint and lacking:
        return Blocker(
            subject(infrastructure),
            f"the hand-off is not done: {subject(control_plane)} has endpoint {plane_endpoint}, "
            f"{subject(infrastructure)} has no {' and no '.join(lacking)}",
            "Run `kamaji-equinix up`, which awaits the endpoint and writes it; try it by hand: "
            f"`curl -k https://{plane_endpoint}/readyz`",
        )
    readiness = condition(cluster, "InfrastructureReady")
    if readiness and readiness.status != "True":
        return Blocker(
            subject(cluster),
            f"Cluster API has not seen yet that {subject(infrastructure)} is ready{_after_colon(readiness.message)}",
            f"If this lasts, see that Cluster API's controller runs: {describe(snapshot, cluster)}",
            is_progress=True,
        )
    return None


def _control_plane(snapshot: Snapshot, cluster: Json) -> Blocker | None:
    control_plane = snapshot.control_plane
    if not control_plane or isinstance(control_plane, Failure) or control_plane_ready(control_plane):
        return None
    return Blocker(
        subject(control_plane),
        f"it is not ready{_because(snapshot, control_plane)}",
        "See what Kamaji says: "
        + kubectl(snapshot, "describe tenantcontrolplane", name(control_plane))
        + "; its pods: "
        + kubectl(snapshot, "get pods -l", f"kamaji.clastix.io/name={name(control_plane)}"),
        is_progress=True,
    )


def _because(snapshot: Snapshot, control_plane: Json) -> str:
    """The reasons of a control plane that isn't ready: its own conditions, then its TenantControlPlane's."""
    reasons = []
    if unmet := first_false(control_plane):
        reasons.append(f"{unmet.type} is {unmet.status}" + (f" ({unmet.message})" if unmet.message else ""))
    for obj in snapshot.evidence.values():
        if isinstance(obj, Failure):
            reasons.append(failure_text(obj))
        elif kind(obj) == "TenantControlPlane":
            reasons += _tenant(obj)
    return ": " + "; ".join(reasons) if reasons else ""


def _tenant(tenant: Json) -> Iterator[str]:
    resources = dig(tenant, "status", "kubernetesResources")
    phase = dig(resources, "version", "status") or "without a status"
    pods = dig(resources, "deployment") or {}
    pod_count = f", {pods.get('readyReplicas', 0)} of {pods['replicas']} pods ready" if pods.get("replicas") else ""
    yield f"{subject(tenant)} is {phase}{pod_count}"
    for unmet in conditions(tenant):
        if unmet.status == "False" and unmet.message:
            yield f"{unmet.type}: {unmet.message}"


def _unread_lists(snapshot: Snapshot) -> Blocker | None:
    for objects in (
        snapshot.machine_deployments,
        snapshot.machine_sets,
        snapshot.machines,
        snapshot.machine_pools,
        *snapshot.references.values(),
    ):
        if isinstance(objects, Failure):
            return unreadable(objects, snapshot)
    return None


def _any_row(tree: Tree) -> Blocker | None:
    """Any condition in the table that isn't True, the deepest first, because upper rows summarise lower ones."""
    root = tree.root
    if root.ready is None:
        return Blocker(
            root.title,
            "Cluster API has not acted on it yet",
            "If this lasts, see that Cluster API's controller runs",
            is_progress=True,
        )
    for node in reversed(list(tree.nodes)):
        for entry in (node.ready, node.condition):
            if entry and entry.status != "True":
                text = ": ".join(part for part in (entry.reason, " ".join(entry.message.split())) if part)
                return Blocker(
                    f"{node.kind}/{node.members[0] if node.members else node.name}",
                    f"its condition {entry.type} is {entry.status}{_after_colon(text)}",
                    "If this lasts, see the log of the controller that owns it",
                    is_progress=True,
                )
    return None


def _after_colon(text: str) -> str:
    return f": {text}" if text else ""


STAGES: tuple[Callable[[Snapshot, Json], Blocker | None], ...] = (
    _deletion,
    _pause,
    _missing_control_plane,
    _final_failure,
    _address,
    # One that is created last is missing until the control plane has answered.
    _missing_infrastructure,
    _handoff,
    _control_plane,
)
"""What a cluster goes through before it has workers."""
