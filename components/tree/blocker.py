"""A reason why a cluster isn't ready, and the words that all such reasons share. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..capi.reading import Failure, Json, kind, name
from .model import Snapshot

REPAIR = "Run `kamaji-equinix up`, which looks for what is missing or was changed and puts it right"
"""Advice on an object that the stack declares. Plain ``pulumi up`` would compare with its state only."""


@dataclass(frozen=True)
class Blocker:
    """One reason why a cluster isn't ready.

    Attributes:
        subject: the object to look at, as ``Kind/name``.
        reason: what is wrong with it, or what it waits for.
        action: what to do next.
        is_progress: whether it usually passes by itself, such as the installation of a server. Everything else is an error,
            which stays until somebody acts.
    """

    subject: str
    reason: str
    action: str
    is_progress: bool = False

    def __str__(self) -> str:
        return f"Blocked by {self.subject}: {self.reason}.\nWhat to do: {self.action}."


def kubectl(snapshot: Snapshot, *words: str) -> str:
    """A command to copy, quoted."""
    return f"`kubectl -n {snapshot.namespace} {' '.join(words)}`"


def describe(snapshot: Snapshot, obj: Json) -> str:
    """The command that shows an object with its events, quoted."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return kubectl(snapshot, "describe", f"{kind(obj).lower()}.{group}".rstrip("."), name(obj))


def unreadable(failure: Failure, snapshot: Snapshot, referred_by: str = "") -> Blocker:
    """Advice about a failed read.

    Args:
        failure: what could not be read.
        snapshot: the other objects of the cluster.
        referred_by: the object that refers to it, where that explains the failure.
    """
    by = f", which {referred_by} names," if referred_by else ""
    if failure.reason == "NotFound":
        action = REPAIR
        if failure.subject.startswith("Cluster/"):
            action += f"; what there is: {kubectl(snapshot, 'get clusters.cluster.x-k8s.io')}"
        return Blocker(failure.subject, f"it{by} does not exist in namespace {snapshot.namespace}", action)
    actions = {
        "Forbidden": "Give the management credentials the rights to get and list it (docs/rbac.yaml)",
        "Unauthorized": "Renew the management credentials (`management.kubeconfig` or `management.kubeconfigPath`)",
        "Unreachable": "See that the management cluster runs and is reachable from here",
        "Untrusted": "See that the kubeconfig belongs to this management cluster",
        "NotServed": "Install what serves it: `clusterctl init`, with the providers that the stack uses",
    }
    return Blocker(
        failure.subject,
        f"it{by} could not be read: {failure.reason}: {failure.message}",
        actions.get(failure.reason, "Try again; if it stays, see the API server's log"),
    )
