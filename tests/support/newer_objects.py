"""Cluster API objects of contract v1beta2 with statuses, as controllers leave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from .cluster_objects import SINCE, Object, api_object, labels, machine_metadata, selection, with_owner

CLUSTER_API = "cluster.x-k8s.io/v1beta2"


def condition(type_: str, status: str | bool, reason: str = "", message: str = "") -> Object:
    """A condition of the v1beta2 generation, which always has a reason."""
    default = {"True": type_, "False": f"Not{type_}", "Unknown": "InternalError"}[str(status)]
    return {
        "type": type_,
        "status": str(status),
        "reason": reason or default,
        "message": message,
        "lastTransitionTime": SINCE,
    }


def reference(obj: Object) -> dict[str, str]:
    """A reference, which names no version."""
    group = obj["apiVersion"].partition("/")[0]
    return {"apiGroup": group, "kind": obj["kind"], "name": obj["metadata"]["name"]}


_object = partial(api_object, CLUSTER_API)


def control_plane(name: str = "cp", conditions: Iterable[Object] = (), **counts: int) -> Object:
    """A KamajiControlPlane for two replicas; ``counts`` are of its status."""
    status = {
        "ready": True,
        "externalManagedControlPlane": True,
        "version": "1.33.0",
        "conditions": list(conditions),
        **counts,
    }
    spec = {"dataStoreName": "default", "replicas": 2, "version": "1.33.0", "kubelet": {}, "network": {}, "addons": {}}
    spec |= {"deployment": {}, "controlPlaneEndpoint": {"host": "10.0.0.5", "port": 6443}}
    return api_object("controlplane.cluster.x-k8s.io/v1alpha2", "KamajiControlPlane", name, spec, status)


def cluster(
    infrastructure: Object,
    plane: Object,
    *,
    conditions: Iterable[Object] = (),
    finalizers: Iterable[str] = (),
    **status: Any,
) -> Object:
    """Cluster ``c1``."""
    spec = {"infrastructureRef": reference(infrastructure), "controlPlaneRef": reference(plane)}
    extra = {"finalizers": list(finalizers)} if finalizers else {}
    return _object("Cluster", "c1", spec, {"conditions": list(conditions), **status}, **extra)


def deployment(name: str, replicas: int, /, conditions: Iterable[Object] = (), **counts: int) -> Object:
    """A MachineDeployment; ``counts`` are of its status."""
    status = {"observedGeneration": 1, "conditions": list(conditions), **counts}
    spec = {"clusterName": "c1", "replicas": replicas, **_selection(name)}
    return _object("MachineDeployment", name, spec, status, labels=labels("c1"), generation=1)


def machine_set(name: str, owner: Object) -> Object:
    """The MachineSet of a MachineDeployment."""
    spec = {"clusterName": "c1", "replicas": owner["spec"]["replicas"], **_selection(name)}
    status = {"replicas": owner["spec"]["replicas"]}
    return with_owner(_object("MachineSet", name, spec, status, labels=labels("c1")), owner)


def machine(
    name: str,
    owner: Object | None,
    conditions: Iterable[Object] = (),
    *,
    parts: Mapping[str, Object],
    control_plane_machine: bool = False,
    finalizers: Iterable[str] = (),
) -> Object:
    """A Machine.

    Args:
        name: its name.
        owner: its MachineSet.
        conditions: of its status.
        parts: ``infrastructure``, and ``bootstrap`` where it has a configuration.
        control_plane_machine: whether it is one of the control plane's.
        finalizers: keep it while it is being deleted.
    """
    bootstrap: Object = {"dataSecretName": name}
    if "bootstrap" in parts:
        bootstrap = {"configRef": reference(parts["bootstrap"])}
    spec = {"clusterName": "c1", "bootstrap": bootstrap, "infrastructureRef": reference(parts["infrastructure"])}
    metadata = machine_metadata("c1", control_plane_machine, finalizers)
    obj = _object("Machine", name, spec, {"conditions": list(conditions)}, **metadata)
    return with_owner(obj, owner) if owner else obj


def machine_pool(name: str, conditions: Iterable[Object] = (), *, parts: Mapping[str, Object]) -> Object:
    """A MachinePool of one replica."""
    spec = {
        "clusterName": "c1",
        "replicas": 1,
        "template": {
            "spec": {
                "clusterName": "c1",
                "bootstrap": {"configRef": reference(parts["bootstrap"])},
                "infrastructureRef": reference(parts["infrastructure"]),
            }
        },
    }
    return _object("MachinePool", name, spec, {"conditions": list(conditions), "replicas": 1}, labels=labels("c1"))


def kubeadm_config(name: str, conditions: Iterable[Object] = ()) -> Object:
    """A KubeadmConfig."""
    spec, status = {"format": "cloud-config"}, {"conditions": list(conditions)}
    return api_object("bootstrap.cluster.x-k8s.io/v1beta2", "KubeadmConfig", name, spec, status, labels=labels("c1"))


def _selection(name: str) -> Object:
    group = {"apiGroup": "infrastructure.cluster.x-k8s.io"}
    return selection("c1", name, {**group, "kind": "PacketMachineTemplate", "name": name})
