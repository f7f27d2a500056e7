"""Reasons inside the tenant cluster why it is not ready, where all objects of Cluster API are. Pure."""

from __future__ import annotations

from ..capi.manifest import ADD_ON
from ..capi.reading import Json, kind, name
from ..kube.objects import dig
from .blocker import Blocker
from .model import Inside, Tree

UNINITIALIZED_TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
"""Taint of a node whose kubelet waits for a cloud controller (``cloud-provider: external``)."""

REINSTALL = "Run `pulumi up --refresh`, which looks into the tenant cluster, too, and installs what is missing"
"""Advice on objects of add-ons: `kamaji-equinix up` looks at the management cluster alone."""

INSIDE = "with the cluster's kubeconfig: `kubectl -n {} {}`"


def inside(tree: Tree) -> list[Blocker]:
    """The reasons in the order of their causes: add-ons that are missing, then a taint or the add-ons that do not run.

    Without a cloud controller only add-ons that tolerate its taint start, so the first node with the taint stands for all.
    """
    content = tree.snapshot.inside
    if not isinstance(content, Inside):
        return []
    absences = [] if tree.request is None else _absences(content, tree.request.add_ons)
    taints = list(filter(None, map(_taint, sorted(content.nodes, key=name))))
    return absences + (taints[:1] or list(filter(None, map(_workload, sorted(content.workloads, key=_place)))))


def _absences(content: Inside, names: tuple[str, ...]) -> list[Blocker]:
    names_in_cluster = {dig(workload, "metadata", "labels", ADD_ON) for workload in content.workloads}
    return [
        Blocker(
            f"AddOn/{addon}",
            f"the tenant cluster has no workload of it (label {ADD_ON}={addon}): it was not installed, or was deleted there",
            REINSTALL,
        )
        for addon in names
        if addon not in names_in_cluster
    ]


def _taint(node: Json) -> Blocker | None:
    taints = [dig(taint, "key") for taint in dig(node, "spec", "taints") or ()]
    if UNINITIALIZED_TAINT not in taints:
        return None
    return Blocker(
        f"Node/{name(node)}",
        f"no cloud controller has seen it, so most pods don't start on it: it has the taint {UNINITIALIZED_TAINT}",
        "Where a cloud controller runs that takes the taint away, see its log; where none does, set the infrastructure's "
        "`cloudController` to one that this program installs, or to none, with which no kubelet waits for one. See what runs "
        + INSIDE.format("kube-system", "get pods -o wide"),
    )


def _workload(workload: Json) -> Blocker | None:
    lacks = _lacks(workload)
    if not lacks:
        return None
    conditions = dig(workload, "status", "conditions") or ()
    texts = [f"{c['type']}: {c['message']}" for c in conditions if c.get("message") and _bad(c)]
    namespace = str(dig(workload, "metadata", "namespace"))
    return Blocker(
        f"AddOn/{dig(workload, 'metadata', 'labels', ADD_ON)}",
        f"{kind(workload)} {namespace}/{name(workload)} {lacks}" + (f" ({'; '.join(texts)})" if texts else ""),
        "See its pods " + INSIDE.format(namespace, f"describe {kind(workload).lower()} {name(workload)}"),
        is_progress=kind(workload) != "Job",
    )


def _bad(condition: Json) -> bool:
    failure = condition["type"] in ("Failed", "ReplicaFailure", "FailureTarget")
    return str(condition.get("status")) == ("True" if failure else "False")


def _lacks(workload: Json) -> str:
    """The pods that a workload lacks, in words; empty where it lacks none."""
    status, generation = dig(workload, "status") or {}, dig(workload, "metadata", "generation") or 0
    if kind(workload) == "Job":
        return "has failed" if any(c["type"] == "Failed" and _bad(c) for c in status.get("conditions") or ()) else ""
    if (status.get("observedGeneration") or 0) < generation:
        return "is not acted on yet by its controller"
    if kind(workload) == "DaemonSet":
        target, available = status.get("desiredNumberScheduled") or 0, status.get("numberAvailable") or 0
    else:
        replicas = dig(workload, "spec", "replicas")
        target, available = 1 if replicas is None else replicas, status.get("availableReplicas") or 0
    return f"has {available} of {target} pods available" if available < target else ""


def _place(workload: Json) -> tuple[str, str, str]:
    return str(dig(workload, "metadata", "namespace")), kind(workload), name(workload)
