"""Reading what the tree shows: the objects that ``clusterctl describe cluster`` reads, and what explains a delay.

How a read is answered is in :mod:`.references`. Infrastructure and bootstrap kinds are known only through the references that
name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..capi.endpoint import endpoint_of
from ..capi.reading import CLUSTER_API, Failure, control_plane_ready, kind, name
from ..kube.objects import Kind, dig
from . import servers
from .model import ListResult, ReadResult, Reference, Snapshot
from .references import NOT_SERVED, Reader, References, get, is_unserved, items, selector

# clusterctl v1.10 reads v1beta1, and v1.13 reads v1beta2; a management cluster may serve only the other one.
_VERSIONS = {"v1beta1": ("v1beta1", "v1beta2"), "v1beta2": ("v1beta2", "v1beta1")}

# From this many references to one kind on, one list is cheaper than a read of each.
_LIST_FROM = 3


def take(reader: Reader, namespace: str, cluster: str, contract: str = "v1beta1") -> Snapshot:
    """Everything that the tree of one cluster needs.

    Args:
        reader: of the management cluster.
        namespace: the Cluster's namespace.
        cluster: the Cluster's name.
        contract: of Cluster API: the version of its own kinds that is read.
    """
    version, cluster_object = _cluster(reader, namespace, cluster, contract)
    if isinstance(cluster_object, Failure):
        return Snapshot(namespace, cluster, cluster_object, contract=contract)
    references = References(reader)
    base = f"/apis/{CLUSTER_API}/{version}/namespaces/{namespace}"
    infrastructure = references.read(Reference.parse(dig(cluster_object, "spec", "infrastructureRef"), namespace))
    control_plane = references.read(Reference.parse(dig(cluster_object, "spec", "controlPlaneRef"), namespace))
    machines = _list(reader, f"{base}/machines", cluster, "Machines", "Machine")
    pools = _list(reader, f"{base}/machinepools", cluster, "MachinePools", "MachinePool")
    if is_unserved(pools):
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
        references=_references(references, namespace, cluster, _holders(machines, pools)),
        evidence=_evidence(reader, namespace, control_plane),
        servers=_servers(reader, namespace, servers.kind_to_read(machines)),
        server_parts={part.name: _servers(reader, namespace, part) for part in servers.parts_to_read(machines)},
        contract=contract,
    )


def _cluster(reader: Reader, namespace: str, cluster: str, contract: str) -> tuple[str, ReadResult]:
    """The Cluster, and the version of Cluster API's own kinds to read."""
    absent: ReadResult = Failure(
        f"Cluster/{cluster}", NOT_SERVED, "Cluster API is not installed in the management cluster"
    )
    for version in _VERSIONS[contract]:
        path = f"/apis/{CLUSTER_API}/{version}/namespaces/{namespace}/clusters/{cluster}"
        answer = get(reader, path, f"Cluster/{cluster}")
        if not is_unserved(answer):
            return version, answer
    return contract, absent


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
    references: References, namespace: str, cluster: str, values: Iterable[object]
) -> Mapping[Reference, ReadResult]:
    by_kind: dict[tuple[str, str, str, str], list[Reference]] = {}
    for value in values:
        reference = Reference.parse(value, namespace)
        if reference:
            key = (reference.group, reference.api_version, reference.kind, reference.namespace)
            by_kind.setdefault(key, []).append(reference)
    objects: dict[Reference, ReadResult] = {}
    for alike in by_kind.values():
        by_name = references.of_cluster(cluster, alike[0]) if len(alike) >= _LIST_FROM else {}
        for reference in alike:
            answer = by_name.get(reference.name) or references.read(reference)
            if answer is not None:
                objects[reference] = answer
    return objects


def _list(reader: Reader, path: str, cluster: str, subject: str, item_kind: str) -> ListResult:
    return items(get(reader, f"{path}{selector(cluster)}", subject), item_kind)


def _evidence(reader: Reader, namespace: str, control_plane: ReadResult | None) -> Mapping[str, ReadResult]:
    """Why a control plane of Kamaji isn't ready: its TenantControlPlane (of the same name) and that one's Service."""
    if control_plane is None or isinstance(control_plane, Failure) or kind(control_plane) != "KamajiControlPlane":
        return {}
    if control_plane_ready(control_plane) and endpoint_of(control_plane):
        return {}
    plane = name(control_plane)
    tenant = get(
        reader,
        f"/apis/kamaji.clastix.io/v1alpha1/namespaces/{namespace}/tenantcontrolplanes/{plane}",
        f"TenantControlPlane/{plane}",
    )
    evidence: dict[str, ReadResult] = {f"TenantControlPlane/{plane}": tenant}
    if not isinstance(tenant, Failure):
        service = str(dig(tenant, "status", "kubernetesResources", "service", "name") or plane)
        answer = get(reader, f"/api/v1/namespaces/{namespace}/services/{service}", f"Service/{service}")
        if not isinstance(answer, Failure):
            answer = {"apiVersion": "v1", "kind": "Service", **answer}
        evidence[f"Service/{service}"] = answer
    return evidence


def _servers(reader: Reader, namespace: str, kind_: Kind | None) -> ListResult:
    """All objects of a kind in the namespace: the servers that a cluster's machines are on or could be, or what they need."""
    if kind_ is None:
        return ()
    answer = get(reader, f"/apis/{kind_.api_version}/namespaces/{namespace}/{kind_.plural}", f"{kind_.name}s")
    return items(answer, kind_.name)
