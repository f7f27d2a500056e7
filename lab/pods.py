"""What the lab's kubelet makes of a pod: its volumes as files, its containers as commands on this machine."""

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
"""Reads a Secret or ConfigMap (``secrets`` or ``configmaps``, and its name); None where there is none."""


class VolumeNotReady(Exception):
    """A volume's source, or a key of it, is not there yet."""


def digest(template: Mapping[str, Any]) -> str:
    """What tells one pod template from another."""
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
    """A container's command line without its program, with paths of mounts turned into paths of this machine.

    The longest mount path that an argument holds counts, as in the container, where mounts can lie in one another.
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
    """The program of a container: of the minor that its image's tag names, where the toolchain has such a one."""
    tag = re.search(r":v?(?P<minor>\d+\.\d+)\.\d+[^:]*$", str(container.get("image") or ""))
    usual = toolchain.program(name)
    releases = sorted(toolchain.cache_folder().glob(f"{name}-v{tag['minor']}.*")) if tag else []
    return usual if usual in releases or not releases else releases[-1]


def replace_flags(words: Sequence[str], *settings: str) -> list[str]:
    """Command line flags with some of them set anew (``--name=value``)."""
    names = tuple(setting.split("=", 1)[0] for setting in settings)
    return [word for word in words if word.split("=", 1)[0] not in names] + list(settings)


def redirect(kubeconfig: Path, server: str, name: str) -> None:
    """Let a component's kubeconfig lead to the pod's address.

    Kamaji's own says localhost, which in a pod is the pod; here pods share one network.

    Args:
        kubeconfig: the file, changed in place.
        server: the tenant's API server.
        name: a name that its certificate holds, to verify it by.
    """
    document = yaml.safe_load(kubeconfig.read_text())
    for cluster in document["clusters"]:
        cluster["cluster"] |= {"server": server, "tls-server-name": name}
    write_private(kubeconfig, yaml.safe_dump(document).encode())
