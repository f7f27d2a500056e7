"""Pods of the tenants on this machine: their volumes as files, their containers as commands."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import toolchain

from .pki import write_private

Fetch = Callable[[str, str], Mapping[str, Any] | None]
"""Reads a Secret or ConfigMap by plural (``secrets``, ``configmaps``) and name; None if missing."""


class VolumeNotReady(Exception):
    """A volume's source, or a key of it, does not exist yet."""


def digest(template: Mapping[str, Any]) -> str:
    """Hash of a pod template."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:12]


def write_volumes(volumes: Sequence[Mapping[str, Any]], fetch: Fetch, folder: Path) -> None:
    """Write a pod's Secret, ConfigMap and projected volumes as files below ``folder``, each in a folder of its name.

    Raises:
        VolumeNotReady: names the source that is missing.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for volume in volumes:
        target = folder / volume["name"]
        target.mkdir(parents=True, mode=0o700)
        for source in sources(volume):
            write_source(source, fetch, target)


def sources(volume: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The sources of a volume, in the form that projected volumes have."""
    if "projected" in volume:
        return list(volume["projected"].get("sources") or [])
    if "secret" in volume:
        return [{"secret": {**volume["secret"], "name": volume["secret"]["secretName"]}}]
    if "configMap" in volume:
        return [{"configMap": volume["configMap"]}]
    return []


def write_source(source: Mapping[str, Any], fetch: Fetch, target: Path) -> None:
    """Write the wanted keys of one Secret or ConfigMap."""
    for field, plural in (("secret", "secrets"), ("configMap", "configmaps")):
        reference = source.get(field)
        if not reference:
            continue
        source_object = fetch(plural, reference["name"])
        if source_object is None:
            raise VolumeNotReady(f"{field} {reference['name']} is missing")
        data = source_object.get("data") or {}
        for item in reference.get("items") or [{"key": key, "path": key} for key in data]:
            if item["key"] not in data:
                raise VolumeNotReady(f"{field} {reference['name']} has no key {item['key']}")
            value = data[item["key"]]
            file = target / item["path"]
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(file, base64.b64decode(value) if field == "secret" else value.encode())


def arguments(container: Mapping[str, Any], volumes: Path) -> list[str]:
    """A container's command line without its program; paths of mounts are replaced by paths of this machine.

    Of several mount paths in an argument the longest is replaced: mounts can be nested.
    """
    mounts = sorted(container.get("volumeMounts") or [], key=lambda mount: -len(mount["mountPath"]))

    def local(argument: str) -> str:
        for mount in mounts:
            path = mount["mountPath"].rstrip("/")
            if path in argument:
                below = f"/{mount['subPath']}" if mount.get("subPath") else ""
                return argument.replace(path, f"{volumes / mount['name']}{below}")
        return argument

    words = [*(container.get("command") or []), *(container.get("args") or [])]
    return [local(word) for word in words[1:]]


def program(name: str, container: Mapping[str, Any]) -> Path:
    """The program of a container, in the minor version of its image's tag if the toolchain has that."""
    tag = re.search(r":v?(?P<minor>\d+\.\d+)\.\d+[^:]*$", str(container.get("image") or ""))
    usual = toolchain.program(name)
    releases = sorted(toolchain.cache_folder().glob(f"{name}-v{tag['minor']}.*")) if tag else []
    return usual if usual in releases or not releases else releases[-1]


def replace_flags(words: Sequence[str], *settings: str) -> list[str]:
    """Command line flags with ``settings`` (``--name=value``) in place of the flags of the same names."""
    names = tuple(setting.split("=", 1)[0] for setting in settings)
    return [word for word in words if word.split("=", 1)[0] not in names] + list(settings)


def redirect(kubeconfig: Path, server: str, name: str) -> None:
    """Replace the server of a component's kubeconfig by the pod's address.

    Kamaji writes localhost, which in a pod is the pod itself; in the lab all pods share one network.

    Args:
        kubeconfig: the file, changed in place.
        server: the tenant's API server.
        name: a name in its certificate, for its verification.
    """
    document = yaml.safe_load(kubeconfig.read_text())
    for cluster in document["clusters"]:
        cluster["cluster"] |= {"server": server, "tls-server-name": name}
    write_private(kubeconfig, yaml.safe_dump(document).encode())
