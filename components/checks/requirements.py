"""What the manifests of a stack need of a management cluster: read off them, so that the two can't differ. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..capi.kinds import CLUSTER, TENANT_CONTROL_PLANE
from ..kube.objects import Kind, plural
from .needs import RequiredKind, Requirements, Right

WRITE = ("get", "list", "watch", "create", "patch", "delete")
"""What pulumi-kubernetes does: server-side apply, reads, and a watch until a deleted object is gone."""

GROUP = "cluster.x-k8s.io"
"""Of Cluster API's own kinds."""

INSTALL = {
    GROUP: "clusterctl init",
    "bootstrap.cluster.x-k8s.io": "clusterctl init --bootstrap kubeadm",
    "controlplane.cluster.x-k8s.io": "clusterctl init --control-plane kamaji",
    "kamaji.clastix.io": "helm install kamaji clastix/kamaji --namespace kamaji-system --create-namespace",
}


# What is read by the hand-off and by the status tree, declared by nobody: made by Kamaji and Cluster API.
def _read(core: str) -> tuple[RequiredKind, ...]:
    kamaji = INSTALL["kamaji.clastix.io"]
    return (
        RequiredKind(TENANT_CONTROL_PLANE, install=kamaji, verbs=("get",)),
        *(
            RequiredKind(Kind(core, name, plural(name)), install=INSTALL[GROUP], verbs=("get", "list"))
            for name in ("Machine", "MachineSet")
        ),
    )


_RIGHTS = (Right("get", "", "services"), Right("get", "", "secrets"))
_CREATE_NAMESPACES = (Right("create", "", "namespaces"),)
# Those of a pool's bootstrap.
_WRITE_SECRETS = tuple(Right(verb, "", "secrets") for verb in ("create", "patch", "delete"))


def requirements(
    manifests: Iterable[Mapping[str, Any]],
    *,
    contract: str,
    data_stores: Iterable[str] = (),
    installs: Mapping[str, str] | None = None,
    created_last: Collection[str] = (),
    other_contracts: Mapping[str, Mapping[str, str]] | None = None,
) -> Requirements:
    """What a stack needs.

    Args:
        manifests: all objects of the stack.
        contract: its ``capi.contract``.
        data_stores: the DataStores that its control planes name.
        installs: the command that installs the infrastructure provider, by kind.
        created_last: kinds of infrastructure clusters whose status the hand-off does not write.
        other_contracts: versions by CRD name for the other values of ``capi.contract``.
    """
    kinds: dict[str, RequiredKind] = {}
    namespaces: dict[str, bool] = {}
    created: set[str] = set()
    secrets = False
    for manifest in manifests:
        group = str(manifest["apiVersion"]).rpartition("/")[0]
        name = str(manifest["kind"])
        if not group:
            if name == "Namespace":
                created.add(str(manifest["metadata"]["name"]))
            elif name == "Secret":
                secrets = True
            continue
        namespaces.setdefault(str(manifest["metadata"].get("namespace", "default")), False)
        install = INSTALL.get(group) or (installs or {}).get(name, "")
        is_infrastructure = group.startswith("infrastructure.")
        asked_by = "" if is_infrastructure else f"capi.contract: {contract}"
        # The hand-off writes the status of an infrastructure cluster that was there before the endpoint.
        has_status = is_infrastructure and name.endswith("Cluster") and name not in created_last
        kind = Kind(str(manifest["apiVersion"]), name, plural(name))
        need = RequiredKind(kind, asked_by, install, WRITE, has_status)
        kinds.setdefault(need.crd, need)
    core = next((need.kind.api_version for need in kinds.values() if need.kind.group == GROUP), CLUSTER.api_version)
    for need in _read(core):
        kinds.setdefault(need.crd, need)
    return Requirements(
        kinds=tuple(kinds.values()),
        namespaces={name: name in created for name in namespaces},
        data_stores=tuple(dict.fromkeys(data_stores)),
        rights=(*_RIGHTS, *(_CREATE_NAMESPACES if created else ()), *(_WRITE_SECRETS if secrets else ())),
        other_contracts=other_contracts or {},
    )
