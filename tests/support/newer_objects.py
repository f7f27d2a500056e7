"""Cluster API objects of contract v1beta2 with statuses, as controllers leave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .cluster_objects import SINCE, Object, labels, with_owner

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


def _object(kind: str, name: str, spec: Object, status: Object, **metadata: Any) -> Object:
    return {
        "apiVersion": CLUSTER_API,
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
        "status": status,
    }


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
    return {
        "apiVersion": "controlplane.cluster.x-k8s.io/v1alpha2",
        "kind": "KamajiControlPlane",
        "metadata": {"name": name},
        "spec": {**spec, "deployment": {}, "controlPlaneEndpoint": {"host": "10.0.0.5", "port": 6443}},
        "status": status,
    }


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
    spec = {"clusterName": "c1", "replicas": replicas, **_selected(name)}
    return _object("MachineDeployment", name, spec, status, labels=labels("c1"), generation=1)


def machine_set(name: str, owner: Object) -> Object:
    """The MachineSet of a MachineDeployment."""
    spec = {"clusterName": "c1", "replicas": owner["spec"]["replicas"], **_selected(name)}
    return with_owner(
        _object("MachineSet", name, spec, {"replicas": owner["spec"]["replicas"]}, labels=labels("c1")), owner
    )


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
    marks = labels("c1")
    if control_plane_machine:
        marks["cluster.x-k8s.io/control-plane"] = ""
    obj = _object("Machine", name, spec, {"conditions": list(conditions)}, labels=marks)
    if finalizers:
        obj["metadata"]["finalizers"] = list(finalizers)
    return with_owner(obj, owner, finalizers=finalizers) if owner else obj


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
    return {
        "apiVersion": "bootstrap.cluster.x-k8s.io/v1beta2",
        "kind": "KubeadmConfig",
        "metadata": {"name": name, "labels": labels("c1")},
        "spec": {"format": "cloud-config"},
        "status": {"conditions": list(conditions)},
    }


def _selected(name: str) -> Object:
    template = {
        "apiGroup": "infrastructure.cluster.x-k8s.io",
        "kind": "PacketMachineTemplate",
        "name": name,
    }
    return {
        "selector": {"matchLabels": {"pool": name}},
        "template": {
            "metadata": {"labels": {"pool": name}},
            "spec": {"clusterName": "c1", "bootstrap": {"dataSecretName": "x"}, "infrastructureRef": template},
        },
    }
