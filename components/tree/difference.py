"""Differences between a living cluster and its settings, in words, with advice. Pure.

Most of them show in no condition: a pool that was deleted, or never created, has no condition at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..capi.manifest import MANAGED_BY
from ..capi.reading import Failure, Json, deletion_time, first_false, name, subject
from ..capi.versions import bare
from ..kube.objects import dig
from .blocker import REPAIR, Blocker, describe, kubectl, unreadable
from .blockers_inside import REINSTALL
from .declared import template_references
from .model import Inside, Snapshot, Tree
from .request import PoolRequest, Request

ENGINE = "pulumi-kubernetes"
"""Beginning of the field managers' names on objects that a stack has made."""


@dataclass(frozen=True)
class Difference(Blocker):
    """One difference between a cluster and its settings."""

    def __str__(self) -> str:
        return f"Differs from the settings: {self.subject}: {self.reason}.\nWhat to do: {self.action}."


@dataclass(frozen=True)
class Unknown(Difference):
    """An object that could not be compared."""

    def __str__(self) -> str:
        return f"Not known: {self.subject}: {self.reason}.\nWhat to do: {self.action}."


def differences(tree: Tree) -> list[Difference]:
    """All differences; none where the settings are not known, or the cluster itself does not exist."""
    return [*shortfalls(tree), *besides(tree)]


def shortfalls(tree: Tree) -> Iterator[Difference]:
    """Objects that the cluster lacks or that differ from the settings; with one of them it is not complete."""
    snapshot, request = tree.snapshot, tree.request
    if request is None or isinstance(snapshot.cluster, Failure) or deletion_time(snapshot.cluster):
        return
    if snapshot.control_plane and not isinstance(snapshot.control_plane, Failure):
        yield from _control_plane(snapshot, snapshot.control_plane, request)
    if isinstance(snapshot.machine_deployments, Failure):
        return
    deployments = {
        name(deployment): deployment for deployment in snapshot.machine_deployments if not deletion_time(deployment)
    }
    for deployment_name, pool in request.pools.items():
        if deployment_name in deployments:
            yield from _pool(deployments[deployment_name], pool)
        else:
            size = "" if pool.replicas is None else f" with {_machines(pool.replicas)}"
            yield Difference(
                f"MachineDeployment/{deployment_name}",
                f"it does not exist, and pool {pool.pool}{size} is asked for",
                REPAIR,
            )
    yield from _absences(snapshot)


def besides(tree: Tree) -> Iterator[Difference]:
    """Objects of the cluster that the settings do not have; it may be ready nevertheless."""
    snapshot, request = tree.snapshot, tree.request
    if request is None or isinstance(snapshot.cluster, Failure) or deletion_time(snapshot.cluster):
        return
    for deployment in () if isinstance(snapshot.machine_deployments, Failure) else snapshot.machine_deployments:
        if name(deployment) not in request.pools and not deletion_time(deployment):
            yield _surplus(snapshot, deployment)
    if isinstance(snapshot.inside, Failure):
        yield Unknown(
            snapshot.inside.subject,
            f"it could not be read: {snapshot.inside.reason}: {snapshot.inside.message}",
            "See that it is reachable from here, and that the management credentials may read the Secret with its kubeconfig "
            "(docs/rbac.yaml): what its nodes and add-ons say is not known",
        )
    for loss in snapshot.inside.losses if isinstance(snapshot.inside, Inside) else ():
        yield Difference(
            f"AddOn/{loss.addon}", f"{loss}, which it has installed, does not exist in the tenant cluster", REINSTALL
        )
    yield from _unread(snapshot)
    for machine in () if isinstance(snapshot.machines, Failure) else snapshot.machines:
        version = bare(dig(machine, "spec", "version"))
        kubelet = bare(dig(machine, "status", "nodeInfo", "kubeletVersion"))
        if version and kubelet and version != kubelet and not deletion_time(machine):
            yield Difference(
                subject(machine),
                f"its kubelet runs {kubelet}, and {version} is asked for",
                "See what its bootstrap installs; once that is right, have the machine replaced: "
                + kubectl(snapshot, "delete machine", name(machine)),
            )


