"""Objects in the state whose creation or deletion was interrupted because the engine was killed.

The state names unfinished creations as pending, without an id. A later ``up`` would create the objects again, which is the
same object for the API server, and keep the pending entry; a ``destroy`` would not know them, and leave them: a Cluster with
its billed machines. ``pulumi refresh --import-pending-creates`` is made for this, but drops the entries unread (pulumi
3.259). So objects that the management cluster has are entered into the state under their id; the other entries are dropped.

An object whose deletion was interrupted is still in the state. A later ``up`` would take it for unchanged, and create its
parts again without it. So its end is awaited, and the state refreshed, which the engine does not do by itself.
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
"""Templates of machines."""

INFRASTRUCTURE = re.compile(r"kubernetes:infrastructure\.cluster\.x-k8s\.io/[^:]+:\w+Cluster$")

CONTROL_PLANE = re.compile(r"kubernetes:controlplane\.cluster\.x-k8s\.io/[^:]+:KamajiControlPlane$")

TENANT_PROVIDER = re.compile(r"kamaji-equinix:index:TenantCluster\$pulumi:providers:kubernetes::")
"""The provider for objects of a tenant cluster, such as its add-ons."""

TENANT_CLUSTER = "kamaji-equinix:index:TenantCluster"
"""Type of the component of a tenant cluster."""

THREADS = 8
"""Objects that are read at a time."""

Find = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""The living object that a resource's inputs describe; None where there is none."""


