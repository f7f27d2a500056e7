"""Reading what the tree shows: the objects that ``clusterctl describe cluster`` reads, and what explains a delay.

A read that fails becomes part of the result (:class:`~.objects.Failure`), because a status view is needed most when
something is wrong. Infrastructure and bootstrap kinds are known only through the references that name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from ..capi.endpoint import endpoint_of
from ..capi.manifest import CLUSTER_LABEL
from ..capi.reading import (
    CLUSTER_API,
    Failure,
    Json,
    control_plane_ready,
    kind,
    name,
)
from ..kube.client import ApiError
from ..kube.objects import Kind, dig, plural
from . import servers
from .model import ListResult, ReadResult, Reference, Snapshot

# clusterctl v1.10 reads v1beta1; a management cluster that has dropped it serves v1beta2.
_VERSIONS = ("v1beta1", "v1beta2")

# From this many references to one kind on, one list is cheaper than a read of each.
_LIST_FROM = 3

_UNSERVED = ("404 page not found", "the server could not find the requested resource")


class Reader(Protocol):
    """What reads the management cluster."""

    def get(self, path: str) -> dict[str, Any]:
        """What the API answers to a GET of a path.

        Raises:
            ApiError: it could not be read.
        """
        ...


def take(reader: Reader, namespace: str, cluster: str) -> Snapshot:
    """Everything that the tree of one cluster needs.

    Args:
        reader: of the management cluster.
        namespace: the Cluster's namespace.
        cluster: the Cluster's name.
    """
    version, cluster_object = _cluster(reader, namespace, cluster)
    if isinstance(cluster_object, Failure):
        return Snapshot(namespace, cluster, cluster_object)
    base = f"/apis/{CLUSTER_API}/{version}/namespaces/{namespace}"
    infrastructure = _read_reference(
        reader, Reference.parse(dig(cluster_object, "spec", "infrastructureRef"), namespace)
    )
    control_plane = _read_reference(reader, Reference.parse(dig(cluster_object, "spec", "controlPlaneRef"), namespace))
    machines = _list(reader, f"{base}/machines", cluster, "Machines", "Machine")
    pools = _list(reader, f"{base}/machinepools", cluster, "MachinePools", "MachinePool")
    if isinstance(pools, Failure) and pools.reason == "NotServed":
        pools = ()
    return Snapshot(
        namespace=namespace,
        name=cluster,
        cluster=cluster_object,
        infrastructure=infrastructure,
        control_plane=control_plane,
        machines=machines,
        machine_deployments=_list(
            reader, f"{base}/machinedeployments", cluster, "MachineDeployments", "MachineDeployment"
        ),
        machine_sets=_list(reader, f"{base}/machinesets", cluster, "MachineSets", "MachineSet"),
        machine_pools=pools,
        references=_references(reader, namespace, cluster, _holders(machines, pools)),
        evidence=_evidence(reader, namespace, control_plane),
        servers=_servers(reader, namespace, servers.kind_to_read(machines)),
    )


def _cluster(reader: Reader, namespace: str, cluster: str) -> tuple[str, ReadResult]:
    """The Cluster, and the version of Cluster API's own kinds to read."""
    absent: ReadResult = Failure(
        f"Cluster/{cluster}", "NotServed", "Cluster API is not installed in the management cluster"
    )
    for version in _VERSIONS:
        path = f"/apis/{CLUSTER_API}/{version}/namespaces/{namespace}/clusters/{cluster}"
        answer = _get(reader, path, f"Cluster/{cluster}")
        if not (isinstance(answer, Failure) and answer.reason == "NotServed"):
            return version, answer
    return _VERSIONS[0], absent


def _get(reader: Reader, path: str, subject: str) -> ReadResult:
    try:
        return reader.get(path)
    except ApiError as error:
        if error.reason == "NotFound" and error.message.strip() in _UNSERVED:
            return Failure(subject, "NotServed", f"the management cluster does not serve {path.partition('?')[0]}")
        return Failure(subject, error.reason, error.message)


def _list(reader: Reader, path: str, cluster: str, subject: str, item_kind: str) -> ListResult:
    selector = quote(f"{CLUSTER_LABEL}={cluster}", safe="")
    return _items(_get(reader, f"{path}?labelSelector={selector}", subject), item_kind)