def _absences(snapshot: Snapshot) -> Iterator[Difference]:
    """Declared objects that do not exist, or are about to go."""
    users = _template_users(snapshot)
    for place, answer in sorted(snapshot.declared.items()):
        need = f"{users[place]} makes its machines from it" if place in users else "the settings declare it"
        if isinstance(answer, Failure):
            if answer.reason == "NotFound":
                yield Difference(place, f"it does not exist, and {need}", REPAIR)
        elif since := deletion_time(answer):
            finalizers = ", ".join(dig(answer, "metadata", "finalizers") or ()) or "no finalizer"
            yield Difference(
                place,
                f"it is being deleted since {since:%Y-%m-%d %H:%M:%S} UTC, and {need}",
                "Wait until it is gone, then run `kamaji-equinix up`, which creates it again; if it stays, see what holds it "
                f"({finalizers}): {describe(snapshot, answer)}",
            )


def _template_users(snapshot: Snapshot) -> Mapping[str, str]:
    """The MachineDeployment that makes machines from a template, by the template's subject."""
    deployments = () if isinstance(snapshot.machine_deployments, Failure) else snapshot.machine_deployments
    return {
        reference.subject: subject(deployment)
        for deployment in deployments
        for reference in template_references(deployment, snapshot.namespace)
    }


def _unread(snapshot: Snapshot) -> Iterator[Unknown]:
    """Declared objects that could not be read, one of each kind and reason: a right is missing for all of a kind."""
    failures = {
        (place.partition("/")[0], answer.reason): answer
        for place, answer in sorted(snapshot.declared.items(), reverse=True)
        if isinstance(answer, Failure) and answer.reason != "NotFound"
    }
    for failure in failures.values():
        blocker = unreadable(failure, snapshot)
        yield Unknown(blocker.subject, blocker.reason, blocker.action)


def _control_plane(snapshot: Snapshot, plane: Json, request: Request) -> Iterator[Difference]:
    spec, running = bare(dig(plane, "spec", "version")), bare(dig(plane, "status", "version"))
    if spec != request.version:
        yield Difference(subject(plane), f"it is for Kubernetes {spec}, and {request.version} is asked for", REPAIR)
    elif running and running != request.version:
        unmet = first_false(plane)
        reason = f" ({unmet.type}: {unmet.message})" if unmet and unmet.message else ""
        yield Difference(
            subject(plane),
            f"it runs Kubernetes {running}, and {request.version} is asked for{reason}",
            f"Wait until Kamaji has changed it; if it does not, see {describe(snapshot, plane)}",
            is_progress=True,
        )
    replicas = dig(plane, "spec", "replicas")
    if replicas is not None and int(replicas) != request.replicas:
        yield Difference(subject(plane), f"it has {replicas} replicas, and {request.replicas} are asked for", REPAIR)


def _pool(deployment: Json, request: PoolRequest) -> Iterator[Difference]:
    version = bare(dig(deployment, "spec", "template", "spec", "version"))
    if version != request.version:
        reason = f"its machines are for Kubernetes {version or 'of no version'}, and {request.version} is asked for"
        yield Difference(subject(deployment), reason, REPAIR)
    replicas = dig(deployment, "spec", "replicas")
    if request.replicas is not None and replicas is not None and int(replicas) != request.replicas:
        reason = f"it is for {_machines(int(replicas))}, and {request.replicas} are asked for"
        yield Difference(subject(deployment), reason, REPAIR)


def _surplus(snapshot: Snapshot, deployment: Json) -> Difference:
    size = _machines(int(dig(deployment, "spec", "replicas") or 0))
    labels_match = MANAGED_BY.items() <= (dig(deployment, "metadata", "labels") or {}).items()
    by_stack = labels_match and any(
        str(entry.get("manager", "")).startswith(ENGINE) for entry in dig(deployment, "metadata", "managedFields") or ()
    )
    delete = kubectl(snapshot, "delete machinedeployment", name(deployment))
    return Difference(
        subject(deployment),
        f"the settings name no such pool, and it is for {size}",
        f"Run `kamaji-equinix up`, which removes a pool that this stack has made; another: {delete}"
        if by_stack
        else f"Name the pool in `workerPools`, or delete it with its machines: {delete}",
    )


def _machines(count: int) -> str:
    return f"{count} machine{'' if count == 1 else 's'}"
