"""The wait after a destroy, until nothing is left of what the stack has made and of what hangs on it.

The engine ends with the Cluster and the hosts. What the Cluster owned is collected after that, and some of it waits for the
next look of a controller, which may come half a minute later. A management cluster that stops before keeps it for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ...components.capi.kinds import TENANT_CONTROL_PLANE
from ...components.capi.manifest import CLUSTER_LABEL
from ...components.kube.client import Api, ApiError
from ...components.kube.objects import SECRET, Kind, Kube, dig, plural
from ...components.manifests.control_plane import KIND as CONTROL_PLANE
from ...components.providers import dependents, hosts
from ..errors import NotGone
from .recovery import CLUSTER, THREADS, declared_resources, finder

PATIENCE = 180.0
"""Seconds without a change after which what is left is reported as stuck."""

POLL_SECONDS = 0.5


@dataclass(frozen=True, order=True)
class Remainder:
    """An object that is still there.

    Attributes:
        kind: its kind.
        namespace: its namespace.
        name: its name.
        finalizers: what holds it.
    """

    kind: str
    namespace: str
    name: str
    finalizers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def await_end(
    api: Api,
    resources: Sequence[Mapping[str, Any]],
    stack: str,
    tell: Callable[[str], object],
    pause: Callable[[float], object],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until nothing is left.

    Args:
        api: the management cluster's.
        resources: of the stack's state before the destroy.
        stack: the stack's name.
        tell: takes a line about the wait.
        pause: waits some seconds; it raises to give up.
        clock: seconds that only go forward.

    Raises:
        NotGone: something is held.
    """
    last, since = list[Remainder](), clock()
    while True:
        try:
            rest = remains(api, resources)
        except ApiError as error:
            tell(f"whether all that hung on the stack's clusters is gone can't be read: {error}")
            return
        if not rest:
            return
        if not last:
            tell(f"waits until what hung on the stack's clusters is gone: {', '.join(map(str, rest))}")
        if rest != last:
            last, since = rest, clock()
        elif clock() - since >= PATIENCE:
            raise NotGone(stuck(stack, rest, clock() - since), stack=stack, seen=str(rest[0]))
        try:
            pause(POLL_SECONDS)
        except BaseException:
            tell(
                f"all clusters and hosts of stack {stack} are deleted; not gone yet when the wait was stopped: "
                f"{', '.join(map(str, rest))}. The management cluster's controllers remove them, as long as it runs"
            )
            raise


def stuck(stack: str, rest: Sequence[Remainder], seconds: float) -> str:
    """The text about objects that stay."""
    lines = [
        f"  {item}" + (f", held by {', '.join(item.finalizers)}" if item.finalizers else ", which nothing holds")
        for item in rest
    ]
    return "\n".join(
        [
            f"destroy of stack {stack}: the engine has deleted its resources, but these objects have not gone for "
            f"{seconds:.0f} s:",
            *lines,
            "What to do: see that the controllers that hold them run, and what their logs say; they let go of them by "
            "themselves. An object that nothing holds waits for the garbage collector of the management cluster",
        ]
    )


def remains(api: Api, resources: Iterable[Mapping[str, Any]]) -> list[Remainder]:
    """What is still there of a stack that was destroyed.

    Args:
        api: the management cluster's.
        resources: of the stack's state before the destroy.

    Raises:
        ApiError: the management cluster does not answer.
    """
    parts = [resource for resource in declared_resources(resources) if resource.get("deletedWith")]
    clusters = [resource for resource in declared_resources(resources) if CLUSTER.match(resource["type"])]
    return sorted({*surviving(api, parts), *(item for cluster in clusters for item in hanging(api, cluster, parts))})


def surviving(api: Api, parts: Sequence[Mapping[str, Any]]) -> Iterator[Remainder]:
    """The parts of Clusters that exist; another object of the same name is none."""
    with ThreadPoolExecutor(THREADS) as pool:
        objects = list(pool.map(finder(api), (resource["inputs"] for resource in parts)))
    for resource, obj in zip(parts, objects, strict=True):
        if obj and dig(obj, "metadata", "uid") == dig(resource, "outputs", "metadata", "uid"):
            yield remainder(str(resource["inputs"]["kind"]), obj["metadata"])


def hanging(api: Api, cluster: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> Iterator[Remainder]:
    """What carries a Cluster's label: templates of earlier content, and what controllers have made for its machines."""
    metadata = cluster["inputs"]["metadata"]
    namespace, name = str(metadata["namespace"]), str(metadata["name"])
    kube = Kube(api, namespace)
    current = finder(api)(cluster["inputs"])
    if current and dig(current, "metadata", "uid") != dig(cluster, "outputs", "metadata", "uid"):
        # Another Cluster has its name by now, and its objects have the same label.
        return
    manifests = [part["inputs"] for part in parts if part.get("deletedWith") == cluster["urn"]]
    templates = [
        Kind(manifest["apiVersion"], manifest["kind"], plural(manifest["kind"]))
        for manifest in manifests
        if str(manifest["kind"]).endswith("Template")
    ]
    for kind in dict.fromkeys([*templates, *dependents({str(manifest["kind"]) for manifest in manifests})]):
        for item in labelled(kube, kind, name):
            if kind.name != "Secret" or is_dependent(item["metadata"]):
                yield remainder(kind.name, item["metadata"])
    planes = [str(manifest["metadata"]["name"]) for manifest in manifests if manifest["kind"] == CONTROL_PLANE]
    others = [(SECRET, f"{name}-kubeconfig"), *((TENANT_CONTROL_PLANE, plane) for plane in planes)]
    for kind, other in others:
        obj = kube.find(kind, other)
        if obj and is_dependent(obj["metadata"]):
            yield remainder(kind.name, obj["metadata"])


def labelled(kube: Kube, kind: Kind, cluster: str) -> list[dict[str, Any]]:
    """The objects of a kind that carry a Cluster's label; none where the kind is not served, or may not be listed."""
    try:
        return kube.items(kind, {CLUSTER_LABEL: cluster}, content=False)
    except ApiError as error:
        if error.code in (403, 404):
            return []
        raise


def is_dependent(metadata: Mapping[str, Any]) -> bool:
    """Whether an object goes with its owner, such as a Secret; the credentials of a host that stays do not."""
    owners = metadata.get("ownerReferences") or ()
    return bool(owners) and not any(owner.get("kind") in hosts() for owner in owners)


def remainder(kind: str, metadata: Mapping[str, Any]) -> Remainder:
    """An object by its metadata."""
    return Remainder(
        kind, str(metadata.get("namespace")), str(metadata["name"]), tuple(metadata.get("finalizers") or ())
    )