def _items(answer: ReadResult, item_kind: str) -> ListResult:
    """The objects of a list; they may lack what the list itself says."""
    if isinstance(answer, Failure):
        return answer
    common = {"apiVersion": answer.get("apiVersion"), "kind": item_kind}
    return tuple({**common, **item} for item in answer.get("items") or ())


def _read_reference(reader: Reader, reference: Reference | None) -> ReadResult | None:
    if reference is None:
        return None
    path = _path(reader, reference)
    if isinstance(path, Failure):
        return path
    return _get(reader, f"{path}/{reference.name}", reference.subject)


def _path(reader: Reader, reference: Reference) -> str | Failure:
    """Where a reference's kind is: Cluster API's contract fixes the plural (contract.CalculateCRDName)."""
    api_version = reference.api_version
    if not api_version:
        group = _get(reader, f"/apis/{reference.group}", reference.subject)
        if isinstance(group, Failure):
            return group
        api_version = str(dig(group, "preferredVersion", "groupVersion"))
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{reference.namespace}/{plural(reference.kind)}"


def _holders(machines: ListResult, pools: ListResult) -> Iterable[object]:
    """The references of machines and pools to their infrastructure and bootstrap configuration."""
    for machine in () if isinstance(machines, Failure) else machines:
        yield dig(machine, "spec", "infrastructureRef")
        yield dig(machine, "spec", "bootstrap", "configRef")
    for pool in () if isinstance(pools, Failure) else pools:
        template = dig(pool, "spec", "template", "spec")
        yield dig(template, "infrastructureRef")
        yield dig(template, "bootstrap", "configRef")


def _references(
    reader: Reader, namespace: str, cluster: str, values: Iterable[object]
) -> Mapping[Reference, ReadResult]:
    by_kind: dict[tuple[str, str, str, str], list[Reference]] = {}
    for value in values:
        reference = Reference.parse(value, namespace)
        if reference:
            key = (reference.group, reference.api_version, reference.kind, reference.namespace)
            by_kind.setdefault(key, []).append(reference)
    objects: dict[Reference, ReadResult] = {}
    for references in by_kind.values():
        by_name = _by_label(reader, cluster, references[0]) if len(references) >= _LIST_FROM else {}
        for reference in references:
            answer = by_name.get(reference.name) or _read_reference(reader, reference)
            if answer is not None:
                objects[reference] = answer
    return objects


def _by_label(reader: Reader, cluster: str, like: Reference) -> Mapping[str, Json]:
    """The objects of a reference's kind that carry the cluster's label, by name; none where they can't be listed."""
    path = _path(reader, like)
    if isinstance(path, Failure):
        return {}
    objects = _list(reader, path, cluster, like.kind, like.kind)
    return {} if isinstance(objects, Failure) else {name(item): item for item in objects}


def _evidence(reader: Reader, namespace: str, control_plane: ReadResult | None) -> Mapping[str, ReadResult]:
    """Why a control plane of Kamaji isn't ready: its TenantControlPlane (of the same name) and that one's Service."""
    if control_plane is None or isinstance(control_plane, Failure) or kind(control_plane) != "KamajiControlPlane":
        return {}
    if control_plane_ready(control_plane) and endpoint_of(control_plane):
        return {}
    plane = name(control_plane)
    tenant = _get(
        reader,
        f"/apis/kamaji.clastix.io/v1alpha1/namespaces/{namespace}/tenantcontrolplanes/{plane}",
        f"TenantControlPlane/{plane}",
    )
    evidence: dict[str, ReadResult] = {f"TenantControlPlane/{plane}": tenant}
    if not isinstance(tenant, Failure):
        service = str(dig(tenant, "status", "kubernetesResources", "service", "name") or plane)
        answer = _get(reader, f"/api/v1/namespaces/{namespace}/services/{service}", f"Service/{service}")
        if not isinstance(answer, Failure):
            answer = {"apiVersion": "v1", "kind": "Service", **answer}
        evidence[f"Service/{service}"] = answer
    return evidence


def _servers(reader: Reader, namespace: str, kind_: Kind | None) -> ListResult:
    """The servers that a cluster's machines are on, or could be."""
    if kind_ is None:
        return ()
    return _items(
        _get(reader, f"/apis/{kind_.api_version}/namespaces/{namespace}/{kind_.plural}", f"{kind_.name}s"), kind_.name
    )
