"""Cluster API objects with statuses, as controllers leave them: for trees built from values or from a real API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from .answers import body_of

CLUSTER_API = "cluster.x-k8s.io/v1beta1"
SINCE = "2026-01-02T03:04:05Z"
Object = dict[str, Any]

PLURALS = {
    "Cluster": "clusters",
    "Machine": "machines",
    "MachineSet": "machinesets",
    "MachineDeployment": "machinedeployments",
    "MachinePool": "machinepools",
    "MachineHealthCheck": "machinehealthchecks",
    "KamajiControlPlane": "kamajicontrolplanes",
    "PacketCluster": "packetclusters",
    "PacketMachine": "packetmachines",
    "KubeadmConfig": "kubeadmconfigs",
    "TenantControlPlane": "tenantcontrolplanes",
    "Service": "services",
}


def condition(
    status: str | bool, reason: str = "", severity: str = "", message: str = "", type_: str = "Ready"
) -> dict[str, str]:
    """A condition of the v1beta1 generation."""
    fields = {"type": type_, "status": str(status), "severity": severity, "reason": reason, "message": message}
    return {**{key: value for key, value in fields.items() if value}, "lastTransitionTime": SINCE}


def reference(obj: Object) -> dict[str, str]:
    """An object reference, as Cluster API's specs hold it."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "namespace": obj["metadata"].get("namespace", "default"),
    }


def with_owner(obj: Object, owner: Object) -> Object:
    """The object with ``owner`` as its controller; the API server's uid of the owner is put in when it is created."""
    obj["metadata"]["ownerReferences"] = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "controller": True,
        }
    ]
    return obj


def api_object(version: str, kind: str, name: str, spec: Object, status: Object, **metadata: Any) -> Object:
    """An object of an API version, such as ``cluster.x-k8s.io/v1beta1``."""
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
        "status": status,
    }


def packet_cluster(
    name: str = "c1", *, ready: bool = True, endpoint: tuple[str, int] | None = ("10.0.0.5", 6443)
) -> Object:
    spec: Object = {"projectID": "00000000-0000-0000-0000-000000000000", "metro": "da", "vipManager": "EMLB"}
    if endpoint:
        spec["controlPlaneEndpoint"] = {"host": endpoint[0], "port": endpoint[1]}
    return api_object("infrastructure.cluster.x-k8s.io/v1beta1", "PacketCluster", name, spec, {"ready": ready})


def control_plane(
    name: str = "cp", *, ready: bool = True, endpoint: tuple[str, int] | None = ("10.0.0.5", 6443), **status: Any
) -> Object:
    spec: Object = {
        "dataStoreName": "default",
        "replicas": 2,
        "version": "1.33.0",
        "kubelet": {},
        "network": {"serviceType": "LoadBalancer"},
        "addons": {},
        "deployment": {},
    }
    if endpoint:
        spec["controlPlaneEndpoint"] = {"host": endpoint[0], "port": endpoint[1]}
    complete = {
        "initialized": ready,
        "ready": ready,
        "readyReplicas": 2 if ready else 0,
        "replicas": 2,
        "selector": "",
        "unavailableReplicas": 0,
        "updatedReplicas": 2,
        "externalManagedControlPlane": True,
        "version": "1.33.0" if ready else "",
        **status,
    }
    return api_object("controlplane.cluster.x-k8s.io/v1alpha1", "KamajiControlPlane", name, spec, complete)


def cluster(
    name: str = "c1",
    *,
    ready: dict[str, str] | None,
    infrastructure: Object,
    plane: Object,
    paused: bool = False,
    finalizers: Iterable[str] = (),
    **status: Any,
) -> Object:
    spec = {"infrastructureRef": reference(infrastructure), "controlPlaneRef": reference(plane), "paused": paused}
    conditions = [ready] if ready else []
    extra = {"finalizers": list(finalizers)} if finalizers else {}
    return api_object(CLUSTER_API, "Cluster", name, spec, {"conditions": conditions, **status}, **extra)


def deployment(
    name: str, replicas: int, /, *, ready: dict[str, str] | None = None, of: str = "c1", **counts: int
) -> Object:
    status = {
        "replicas": replicas,
        "readyReplicas": replicas,
        "updatedReplicas": replicas,
        "unavailableReplicas": 0,
        "availableReplicas": replicas,
        "observedGeneration": 1,
        **counts,
        "conditions": [ready] if ready else [],
    }
    spec = {"clusterName": of, "replicas": replicas, **_selection(of, name)}
    return api_object(CLUSTER_API, "MachineDeployment", name, spec, status, labels=labels(of), generation=1)


def machine_set(
    name: str, owner: Object, *, of: str = "c1", conditions: Iterable[Object] = (), **counts: int
) -> Object:
    replicas = owner["spec"]["replicas"]
    spec = {"clusterName": of, "replicas": replicas, **_selection(of, name)}
    status = {"replicas": replicas, "readyReplicas": replicas, **counts, "conditions": list(conditions)}
    return with_owner(api_object(CLUSTER_API, "MachineSet", name, spec, status, labels=labels(of)), owner)


