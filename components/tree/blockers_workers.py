"""Reasons why the workers of a cluster are not ready, in words: one for each pool. Pure.

A machine goes through bootstrap data, infrastructure, node; a pool through the creation of its machines, then their
readiness, then their number. Pools wait for each other in nothing, so a machine that boots must not hide an error of another
one, nor of another pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..capi.former import is_former
from ..capi.machine_counts import MachineCounts
from ..capi.manifest import NETWORK_PLUGIN
from ..capi.reading import (
    Condition,
    Failure,
    Json,
    condition,
    deletion_time,
    first_false,
    has_bootstrap_data,
    infrastructure_ready,
    is_current,
    kind,
    name,
    node_problem,
    ready,
    subject,
    terminal_failure,
)
from ..kube.objects import dig
from . import servers
from .blocker import Blocker, describe, kubectl
from .model import ReadResult, Reference, Snapshot
from .pools import Pool, pools_of


def workers(snapshot: Snapshot) -> list[Blocker]:
    """A reason for each pool that is not ready, by the pools' names."""
    return list(filter(None, (_first(_of_pool(snapshot, pool)) for pool in pools_of(snapshot))))


def _first(reasons: Iterator[Blocker]) -> Blocker | None:
    """The first error; where there is none, the first of all."""
    progress: Blocker | None = None
    for blocker in reasons:
        if not blocker.is_progress:
            return blocker
        progress = progress or blocker
    return progress


def _of_pool(snapshot: Snapshot, pool: Pool) -> Iterator[Blocker]:
    """All reasons of one pool; of those that are alike the cause comes first."""
    for check in (_former, _final_failure):
        yield from filter(None, (check(snapshot, machine) for machine in pool.machines))
    yield from filter(None, (_no_machines(snapshot, pool, machine_set) for machine_set in pool.machine_sets))
    yield from filter(None, (_machine(snapshot, machine) for machine in pool.machines))
    yield from _pool(snapshot, pool)


def _object_of(snapshot: Snapshot, value: object) -> ReadResult | None:
    reference = Reference.parse(value, snapshot.namespace)
    return snapshot.references.get(reference) if reference else None


def _parts(snapshot: Snapshot, machine: Json) -> Iterable[Json]:
    spec = dig(machine, "spec")
    for value in (dig(spec, "infrastructureRef"), dig(spec, "bootstrap", "configRef")):
        part = _object_of(snapshot, value)
        if part is not None and not isinstance(part, Failure):
            yield part


def _former(snapshot: Snapshot, machine: Json) -> Blocker | None:
    plane = snapshot.control_plane
    if not plane or isinstance(plane, Failure) or not is_former(machine, plane):
        return None
    return Blocker(
        subject(machine),
        f"it joined a control plane that is gone: {subject(plane)} was made later, with another certificate authority",
        "Run `kamaji-equinix up`, which replaces the machines of each pool; one whose strategy is OnDelete: "
        + kubectl(snapshot, "delete machine", name(machine)),
    )


def _final_failure(snapshot: Snapshot, machine: Json) -> Blocker | None:
    if deletion_time(machine):
        return None
    # The part that failed says more than the machine, which copies its message.
    for obj in (*_parts(snapshot, machine), machine):
        if failure := terminal_failure(obj):
            return Blocker(
                subject(obj),
                f"it failed, and no controller tries again: {failure[0]}: {failure[1]}",
                "Mend the cause, then have it replaced: "
                + kubectl(snapshot, "delete machine", name(machine))
                + " (a pool with `healthCheck` does this by itself)",
            )
    return None


def _no_machines(snapshot: Snapshot, pool: Pool, machine_set: Json) -> Blocker | None:
    creation = condition(machine_set, "MachinesCreated")
    target, present = dig(machine_set, "spec", "replicas") or 0, dig(machine_set, "status", "replicas") or 0
    if creation is None or creation.status == "True" or deletion_time(machine_set) or present >= target:
        return None
    owner = pool.deployment or machine_set
    reason = f"it has {present} of {target} machines: {creation.reason}: {creation.message}"
    if creation.reason == "PreflightCheckFailed":
        control_plane = snapshot.control_plane
        version = (
            None if not control_plane or isinstance(control_plane, Failure) else dig(control_plane, "status", "version")
        )
        version_of_set = dig(machine_set, "spec", "template", "spec", "version")
        return Blocker(
            subject(owner),
            f"{reason} (its machines want {version_of_set or 'no version'}, "
            f"the control plane runs {version or 'no version yet'})",
            "Cluster API creates machines once the control plane is stable and of the same minor version: "
            "bring `workerPools[].kubernetesVersion` and `cluster.kubernetesVersion` together",
        )
    return Blocker(subject(owner), reason, f"See {describe(snapshot, machine_set)}")


