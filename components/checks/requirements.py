"""The requirements of a stack's manifests on a management cluster. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ..capi.kinds import CLUSTER, TENANT_CONTROL_PLANE
from ..kube.objects import Kind, plural
from . import installation
from .needs import RequiredKind, Requirements, Right

APPLY = ("get", "create", "patch")
"""Verbs of pulumi-kubernetes for an object that is deleted with the Cluster: server-side apply, and reads."""

WRITE = (*APPLY, "delete", "list", "watch")
"""Verbs for an object that it also deletes: it watches the object until it does not exist any more."""

TEMPLATE = (*APPLY, "list", "delete")
"""Verbs for a template: the engine retains it, and the program removes it once no machine uses it."""

GROUP = "cluster.x-k8s.io"
"""Of Cluster API's own kinds."""


# Objects that the hand-off and the status tree read: Kamaji and Cluster API make them, no manifest declares them.
def _read(core: str, commands: Mapping[str, str]) -> tuple[RequiredKind, ...]:
    return (
        RequiredKind(TENANT_CONTROL_PLANE, install=commands["kamaji.clastix.io"], verbs=("get",)),
        *(
            RequiredKind(Kind(core, name, plural(name)), install=commands[GROUP], verbs=("list",))
            for name in ("Machine", "MachineSet")
        ),
    )


_RIGHTS = (Right("get", "", "services"), Right("get", "", "secrets"))
_CREATE_NAMESPACES = (Right("create", "", "namespaces"),)
# For the Secrets of a pool's bootstrap.
_WRITE_SECRETS = tuple(Right(verb, "", "secrets") for verb in ("create", "patch", "delete"))


def requirements(
    manifests: Iterable[Mapping[str, Any]],
    *,
    contract: str,
    data_stores: Iterable[str] = (),
    installs: Mapping[str, str] | None = None,
    created_last: Collection[str] = (),
    relies_on: Iterable[Kind] = (),
    alternate_contracts: Mapping[str, Mapping[str, str]] | None = None,
) -> Requirements:
    """The requirements of a stack.

    Args:
        manifests: all objects of the stack.
        contract: its ``capi.contract``.
        data_stores: the DataStores that its control planes name.
        installs: the command that installs the infrastructure provider, by kind.
        created_last: kinds of infrastructure clusters whose status the hand-off does not write.
        relies_on: kinds that the infrastructure provider needs, though the stack may declare none.
        alternate_contracts: versions by CRD name for the other values of ``capi.contract``.
    """
    commands = installation.installs(contract)
    kinds: dict[str, RequiredKind] = {}
    references: dict[tuple[str, str], dict[str, None]] = {}
    secrets: set[tuple[str, str]] = set()
    namespaces: dict[str, bool] = {}
    new_namespaces: set[str] = set()
    for manifest in manifests:
        group = str(manifest["apiVersion"]).rpartition("/")[0]
        name = str(manifest["kind"])
        if not group:
            if name == "Namespace":
                new_namespaces.add(str(manifest["metadata"]["name"]))
            elif name == "Secret":
                secrets.add((str(manifest["metadata"]["namespace"]), str(manifest["metadata"]["name"])))
            continue
        for secret, key in file_secrets(manifest):
            references.setdefault((str(manifest["metadata"].get("namespace", "default")), secret), {})[key] = None
        namespaces.setdefault(str(manifest["metadata"].get("namespace", "default")), False)
        install = commands.get(group) or (installs or {}).get(name, "")
        is_infrastructure = group.startswith("infrastructure.")
        setting = f"capi.contract: {contract}" if group in commands else ""
        # The hand-off writes the status of an infrastructure cluster that was created before the endpoint.
        has_status = is_infrastructure and name.endswith("Cluster") and name not in created_last
        kind = Kind(str(manifest["apiVersion"]), name, plural(name))
        need = RequiredKind(kind, setting, install, verbs(group, name), has_status)
        kinds.setdefault(need.crd, need)
    for kind_ in relies_on:
        need = RequiredKind(kind_, "", (installs or {}).get(kind_.name, ""))
        kinds.setdefault(need.crd, need)
    core = next((need.kind.api_version for need in kinds.values() if need.kind.group == GROUP), CLUSTER.api_version)
    for need in _read(core, commands):
        kinds.setdefault(need.crd, need)
    return Requirements(
        kinds=tuple(kinds.values()),
        namespaces={name: name in new_namespaces for name in namespaces},
        data_stores=tuple(dict.fromkeys(data_stores)),
        # Secrets in a namespace that the stack creates can't exist yet, and its own come with it.
        secrets={
            key: tuple(keys) for key, keys in references.items() if key not in secrets and key[0] not in new_namespaces
        },
        rights=(*_RIGHTS, *(_CREATE_NAMESPACES if new_namespaces else ()), *(_WRITE_SECRETS if secrets else ())),
        alternate_contracts=alternate_contracts or {},
    )


def verbs(group: str, kind: str) -> tuple[str, ...]:
    """The verbs that a stack uses on its objects. docs/rbac.yaml grants the same; a test sees each in use."""
    if kind.endswith("Template"):
        return TEMPLATE
    if kind == "KamajiControlPlane":
        # The hand-off watches it for its address.
        return (*APPLY, "watch")
    if group.startswith("infrastructure.") and kind.endswith("Cluster"):
        return APPLY
    return WRITE


def file_secrets(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The Secrets, by name and key, that a pool's files take their content from."""
    if manifest["kind"] == "KubeadmConfigTemplate":
        for file in manifest["spec"]["template"]["spec"].get("files") or ():
            if secret := (file.get("contentFrom") or {}).get("secret"):
                yield str(secret["name"]), str(secret["key"])
