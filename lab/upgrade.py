"""The upgrade of a management cluster's CRDs: the same objects, under what a later generation installs.

A CRD can't drop a version in which the API server has stored objects. As Kubernetes' documentation has it ("Upgrade existing
objects to a new stored version"), the objects are written anew in a version that stays, and the CRD's list of stored versions
is mended. Cluster API does that for its own CRDs by itself once it runs; Kamaji's provider leaves it to whoever upgrades.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

import httpx

from . import crds
from .generations import Generation

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def upgrade(client: httpx.Client, generation: Generation, convert: Mapping[str, Mapping[str, Any]]) -> None:
    """Install a generation's CRDs over those of an earlier one.

    Nobody who writes objects of these CRDs may run.

    Args:
        client: the management cluster's API.
        generation: the later one.
        convert: how to call each controller that converts, as for ``crds.install``.
    """
    installed = {item["metadata"]["name"]: item for item in fetch(client, CRDS)["items"]}
    names = []
    for definition in crds.definitions(generation, convert):
        name = definition["metadata"]["name"]
        stored = installed[name]["status"]["storedVersions"] if name in installed else []
        staying = [version["name"] for version in definition["spec"]["versions"]]
        if dropped := [version for version in stored if version not in staying]:
            leave(client, definition, dropped)
        crds.apply(client, definition)
        names.append(name)
    crds.await_crds(client, names)


def leave(client: httpx.Client, definition: Mapping[str, Any], dropped: list[str]) -> None:
    """Store all objects of a CRD in the version that stays, so that others can go."""
    bridge = copy.deepcopy(dict(definition))
    newest = next(version for version in bridge["spec"]["versions"] if version["storage"])
    # Nobody converts: all versions have to share a schema.
    bridge["spec"]["versions"] += [{**newest, "name": version, "storage": False} for version in dropped]
    crds.apply(client, bridge)
    group, plural = bridge["spec"]["group"], bridge["spec"]["names"]["plural"]
    path = f"/apis/{group}/{newest['name']}/{plural}"
    await_version(client, path)
    for item in fetch(client, path)["items"]:
        one = f"/apis/{group}/{newest['name']}/namespaces/{item['metadata']['namespace']}/{plural}/{item['metadata']['name']}"
        # As it is: writing it stores it in the newest version.
        client.put(one, json=item).raise_for_status()
    name = bridge["metadata"]["name"]
    client.patch(
        f"{CRDS}/{name}/status",
        json={"status": {"storedVersions": [newest["name"]]}},
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()


def await_version(client: httpx.Client, path: str, seconds: float = 60) -> None:
    """Wait until the API server has taken a CRD's version over: before, it answers 404 or 429."""
    deadline = time.monotonic() + seconds
    while not (answer := client.get(path)).is_success:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} is not served after {seconds:.0f} s: {answer.status_code} {answer.text[:200]}")
        time.sleep(0.2)


def fetch(client: httpx.Client, path: str) -> dict[str, Any]:
    """GET a document."""
    body: dict[str, Any] = client.get(path).raise_for_status().json()
    return body
