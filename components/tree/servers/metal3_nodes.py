"""Nodes of a tenant cluster that are taken for the node of a machine on the same server, although they are older. Pure.

CAPM3 finds a machine's node by the UID of its host, in the label ``metal3.io/uuid`` (``SetProviderIDFromNodeLabel`` in its
metal3machine_manager.go). Cluster API deletes a node with its machine, if it knows the node: one that CAPM3 had not found
until then stays, with that label.
"""

from __future__ import annotations

from ...capi.reading import Failure, Json, deletion_time, name, subject, timestamp
from ...kube.objects import dig
from ..blocker import Blocker, kubectl
from ..model import Snapshot

LABEL = "metal3.io/uuid"
OWNER = "cluster.x-k8s.io/machine"
"""Annotation of a Node with the name of its Machine."""

PROVIDER_ID = "metal3://"

LONGEST_PAUSE = "17 minutes"
"""Between two attempts of a controller that fails again and again: 1000 s, by controller-runtime's default rate limiter."""


def label(host: Json) -> str:
    """The label of the node on a host."""
    return f"{LABEL}={dig(host, 'metadata', 'uid')}"


def blocker(snapshot: Snapshot, machine: Json, metal3_machine: Json, host: Json) -> Blocker | None:
    """A node in the way of the node of a machine on a host; None where there is none, or the nodes are not known."""
    if snapshot.nodes is None or isinstance(snapshot.nodes, Failure):
        return None
    strays = [
        node
        for node in sorted(snapshot.nodes, key=name)
        if _names(node, host) and _is_older(node, machine, metal3_machine, host)
    ]
    node_name = str(dig(machine, "status", "nodeRef", "name") or "")
    stray = next((node for node in strays if name(node) == node_name), None)
    if stray:
        return _wrong_binding(snapshot, machine, metal3_machine, host, stray)
    return _obstruction(snapshot, machine, metal3_machine, host, strays[0]) if strays and not node_name else None


def _names(node: Json, host: Json) -> bool:
    """Whether CAPM3 takes a node for one on a host."""
    uid, labels = dig(host, "metadata", "uid"), dig(node, "metadata", "labels") or {}
    return bool(uid) and (labels.get(LABEL) == uid or dig(node, "spec", "providerID") == f"{PROVIDER_ID}{uid}")


def _is_older(node: Json, machine: Json, metal3_machine: Json, host: Json) -> bool:
    """Whether a node is not that of a machine on its host.

    A node may have the name of the Machine, its Metal3Machine or its host; then, after a move to another management cluster,
    it is older than the Machine and its own nevertheless.
    """
    owner = _metal3_machine_of(node)
    if name(node) in {name(machine), name(metal3_machine), name(host)}:
        return owner not in ("", name(metal3_machine))
    node_time, machine_time = (timestamp(dig(obj, "metadata", "creationTimestamp")) for obj in (node, machine))
    return bool(node_time and machine_time and node_time < machine_time) or owner not in ("", name(metal3_machine))


def _metal3_machine_of(node: Json) -> str:
    """Name of the Metal3Machine in a node's providerID, ``metal3://NAMESPACE/HOST/METAL3MACHINE``; empty in the older one."""
    parts = str(dig(node, "spec", "providerID") or "").removeprefix(PROVIDER_ID).split("/")
    return parts[2] if len(parts) == 3 else ""


def _former(node: Json, machine: Json, metal3_machine: str) -> str:
    """Name of the machine that a node was of; by default of this program the node has it, too."""
    candidates = ((dig(node, "metadata", "annotations") or {}).get(OWNER), _metal3_machine_of(node))
    return next(
        (str(owner) for owner in candidates if owner not in (None, "", name(machine), metal3_machine)), name(node)
    )


def _obstruction(snapshot: Snapshot, machine: Json, metal3_machine: Json, host: Json, node: Json) -> Blocker:
    former = _former(node, machine, name(metal3_machine))
    return Blocker(
        f"Node/{name(node)}",
        f"{_origin(snapshot, former)}, and has the label of {subject(host)}, {label(host)}, where {subject(machine)} is now: "
        "Metal3's provider can't tell which node is that machine's",
        f"{_removal(snapshot, former, node)}. Metal3's provider looks again by itself, after {LONGEST_PAUSE} at the latest",
    )


def _wrong_binding(snapshot: Snapshot, machine: Json, metal3_machine: Json, host: Json, node: Json) -> Blocker:
    former = _former(node, machine, name(metal3_machine))
    forget = """--subresource status --type merge -p '{"status":{"nodeRef":null}}'"""
    return Blocker(
        subject(machine),
        f"it is bound to Node/{name(node)}, which is not its own: {_origin(snapshot, former)}, and has the label of "
        f"{subject(host)}, {label(host)}, where this machine is now",
        f"{_removal(snapshot, former, node)}. Then let Cluster API look for the machine's own node: "
        + kubectl(snapshot, "patch machines.cluster.x-k8s.io", name(machine), forget),
    )


def _lives(snapshot: Snapshot, former: str) -> bool:
    machines = () if isinstance(snapshot.machines, Failure) else snapshot.machines
    return any(name(machine) == former and not deletion_time(machine) for machine in machines)


def _origin(snapshot: Snapshot, former: str) -> str:
    """The machine that a node was of, in words."""
    if _lives(snapshot, former):
        return f"it is the node of Machine/{former}"
    return f"it was left by Machine/{former}, which is gone"


def _removal(snapshot: Snapshot, former: str, node: Json) -> str:
    """Advice to take a node out of the way."""
    if _lives(snapshot, former):
        return f"Take the label off it, with the cluster's kubeconfig: `kubectl label node {name(node)} {LABEL}-`"
    return f"Delete that node, with the cluster's kubeconfig: `kubectl delete node {name(node)}`"