def pending_creates(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of an exported state whose creation was interrupted."""
    operations = deployment.get("pending_operations") or []
    return [operation["resource"] for operation in operations if operation.get("type") == "creating"]


def inside_tenant(resource: Mapping[str, Any]) -> bool:
    """Whether a resource is an object of a tenant cluster, which the management cluster does not have. It needs no recovery:
    an add-on is applied again, and deleted with its Cluster."""
    return TENANT_PROVIDER.search(str(resource.get("provider") or "")) is not None


def settle(deployment: dict[str, Any], find: Find) -> tuple[dict[str, Any], list[str]]:
    """A state without pending creations.

    Args:
        deployment: an exported state, with pending creations.
        find: reads the live objects.

    Returns:
        The state to import, and its new objects, as ``Kind namespace/name``.
    """
    resources = list(deployment.get("resources") or [])
    urns = {resource["urn"] for resource in resources if not resource.get("delete")}
    entries = []
    for resource in pending_creates(deployment):
        inputs = resource.get("inputs") or {}
        if resource["urn"] in urns or not resource["type"].startswith("kubernetes:") or inside_tenant(resource):
            continue
        if (live_object := find(inputs)) is None:
            continue
        metadata = inputs["metadata"]
        namespace = metadata.get("namespace")
        id_ = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        resources.append({**resource, "id": id_, "outputs": outputs_of(live_object, inputs)})
        entries.append(f"{inputs['kind']} {id_}")
    return {**deployment, "resources": resources, "pending_operations": []}, entries


def outputs_of(live_object: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs that pulumi-kubernetes stores for a created object (its ``checkpointObject`` in provider.go)."""
    managers = [
        str(entry.get("manager"))
        for entry in dig(live_object, "metadata", "managedFields") or []
        if entry.get("operation") == "Apply" and str(entry.get("manager")).startswith("pulumi-kubernetes")
    ]
    field_manager = {"__fieldManager": managers[0]} if managers else {}
    return {**live_object, "__inputs": inputs, "__initialApiVersion": inputs["apiVersion"], **field_manager}


def possible_deletions(deployment: Mapping[str, Any]) -> list[tuple[dict[str, Any], bool]]:
    """The inputs of resources that may be in deletion: each Cluster, and resources whose deletion was interrupted.

    Returns:
        Each with whether its deletion was under way. It was also for a Cluster whose parts the state no longer holds: they
        are deleted first, and an engine that is interrupted, not killed, leaves no other sign.
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
    """Wait until the objects in deletion are gone.

    Args:
        candidates: of ``possible_deletions``.
        find: reads the live objects.
        pause: takes a text about the wait, and waits a while; it raises to give up.

    Returns:
        The deleted objects, as ``Kind namespace/name``. A Cluster that is missing without a sign of a deletion is not among
        them: the credentials may lead to another management cluster, and the state must not forget it.
    """
    names = []
    for inputs, in_deletion in candidates:
        name = name_of(inputs)
        live_object = find(inputs)
        deleting = in_deletion
        while live_object is not None and dig(live_object, "metadata", "deletionTimestamp"):
            deleting = True
            pause(f"{name} is being deleted: waits until it is gone")
            live_object = find(inputs)
        if live_object is None and deleting:
            names.append(name)
    return names


def name_of(inputs: Mapping[str, Any]) -> str:
    """The object that a resource's inputs describe, as ``Kind namespace/name``."""
    metadata = inputs["metadata"]
    return f"{inputs['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def clusters_by_name(deployment: Mapping[str, Any], clusters: Collection[str]) -> list[dict[str, Any]]:
    """The Clusters of a state that :func:`await_deletions` names."""
    return [
        resource
        for resource in deployment.get("resources") or []
        if CLUSTER.match(resource["type"]) and name_of(resource["inputs"]) in clusters
    ]


def without_tenants(
    deployment: Mapping[str, Any], holders: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """A state without the objects of tenant clusters whose data is gone, and with it their API server.

    Args:
        deployment: an exported state.
        holders: deleted resources that held a tenant's data: Clusters, control planes.

    Returns:
        The state, and the URNs of the removed objects.
    """
    resources = list(deployment.get("resources") or [])
    by_urn = {resource["urn"]: resource for resource in resources}

    def component(urn: str) -> str:
        while urn in by_urn and by_urn[urn]["type"] != TENANT_CLUSTER:
            urn = str(by_urn[urn].get("parent") or "")
        return urn if urn in by_urn else ""

    clusters = {component(resource["urn"]) for resource in holders} - {""}
    absent_urns = {
        resource["urn"]
        for resource in resources
        if inside_tenant(resource) and component(resource["provider"].rpartition("::")[0]) in clusters
    }
    remainder = [without(resource, absent_urns) for resource in resources if resource["urn"] not in absent_urns]
    return {**deployment, "resources": remainder}, sorted(absent_urns)


def without(resource: Mapping[str, Any], absent_urns: Collection[str]) -> dict[str, Any]:
    """A resource without dependencies on absent ones."""
    copy = dict(resource)
    if "dependencies" in copy:
        copy["dependencies"] = [urn for urn in copy["dependencies"] if urn not in absent_urns]
    if "propertyDependencies" in copy:
        copy["propertyDependencies"] = {
            key: [urn for urn in urns or () if urn not in absent_urns]
            for key, urns in copy["propertyDependencies"].items()
        }
    return copy


def retain_templates(deployment: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A state in which the engine deletes no template.

    Earlier versions stored templates that the engine deletes once it has replaced them, at the end of the run or, after an
    interruption, of a later one: by then a change that was undone may use the same names again.

    Returns:
        The state, and the names of these templates.
    """
    resources, changes = [], []
    for resource in deployment.get("resources") or []:
        if TEMPLATE.match(resource["type"]) and resource.get("deletedWith") and not resource.get("retainOnDelete"):
            changes.append(str(dig(resource, "inputs", "metadata", "name")))
            resource = {**resource, "retainOnDelete": True}
        resources.append(resource)
    return {**deployment, "resources": resources}, changes


def declared_resources(resources: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The resources of a state that are objects of the management cluster which the stack has created or adopted."""
    return [
        resource
        for resource in resources
        # A component, such as a chart, is no object.
        if resource.get("custom", True)
        and resource["type"].startswith("kubernetes:")
        and not resource.get("external")
        and not resource.get("delete")
        and not inside_tenant(resource)
    ]


def drift(resources: Iterable[Mapping[str, Any]], find: Find) -> list[tuple[Mapping[str, Any], bool]]:
    """The objects of a state that somebody else has deleted or changed since they were last read.

    Returns:
        The resource of each, with whether its object still exists. Changes of controllers count too: a refresh then reports
        no change, and stores the object.
    """
    objects = declared_resources(resources)
    with ThreadPoolExecutor(THREADS) as pool:
        live_objects = list(pool.map(find, (resource["inputs"] for resource in objects)))
    return [
        (resource, obj is not None)
        for resource, obj in zip(objects, live_objects, strict=True)
        if obj is None or mark(obj) != mark(resource.get("outputs") or {}) or unready(resource, obj)
    ]


def live_version(resource: Mapping[str, Any], find: Find) -> str:
    """The served API version of an object whose own version is not served any more; empty where there is none.

    Kamaji's provider 0.20 serves KamajiControlPlane in v1alpha2 alone: an upgrade of the management cluster takes v1alpha1
    away from a stack whose ``capi.contract`` is still the older one, or was in its last run.
    """
    inputs = resource["inputs"]
    for version in alternate_versions(inputs["apiVersion"]):
        if find({**inputs, "apiVersion": version}):
            return version
    return ""


def mark(obj: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values that show that an object is another, or that its content or labels have changed."""
    metadata = obj.get("metadata") or {}
    return metadata.get("uid"), int(metadata.get("generation") or 0), metadata.get("labels")


def unready(resource: Mapping[str, Any], obj: Mapping[str, Any]) -> bool:
    """Whether an infrastructure cluster is not marked ready: a status, which the hand-off writes, changes no generation."""
    return bool(INFRASTRUCTURE.match(resource["type"])) and not is_provisioned(obj)


def finder(api: Api) -> Find:
    """A function that reads live objects of a management cluster.

    It raises ``ApiError`` where the cluster does not answer.
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
