"""What an engine that was killed leaves in the state: objects whose creation or deletion was under way.

The state names them as pending, without an id. A later ``up`` would create them once more, which the API server takes as the
same object, and keep the pending entry for ever; a ``destroy`` would not know them, and leave them behind: a Cluster with its
billed machines. ``pulumi refresh --import-pending-creates`` is made for this, but drops the entries unread (pulumi 3.259).
So the management cluster is asked, and what it has is entered into the state under its id; what it lacks is dropped.

An object whose deletion was under way is in the state still. An ``up`` that follows would take it for unchanged, and make its
parts anew around nothing. So its end is awaited, and the state refreshed, which the engine does not do by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...components.capi.contract import alternate_versions
from ...components.capi.reading import is_provisioned
from ...components.kube.client import Api, ApiError
from ...components.kube.objects import Kind, Kube, dig, plural

CLUSTER = re.compile(r"kubernetes:cluster\.x-k8s\.io/[^:]+:Cluster$")

TEMPLATE = re.compile(r"kubernetes:(?:infrastructure|bootstrap)\.cluster\.x-k8s\.io/[^:]+:\w+Template$")
"""What machines are made from."""

INFRASTRUCTURE = re.compile(r"kubernetes:infrastructure\.cluster\.x-k8s\.io/[^:]+:\w+Cluster$")

CONTROL_PLANE = re.compile(r"kubernetes:controlplane\.cluster\.x-k8s\.io/[^:]+:KamajiControlPlane$")

TENANT_PROVIDER = re.compile(r"kamaji-equinix:index:TenantCluster\$pulumi:providers:kubernetes::")
"""The provider of what is inside of a tenant cluster, among them its add-ons."""

TENANT_CLUSTER = "kamaji-equinix:index:TenantCluster"
"""Type of the component of a tenant cluster."""

THREADS = 8
"""Objects that are looked at at a time."""

Find = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""The living object that a resource's inputs describe; None where there is none."""


