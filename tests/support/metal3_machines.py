"""Machines on servers of Metal3 with all that hangs on them, as CAPM3, its IPAM and the baremetal-operator leave it."""

from __future__ import annotations

from typing import Any

from kamaji_equinix.components.tree import Failure, Snapshot
from kamaji_equinix.components.tree.model import Reference

from . import cluster_objects as objects_of
from .cluster_objects import Object, condition
from .snapshots import pool, snapshot

INFRASTRUCTURE = "infrastructure.cluster.x-k8s.io/v1beta2"
IPAM = "ipam.metal3.io/v1alpha1"


def thing(api_version: str, kind: str, name: str, *, spec: Object, status: Object, **metadata: Any) -> Object:
    """Any object."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": objects_of.labels("c1"), **metadata},
        "spec": spec,
        "status": status,
    }


def owned_by(kind: str, name: str, version: str = INFRASTRUCTURE) -> list[Object]:
    return [{"apiVersion": version, "kind": kind, "name": name, "uid": f"uid-of-{name}"}]


def host(name: str, machine: str, state: str = "available", **status: Any) -> Object:
    """A BareMetalHost that CAPM3 has chosen for a machine."""
    spec: Object = {"online": True, "consumerRef": {"kind": "Metal3Machine", "name": machine}}
    whole = {"provisioning": {"state": state}, "poweredOn": state == "provisioned", **status}
    return thing("metal3.io/v1alpha1", "BareMetalHost", name, spec=spec, status=whole, uid=f"uid-of-{name}")


def metal3_machine(name: str, on: str, *, data_ready: bool = False) -> Object:
    """A Metal3Machine on a host."""
    readiness = condition(data_ready, "WaitingForMetal3Data", "Info", type_="Metal3DataReady")
    conditions = [condition(True, type_="AssociateBMH"), readiness]
    return thing(
        INFRASTRUCTURE,
        "Metal3Machine",
        name,
        spec={},
        status={"conditions": conditions},
        annotations={"metal3.io/BareMetalHost": f"default/{on}"},
    )


def data(name: str, machine: str, *, ready: bool = False, error: str = "") -> Object:
    """A Metal3Data of a machine."""
    status: Object = {"ready": ready, **({"errorMessage": error} if error else {})}
    return thing(INFRASTRUCTURE, "Metal3Data", name, spec={"claim": {"name": machine}}, status=status)


def claim(of: str, ip_pool: str, *, error: str = "", address: str = "", **metadata: Any) -> Object:
    """An IPClaim of a Metal3Data."""
    status: Object = {
        **({"errorMessage": error} if error else {}),
        **({"address": {"name": address}} if address else {}),
    }
    owners = owned_by("Metal3Data", of)
    return thing(
        IPAM,
        "IPClaim",
        f"{of}-{ip_pool}",
        spec={"pool": {"name": ip_pool}},
        status=status,
        ownerReferences=owners,
        **metadata,
    )


def ip_pool(
    name: str, end: str, *, allocations: dict[str, str] | None = None, of_stack: bool = True, **spec: Any
) -> Object:
    """An IPPool that begins at 192.0.2.100; ``of_stack`` is one that a stack has made."""
    labels = {"app.kubernetes.io/managed-by": "kamaji-equinix"} if of_stack else {}
    whole = {"pools": [{"start": "192.0.2.100", "end": end}], "namePrefix": name, **spec}
    return thing(IPAM, "IPPool", name, spec=whole, status={"indexes": allocations or {}}, labels=labels)


def machines(*pools: str, node: str = "", birth: str = "2026-01-02T03:00:00Z") -> tuple[list[Object], dict[Any, Any]]:
    """A machine on host ``<pool>-host`` for each pool, and the objects that machines refer to."""
    objects: list[Object] = []
    references: dict[Reference, Object] = {}
    for name in pools:
        infrastructure = metal3_machine(f"{name}-0", f"{name}-host")
        deployment, machine_set, machine = pool(name, [condition(False, "X", "Info")], readyReplicas=0)
        machine["status"] |= {"infrastructureReady": bool(node), "nodeRef": {"name": node} if node else None}
        machine["spec"]["infrastructureRef"] = objects_of.reference(infrastructure)
        machine["metadata"]["creationTimestamp"] = birth
        reference = Reference.parse(objects_of.reference(infrastructure), "default")
        assert reference is not None, "a reference"
        references[reference] = infrastructure
        objects += [deployment, machine_set, machine]
    return objects, references


def rack(*objects: Object | Failure, pools: tuple[str, ...] = ("a",), **changed: Any) -> Snapshot:
    """A cluster with a machine in each pool, and what stands around it; hosts that are not given are available."""
    workers, references = machines(*pools, **{key: changed.pop(key) for key in ("node", "birth") if key in changed})
    parts: dict[str, Any] = {"Metal3Data": (), "IPClaim": (), "IPAddressClaim": (), "IPPool": ()}
    hosts: dict[str, Object] = {f"{name}-host": host(f"{name}-host", f"{name}-0") for name in pools}
    for obj in objects:
        if isinstance(obj, Failure):
            parts[obj.subject.removesuffix("s")] = obj
        elif obj["kind"] == "BareMetalHost":
            hosts[obj["metadata"]["name"]] = obj
        else:
            parts[obj["kind"]] = (*parts[obj["kind"]], obj)
    return snapshot(*workers, references=references, servers=tuple(hosts.values()), server_parts=parts, **changed)