def machine(
    name: str,
    owner: Object | None,
    *,
    ready: dict[str, str] | None,
    of: str = "c1",
    parts: Mapping[str, Object] | None = None,
    control_plane_machine: bool = False,
    finalizers: Iterable[str] = (),
    **status: Any,
) -> Object:
    parts = parts or {}
    infrastructure = parts.get("infrastructure") or packet_machine(name)
    bootstrap: Object = {"dataSecretName": name}
    if "bootstrap" in parts:
        bootstrap = {"configRef": reference(parts["bootstrap"])}
    spec = {"clusterName": of, "bootstrap": bootstrap, "infrastructureRef": reference(infrastructure)}
    metadata = machine_metadata(of, control_plane_machine, finalizers)
    conditions = [ready] if ready else []
    obj = api_object(CLUSTER_API, "Machine", name, spec, {"conditions": conditions, **status}, **metadata)
    return with_owner(obj, owner) if owner else obj


def machine_metadata(of: str, control_plane_machine: bool, finalizers: Iterable[str]) -> Object:
    """Labels and finalizers of a Machine of Cluster ``of``."""
    role = {"cluster.x-k8s.io/control-plane": ""} if control_plane_machine else {}
    return {"labels": {**labels(of), **role}, **({"finalizers": list(finalizers)} if finalizers else {})}


def packet_machine(name: str, *, ready: dict[str, str] | None = None, of: str = "c1", **status: Any) -> Object:
    spec = {"os": "ubuntu_22_04", "machineType": "c3.small.x86", "billingCycle": "hourly"}
    conditions = {"conditions": [ready]} if ready else {}
    complete = {"ready": bool(ready and ready["status"] == "True"), **conditions, **status}
    return api_object(
        "infrastructure.cluster.x-k8s.io/v1beta1", "PacketMachine", name, spec, complete, labels=labels(of)
    )


def kubeadm_config(name: str, *, ready: dict[str, str] | None = None, of: str = "c1") -> Object:
    status = {"conditions": [ready] if ready else []}
    return api_object("bootstrap.cluster.x-k8s.io/v1beta1", "KubeadmConfig", name, {}, status, labels=labels(of))


def tenant_control_plane(name: str = "cp", *, phase: str = "Ready", endpoint: str = "10.0.0.5:6443") -> Object:
    status = {
        "controlPlaneEndpoint": endpoint,
        "kubernetesResources": {
            "version": {"status": phase},
            "service": {"name": name, "namespace": "default", "port": 6443},
        },
    }
    return api_object("kamaji.clastix.io/v1alpha1", "TenantControlPlane", name, {}, status)


def service(name: str = "cp", *, address: str | None = None) -> Object:
    ingress = {"ingress": [{"ip": address}]} if address else {}
    return api_object(
        "v1", "Service", name, {"type": "LoadBalancer", "ports": [{"port": 6443}]}, {"loadBalancer": ingress}
    )


def labels(of: str) -> dict[str, str]:
    return {"cluster.x-k8s.io/cluster-name": of}


def _selection(of: str, name: str) -> Object:
    version = {"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1"}
    return selection(of, name, {**version, "kind": "PacketMachineTemplate", "name": name})


def selection(of: str, name: str, template: Object) -> Object:
    """Selector and template of the machines of pool ``name``; ``template`` is the reference of their infrastructure's."""
    return {
        "selector": {"matchLabels": {"pool": name}},
        "template": {
            "metadata": {"labels": {"pool": name}},
            "spec": {"clusterName": of, "bootstrap": {"dataSecretName": "x"}, "infrastructureRef": template},
        },
    }


def path(obj: Object, namespace: str) -> str:
    """Where objects of this kind are, in a namespace."""
    version = obj["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{PLURALS[obj['kind']]}"


def create(client: httpx.Client, namespace: str, objects: Iterable[Object]) -> None:
    """Create objects and their statuses; owners come before what they own."""
    uids: dict[tuple[str, str], str] = {}
    for obj in objects:
        body = {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}
        body["metadata"]["ownerReferences"] = [
            {**owner, "uid": uids[owner["kind"], owner["name"]]} for owner in obj["metadata"].get("ownerReferences", ())
        ]
        body["spec"] = _in_namespace(obj["spec"], namespace)
        answer = body_of(client.post(path(obj, namespace), json=body))
        uids[obj["kind"], obj["metadata"]["name"]] = answer["metadata"]["uid"]
        answer["status"] = obj["status"]
        body_of(client.put(f"{path(obj, namespace)}/{obj['metadata']['name']}/status", json=answer))


def delete(client: httpx.Client, namespace: str, obj: Object) -> None:
    """Ask for an object's deletion."""
    body_of(client.delete(f"{path(obj, namespace)}/{obj['metadata']['name']}"))


def _in_namespace(value: Any, namespace: str) -> Any:
    """A spec whose references point into a namespace."""
    if isinstance(value, dict):
        return {key: namespace if key == "namespace" else _in_namespace(item, namespace) for key, item in value.items()}
    return value