def pending_creates(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of an exported state whose creation was under way when its engine was killed."""
    operations = deployment.get("pending_operations") or []
    return [operation["resource"] for operation in operations if operation.get("type") == "creating"]


def inside_tenant(resource: Mapping[str, Any]) -> bool:
    """Whether a resource is an object of a tenant cluster: the management cluster would deny that it exists, or show another
    of its name. Nobody has to look for it: an add-on is applied, which finds what is there, and goes with its Cluster."""
    return TENANT_PROVIDER.search(str(resource.get("provider") or "")) is not None


def settle(deployment: dict[str, Any], find: Find) -> tuple[dict[str, Any], list[str]]:
    """A state without pending creations.

    Args:
        deployment: an exported state, with pending creations.
        find: finds the living objects.

    Returns:
        The state to import, and the objects that it knows now and did not before, as ``Kind namespace/name``.
    """
    resources = list(deployment.get("resources") or [])
    urns = {resource["urn"] for resource in resources if not resource.get("delete")}
    entered = []
    for resource in pending_creates(deployment):
        inputs = resource.get("inputs") or {}
        if resource["urn"] in urns or not resource["type"].startswith("kubernetes:") or inside_tenant(resource):
            continue
        if (living := find(inputs)) is None:
            continue
        metadata = inputs["metadata"]
        namespace = metadata.get("namespace")
        id_ = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        resources.append({**resource, "id": id_, "outputs": outputs_of(living, inputs)})
        entered.append(f"{inputs['kind']} {id_}")
    return {**deployment, "resources": resources, "pending_operations": []}, entered


def outputs_of(living: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What pulumi-kubernetes stores of an object that it has created (its ``checkpointObject`` in provider.go)."""
    managers = [
        str(entry.get("manager"))
        for entry in dig(living, "metadata", "managedFields") or []
        if entry.get("operation") == "Apply" and str(entry.get("manager")).startswith("pulumi-kubernetes")
    ]
    field_manager = {"__fieldManager": managers[0]} if managers else {}
    return {**living, "__inputs": inputs, "__initialApiVersion": inputs["apiVersion"], **field_manager}


def possible_deletions(deployment: Mapping[str, Any]) -> list[tuple[dict[str, Any], bool]]:
    """The inputs of resources that may be about to go: each Cluster, and what was being deleted when an engine was killed.

    Returns:
        Each with whether its deletion was under way. So was that of a Cluster whose parts the state holds no longer: they go
        first, and an engine that is interrupted, not killed, leaves no other sign.
    """
    urns = {
        operation["resource"]["urn"]
        for operation in deployment.get("pending_operations") or []
        if operation.get("type") == "deleting"
    }
    resources = deployment.get("resources") or []
    whole = {resource.get("deletedWith") for resource in resources}
    candidates = []
    for resource in resources:
        if inside_tenant(resource):
            continue
        cluster, deleting = bool(CLUSTER.match(resource["type"])), resource["urn"] in urns
        if cluster or (deleting and resource["type"].startswith("kubernetes:")):
            candidates.append((resource["inputs"], deleting or (cluster and resource["urn"] not in whole)))
    return candidates


def await_deletions(
    candidates: Iterable[tuple[Mapping[str, Any], bool]], find: Find, pause: Callable[[str], object]
) -> list[str]:
    """Wait until those that are being deleted are gone.

    Args:
        candidates: of ``possible_deletions``.
        find: finds the living objects.
        pause: takes what is waited for, and waits a while; it raises to give up.

    Returns:
        Those that are gone, as ``Kind namespace/name``. A Cluster that is missing without a sign that it was deleted from
        here is none of them: the credentials may lead to another management cluster, and the state must not forget it.
    """
    names = []
    for inputs, was_going in candidates:
        metadata = inputs["metadata"]
        name = f"{inputs['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        living = find(inputs)
        deleting = was_going
        while living is not None and dig(living, "metadata", "deletionTimestamp"):
            deleting = True
            pause(f"{name} is being deleted: waits until it is gone")
            living = find(inputs)
        if living is None and deleting:
            names.append(name)
    return names


def clusters_called(deployment: Mapping[str, Any], clusters: Collection[str]) -> list[dict[str, Any]]:
    """The Clusters of a state that :func:`await_deletions` names."""
    return [
        one
        for one in deployment.get("resources") or []
        if CLUSTER.match(one["type"])
        and f"Cluster {one['inputs']['metadata'].get('namespace', '')}/{one['inputs']['metadata']['name']}" in clusters
    ]


def without_tenants(
    deployment: Mapping[str, Any], holders: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """A state without the objects of tenant clusters whose data is gone: no API server is left to tell so.

    Args:
        deployment: an exported state.
        holders: resources whose end has taken a tenant's data with it: Clusters, control planes.

    Returns:
        The state, and the URNs of the objects that it held of them.
    """
    resources = list(deployment.get("resources") or [])
    by_urn = {one["urn"]: one for one in resources}

    def component(urn: str) -> str:
        while urn in by_urn and by_urn[urn]["type"] != TENANT_CLUSTER:
            urn = str(by_urn[urn].get("parent") or "")
        return urn if urn in by_urn else ""

    clusters = {component(one["urn"]) for one in holders} - {""}
    missing = {
        one["urn"]
        for one in resources
        if inside_tenant(one) and component(one["provider"].rpartition("::")[0]) in clusters
    }
    rest = [without(one, missing) for one in resources if one["urn"] not in missing]
    return {**deployment, "resources": rest}, sorted(missing)


def without(resource: Mapping[str, Any], missing: Collection[str]) -> dict[str, Any]:
    """A resource that depends on none of those any longer."""
    copy = dict(resource)
    if "dependencies" in copy:
        copy["dependencies"] = [urn for urn in copy["dependencies"] if urn not in missing]
    if "propertyDependencies" in copy:
        copy["propertyDependencies"] = {
            key: [urn for urn in urns or () if urn not in missing] for key, urns in copy["propertyDependencies"].items()
        }
    return copy


def retain_templates(deployment: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A state in which the engine deletes no template.

    Earlier versions stored templates that the engine deletes once it has replaced them, at the end of the run or, where that
    was interrupted, of a later one: then a change that is taken back has their very names again.

    Returns:
        The state, and the names of the templates that it held so.
    """
    resources, changes = [], []
    for resource in deployment.get("resources") or []:
        if TEMPLATE.match(resource["type"]) and resource.get("deletedWith") and not resource.get("retainOnDelete"):
            changes.append(str(dig(resource, "inputs", "metadata", "name")))
            resource = {**resource, "retainOnDelete": True}
        resources.append(resource)
    return {**deployment, "resources": resources}, changes


def declared(resources: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The resources of a state that are objects of the management cluster which the stack has made or taken in."""
    return [
        one
        for one in resources
        # A component, such as a chart, is no object.
        if one.get("custom", True)
        and one["type"].startswith("kubernetes:")
        and not one.get("external")
        and not one.get("delete")
        and not inside_tenant(one)
    ]


def drift(resources: Iterable[Mapping[str, Any]], find: Find) -> list[tuple[Mapping[str, Any], bool]]:
    """The objects of a state that somebody else has deleted or changed since they were last read.

    Returns:
        The resource of each, with whether its object still lives. A controller that has completed an object counts too: a
        refresh then finds nothing, and notes what it has read.
    """
    own = declared(resources)
    with ThreadPoolExecutor(THREADS) as pool:
        living = list(pool.map(find, (one["inputs"] for one in own)))
    return [
        (one, obj is not None)
        for one, obj in zip(own, living, strict=True)
        if obj is None or mark(obj) != mark(one.get("outputs") or {}) or unready(one, obj)
    ]


def elsewhere(resource: Mapping[str, Any], find: Find) -> str:
    """The API version in which an object lives whose own is not served any more; empty where there is none.

    Kamaji's provider 0.20 serves KamajiControlPlane in v1alpha2 alone: an upgrade of the management cluster takes v1alpha1
    away from a stack whose ``capi.contract`` is still the older one, or was in its last run.
    """
    inputs = resource["inputs"]
    for version in alternate_versions(inputs["apiVersion"]):
        if find({**inputs, "apiVersion": version}):
            return version
    return ""


def mark(obj: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells that an object is another, or that its content or labels have changed."""
    metadata = obj.get("metadata") or {}
    return metadata.get("uid"), int(metadata.get("generation") or 0), metadata.get("labels")


def unready(resource: Mapping[str, Any], obj: Mapping[str, Any]) -> bool:
    """Whether an infrastructure cluster is not marked ready: a status, which the hand-off writes, changes no generation."""
    return bool(INFRASTRUCTURE.match(resource["type"])) and not is_provisioned(obj)


def finder(api: Api) -> Find:
    """Asks a management cluster for living objects.

    The function raises ``ApiError`` where the cluster does not tell.
    """

    def find(inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
        metadata = inputs["metadata"]
        kind = Kind(inputs["apiVersion"], inputs["kind"], plural(inputs["kind"]))
        if metadata.get("namespace"):
            return Kube(api, metadata["namespace"]).find(kind, metadata["name"])
        try:
            return api.get(f"/api/{inputs['apiVersion']}/{kind.plural}/{metadata['name']}")
        except ApiError as error:
            if error.reason == "NotFound":
                return None
            raise

    return find
