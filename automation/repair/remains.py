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
from ...components.capi.reading import CLUSTER_API
from ...components.capi.templates import BOOTSTRAP
from ...components.checks.hosts import OWNER
from ...components.kube.client import Api, ApiError
from ...components.kube.objects import SECRET, Kind, Kube, dig, plural
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


@dataclass(frozen=True)
class FormerCluster:
    """A Cluster that a destroy deletes.

    Attributes:
        namespace: its namespace.
        name: its name.
        uid: its UID; empty where the state does not hold it any more.
        infrastructure: kind of its infrastructure cluster.
        plane: name of its control plane; empty where that is not known.
        version: of Cluster API's contract.
    """

    namespace: str
    name: str
    uid: str
    infrastructure: str
    plane: str = ""
    version: str = "v1beta2"


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
            if commands := orphans(api, resources):
                tell(
                    f"these objects of the stack stay, because no Cluster owned them. To delete them: {', '.join(commands)}"
                )
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
    objects = declared_resources(resources)
    parts = [(str(manifest["kind"]), metadata) for manifest, metadata in living_parts(api, objects)]
    others = [item for cluster in clusters_of(objects) for item in hanging(api, cluster)]
    staying = {str(metadata["uid"]) for _, metadata in parts if not is_going(metadata)}
    return sorted(
        {
            Remainder(kind, str(metadata["namespace"]), str(metadata["name"]), tuple(metadata.get("finalizers") or ()))
            for kind, metadata in (*parts, *others)
            # What belongs to something that stays, stays.
            if is_going(metadata)
            and not staying & {str(owner.get("uid")) for owner in metadata.get("ownerReferences") or ()}
        }
    )


def orphans(api: Api, resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Commands that delete the parts of Clusters which nothing owns, as in a cluster that was imported half made."""
    return [
        f"`kubectl -n {metadata['namespace']} delete {resource_of(manifest)} {metadata['name']}`"
        for manifest, metadata in living_parts(api, declared_resources(resources))
    ]


def living_parts(
    api: Api, objects: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The parts of Clusters that exist, each with its manifest and live metadata; another of the same name is none."""
    parts = [resource for resource in objects if resource.get("deletedWith")]
    with ThreadPoolExecutor(THREADS) as pool:
        live_objects = list(pool.map(finder(api), (resource["inputs"] for resource in parts)))
    for resource, obj in zip(parts, live_objects, strict=True):
        if obj and dig(obj, "metadata", "uid") == dig(resource, "outputs", "metadata", "uid"):
            yield resource["inputs"], obj["metadata"]


def resource_of(manifest: Mapping[str, Any]) -> str:
    """The resource of a manifest, with its group, as kubectl takes it."""
    group = str(manifest["apiVersion"]).rpartition("/")[0]
    return f"{plural(str(manifest['kind']))}.{group}".rstrip(".")


def clusters_of(objects: Iterable[Mapping[str, Any]]) -> list[FormerCluster]:
    """The Clusters of a state: after a destroy that was stopped it may hold nothing but them, or nothing but hosts."""
    clusters: dict[tuple[str, str], FormerCluster] = {}
    for resource in objects:
        inputs = resource["inputs"]
        metadata = inputs["metadata"]
        namespace, name = str(metadata.get("namespace")), str(metadata["name"])
        if CLUSTER.match(resource["type"]):
            clusters[namespace, name] = FormerCluster(
                namespace,
                name,
                str(dig(resource, "outputs", "metadata", "uid") or ""),
                str(dig(inputs, "spec", "infrastructureRef", "kind") or ""),
                str(dig(inputs, "spec", "controlPlaneRef", "name") or ""),
                str(inputs["apiVersion"]).rpartition("/")[2],
            )
        elif provider := hosts().get(str(inputs["kind"])):
            owner = str((metadata.get("labels") or {}).get(OWNER) or "")
            clusters.setdefault((namespace, owner), FormerCluster(namespace, owner, "", provider.cluster_kind))
    return list(clusters.values())


def hanging(api: Api, cluster: FormerCluster) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What carries a Cluster's label, as kind and metadata: templates, and what controllers have made for its machines."""
    kube = Kube(api, cluster.namespace)
    current = kube.find(Kind(f"{CLUSTER_API}/{cluster.version}", "Cluster", "clusters"), cluster.name)
    if current and dig(current, "metadata", "uid") != cluster.uid:
        # Another Cluster has its name by now, and its objects have the same label.
        return
    bootstrap = Kind(f"bootstrap.{CLUSTER_API}/{cluster.version}", BOOTSTRAP, plural(BOOTSTRAP))
    for kind in (bootstrap, *dependents(cluster.infrastructure)):
        for item in labelled(kube, kind, cluster.name):
            yield kind.name, item["metadata"]
    planes = [(TENANT_CONTROL_PLANE, cluster.plane)] if cluster.plane else []
    for kind, name in ((SECRET, f"{cluster.name}-kubeconfig"), *planes):
        if obj := kube.find(kind, name):
            yield kind.name, obj["metadata"]


def labelled(kube: Kube, kind: Kind, cluster: str) -> list[dict[str, Any]]:
    """The objects of a kind that carry a Cluster's label; none where the kind is not served, or may not be listed."""
    try:
        return kube.items(kind, {CLUSTER_LABEL: cluster}, content=False)
    except ApiError as error:
        if error.code in (403, 404):
            return []
        raise


def is_going(metadata: Mapping[str, Any]) -> bool:
    """Whether an object goes by itself, with an owner; a user's does not, nor do the credentials of a host that stays."""
    owners = metadata.get("ownerReferences") or ()
    with_owner = bool(owners) and not any(owner.get("kind") in hosts() for owner in owners)
    return with_owner or bool(metadata.get("deletionTimestamp"))
