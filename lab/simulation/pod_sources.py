"""A pod's data from Secrets and ConfigMaps: the files of its volumes and the environment of its containers.

The texts about missing data are the kubelet's (pkg/kubelet/kubelet_pods.go, pkg/volume of Kubernetes 1.33).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

KINDS = {"secret": "secrets", "configMap": "configmaps"}

Fetch = Callable[[str, str], Json | None]
"""Reads a Secret or ConfigMap of the pod's namespace by plural (``secrets``, ``configmaps``) and name; None if missing."""


class Missing(Exception):
    """A source does not exist, or the node may not read it; the text is the kubelet's."""


def files(pod: Json, fetch: Fetch) -> dict[str, dict[str, bytes]]:
    """The files of a pod's Secret, ConfigMap and projected volumes, by the volume's name and the path in it.

    Raises:
        Missing: a source is missing; names it and the volume.
    """
    volumes = {}
    for volume in pod["spec"].get("volumes") or []:
        try:
            content: dict[str, bytes] = {}
            for kind, source in volume_sources(volume):
                content |= source_files(kind, source, fetch)
            volumes[volume["name"]] = content
        except Missing as error:
            raise Missing(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from None
    return volumes


def volume_sources(volume: Json) -> Iterator[tuple[str, Json]]:
    """The Secrets and ConfigMaps of a volume: kind and source, in the form of projected volumes."""
    if secret := volume.get("secret"):
        yield "secret", {**secret, "name": secret["secretName"]}
    if config_map := volume.get("configMap"):
        yield "configMap", config_map
    for source in (volume.get("projected") or {}).get("sources") or []:
        for kind in KINDS:
            if kind in source:
                yield kind, source[kind]


def source_files(kind: str, source: Json, fetch: Fetch) -> dict[str, bytes]:
    """The files of one Secret or ConfigMap."""
    data = read(kind, source["name"], fetch, optional=bool(source.get("optional")))
    items = source.get("items")
    if items is None:
        return data
    content = {}
    for item in items:
        if item["key"] in data:
            content[item["path"]] = data[item["key"]]
        elif not source.get("optional"):
            words = "non-existent secret key" if kind == "secret" else "non-existent config key"
            raise Missing(f"references {words}: {item['key']}")
    return content


def environment(pod: Json, container: Json, fetch: Fetch) -> dict[str, str]:
    """A container's environment from the pod, from Secrets and from ConfigMaps.

    Raises:
        Missing: a source is missing; names it.
    """
    variables: dict[str, str] = {}
    for entry in container.get("envFrom") or []:
        for kind in KINDS:
            if source := entry.get(f"{kind}Ref"):
                data = read(kind, source["name"], fetch, optional=bool(source.get("optional")))
                variables |= {f"{entry.get('prefix', '')}{key}": value.decode() for key, value in data.items()}
    for entry in container.get("env") or []:
        if "value" in entry:
            variables[entry["name"]] = entry["value"]
        for kind in KINDS:
            if source := (entry.get("valueFrom") or {}).get(f"{kind}KeyRef"):
                optional = bool(source.get("optional"))
                data = read(kind, source["name"], fetch, optional=optional)
                if source["key"] in data:
                    variables[entry["name"]] = data[source["key"]].decode()
                elif not optional:
                    place = f"{kind[0].upper()}{kind[1:]} {pod['metadata']['namespace']}/{source['name']}"
                    raise Missing(f"couldn't find key {source['key']} in {place}")
    return variables


def read(kind: str, name: str, fetch: Fetch, *, optional: bool) -> dict[str, bytes]:
    """The data of a Secret or ConfigMap."""
    obj = fetch(KINDS[kind], name)
    if obj is None:
        if optional:
            return {}
        raise Missing(f'{kind.lower()} "{name}" not found')
    data = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    if kind == "secret":
        return {key: base64.b64decode(value) for key, value in data.items()}
    return data | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def mounts(container: Json, volumes: Mapping[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    """The files that a container sees, by their absolute paths."""
    file_contents = {}
    for mount in container.get("volumeMounts") or []:
        root, part = mount["mountPath"].rstrip("/"), mount.get("subPath", "")
        for path, content in volumes.get(mount["name"], {}).items():
            if not part:
                file_contents[f"{root}/{path}"] = content
            elif path == part:
                file_contents[root] = content
            elif path.startswith(f"{part}/"):
                file_contents[f"{root}/{path.removeprefix(f'{part}/')}"] = content
    return file_contents