def _machine(snapshot: Snapshot, machine: Json) -> Blocker | None:
    if since := deletion_time(machine):
        unmet = first_false(machine, ignore=("Ready", "Available", "Paused", "NodeHealthy", "HealthCheckSucceeded"))
        finalizers = ", ".join(dig(machine, "metadata", "finalizers") or ())
        server = servers.state(snapshot, machine)
        return Blocker(
            subject(machine),
            f"it is being deleted since {since:%H:%M:%S} UTC" + (f": {_words(unmet)}" if unmet else "") + server.text,
            f"If it stays, see what holds it ({finalizers or 'no finalizer'}): {describe(snapshot, machine)}",
            is_progress=not server.has_error,
        )
    # Cluster API 1.13 calls a Machine ready, in its older conditions, while its infrastructure says that it is not.
    if blocker := servers.trouble(snapshot, machine):
        return blocker
    is_ready = ready(machine)
    if is_ready and is_ready.status == "True":
        return None
    status = machine.get("status") or {}
    spec = dig(machine, "spec") or {}
    if not has_bootstrap_data(machine):
        return _waits_for(
            snapshot, machine, _object_of(snapshot, dig(spec, "bootstrap", "configRef")), "bootstrap data"
        )
    if not infrastructure_ready(machine):
        return _waits_for(snapshot, machine, _object_of(snapshot, spec.get("infrastructureRef")), "its server")
    if not status.get("nodeRef"):
        return _without_node(machine)
    unmet = first_false(machine)
    return Blocker(
        subject(machine),
        f"its node {dig(status, 'nodeRef', 'name')} is not ready" + (f": {_words(unmet)}" if unmet else ""),
        "See the node with the cluster's kubeconfig (a cluster without network plugin has no ready node): "
        f"`kubectl describe node {dig(status, 'nodeRef', 'name')}`",
        is_progress=True,
    )


def _without_node(machine: Json) -> Blocker:
    """A machine whose server runs, and which has no node yet."""
    provider_id = dig(machine, "spec", "providerID") or "unknown provider ID"
    return Blocker(
        subject(machine),
        f"its server runs ({provider_id}), but no node with this provider ID has joined the cluster",
        "See the server's console for cloud-init and `kubeadm join`: does it reach the endpoint with a valid token?",
        is_progress=True,
    )


def _waits_for(snapshot: Snapshot, machine: Json, part: ReadResult | None, need: str) -> Blocker:
    """A machine that lacks one of its parts, with that part's condition."""
    if isinstance(part, Failure):
        return Blocker(
            subject(machine),
            f"it waits for {need}; {part.subject} could not be read: {part.reason}: {part.message}",
            "Let the management credentials read it: a Role with get and list, as in docs/rbac.yaml",
        )
    unmet = (first_false(part) or ready(part)) if part else None
    if unmet is None or unmet.status == "True":
        unmet = first_false(machine)
    return Blocker(
        subject(machine),
        f"it waits for {need}"
        + (f" from {subject(part)}" if part else "")
        + (f": {_words(unmet)}" if unmet and unmet.status != "True" else ""),
        f"If this lasts, see {describe(snapshot, part or machine)} and the log of {kind(part or machine)}'s controller",
        is_progress=not (unmet and unmet.severity == "Error"),
    )


def _pool(snapshot: Snapshot, pool: Pool) -> Iterator[Blocker]:
    deployment = pool.deployment
    if deployment is None:
        return
    if not is_current(deployment):
        yield Blocker(
            subject(deployment),
            "Cluster API has not acted on its last change yet",
            f"If this lasts, see that Cluster API's controller runs: {describe(snapshot, deployment)}",
            is_progress=True,
        )
        return
    counts = MachineCounts.of(deployment)
    if counts.desired is None or counts.complete(counts.desired):
        return
    if counts.ready < counts.desired:
        yield from filter(None, (_unhealthy_node(snapshot, machine) for machine in pool.machines))
    unmet = ready(deployment)
    yield Blocker(
        subject(deployment),
        f"of {counts.desired} machines {counts}" + (f" ({_words(unmet)})" if unmet and unmet.status != "True" else ""),
        f"Wait; if it doesn't change, see {describe(snapshot, deployment)}",
        is_progress=True,
    )


def _unhealthy_node(snapshot: Snapshot, machine: Json) -> Blocker | None:
    """The node of a machine, where Cluster API reports it as unhealthy."""
    problem = node_problem(machine)
    # What its server lacks is the cause.
    if not problem or deletion_time(machine) or servers.trouble(snapshot, machine):
        return None
    node = dig(machine, "status", "nodeRef", "name")
    if not node:
        return _without_node(machine)
    if "NetworkPluginNotReady" in problem:
        plugin = _network_plugin(snapshot)
        return Blocker(
            subject(machine),
            f"its node {node} has no network, because no network plugin runs on it: {problem}",
            _network(plugin, str(node)),
            is_progress=bool(plugin),
        )
    return Blocker(
        subject(machine),
        f"its node {node} is not healthy: {problem}",
        f"See the node with the cluster's kubeconfig: `kubectl describe node {node}`",
    )


def _network_plugin(snapshot: Snapshot) -> str:
    """The network plugin that the stack installs; empty for none."""
    plugin = None if isinstance(snapshot.cluster, Failure) else dig(snapshot.cluster, "metadata", "annotations")
    return str(dig(plugin, NETWORK_PLUGIN) or "")


def _network(plugin: str, node: str) -> str:
    """Advice about a node without network, by the plugin that the stack installs."""
    pods = (
        "see its pods with the cluster's kubeconfig: "
        f"`kubectl get pods -A -o wide --field-selector spec.nodeName={node}`"
    )
    if not plugin:
        return (
            "The stack installs none, because its `network.plugin` is none: set it to cilium, calico or flannel, then "
            f"`pulumi up`. Where somebody else has installed one, {pods}"
        )
    source = "one of the stack's `addons`" if plugin == "custom" else f"{plugin}, by the stack's `network.plugin`"
    return f"It is to come from {source}: if the last `up` has installed that, {pods}"


def _words(unmet: Condition) -> str:
    return f"{unmet.type} is {unmet.status}" + "".join(f": {part}" for part in (unmet.reason, unmet.message) if part)
