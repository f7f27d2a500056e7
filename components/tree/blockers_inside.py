"""Reasons inside the tenant cluster why it is not ready, where all objects of Cluster API are. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..capi.manifest import ADD_ON
from ..capi.reading import Json, kind, name
from ..kube.objects import dig
from .blocker import Blocker
from .model import Inside, Tree

UNINITIALIZED_TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
"""Taint of a node whose kubelet waits for a cloud controller (``cloud-provider: external``)."""

INSIDE = "with the cluster's kubeconfig: `kubectl -n {} {}`"


def inside(tree: Tree) -> Iterator[Blocker]:
    """The reasons in the order of their causes: without a cloud controller only add-ons that tolerate the taint start."""
    content = tree.snapshot.inside
    if not isinstance(content, Inside):
        return
    missing = [] if tree.request is None else _missing(content, tree.request.add_ons)
    yield from missing
    yield from filter(None, map(_taint, sorted(content.nodes, key=name)))
    yield from filter(None, map(_workload, sorted(content.workloads, key=_place)))


def _missing(content: Inside, names: tuple[str, ...]) -> list[Blocker]:
    there = {dig(one, "metadata", "labels", ADD_ON) for one in content.workloads}
    return [
        Blocker(
            f"AddOn/{one}",
            f"the tenant cluster has no workload of it (label {ADD_ON}={one}): it was not installed, or was deleted there",
            "Run `pulumi up --refresh`, which looks into the tenant cluster, too, and installs what is missing",
        )
        for one in names
        if one not in there
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


def _workload(one: Json) -> Blocker | None:
    lacks = _lacks(one)
    if not lacks:
        return None
    conditions = dig(one, "status", "conditions") or ()
    texts = [f"{c['type']}: {c['message']}" for c in conditions if c.get("message") and _bad(c)]
    namespace = str(dig(one, "metadata", "namespace"))
    return Blocker(
        f"AddOn/{dig(one, 'metadata', 'labels', ADD_ON)}",
        f"{kind(one)} {namespace}/{name(one)} {lacks}" + (f" ({'; '.join(texts)})" if texts else ""),
        "See its pods " + INSIDE.format(namespace, f"describe {kind(one).lower()} {name(one)}"),
    )


def _bad(condition: Json) -> bool:
    failure = condition["type"] in ("Failed", "ReplicaFailure", "FailureTarget")
    return str(condition.get("status")) == ("True" if failure else "False")


def _lacks(one: Json) -> str:
    """The pods that a workload lacks, in words; empty where it lacks none."""
    status, generation = dig(one, "status") or {}, dig(one, "metadata", "generation") or 0
    if kind(one) == "Job":
        return "has failed" if any(c["type"] == "Failed" and _bad(c) for c in status.get("conditions") or ()) else ""
    if (status.get("observedGeneration") or 0) < generation:
        return "is not acted on yet by its controller"
    if kind(one) == "DaemonSet":
        target, there = status.get("desiredNumberScheduled") or 0, status.get("numberAvailable") or 0
    else:
        replicas = dig(one, "spec", "replicas")
        target, there = 1 if replicas is None else replicas, status.get("availableReplicas") or 0
    return f"has {there} of {target} pods available" if there < target else ""


def _place(one: Json) -> tuple[str, str, str]:
    return str(dig(one, "metadata", "namespace")), kind(one), name(one)
