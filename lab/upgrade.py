"""The upgrade of a management cluster's CRDs to those of a later generation; the objects stay.

A CRD can't drop a version in which the API server has stored objects. As in Kubernetes' documentation ("Upgrade existing
objects to a new stored version"), the objects are written again in a version that stays, and the CRD's list of stored
versions is corrected. Cluster API does that for its own CRDs; Kamaji's provider leaves it to the person who upgrades.
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

    No controller that writes objects of these CRDs may run meanwhile.

    Args:
        client: the management cluster's API.
        generation: the later generation.
        convert: the conversion webhooks, as for ``crds.install``.
    """
    definitions_by_name = {item["metadata"]["name"]: item for item in fetch(client, CRDS)["items"]}
    names = []
    for definition in crds.definitions(generation, convert):
        name = definition["metadata"]["name"]
        stored_versions = definitions_by_name[name]["status"]["storedVersions"] if name in definitions_by_name else []
        staying = [version["name"] for version in definition["spec"]["versions"]]
        if versions_to_drop := [version for version in stored_versions if version not in staying]:
            leave(client, definition, versions_to_drop)
        crds.apply(client, definition)
        names.append(name)
    crds.await_crds(client, names)


def leave(client: httpx.Client, definition: Mapping[str, Any], versions_to_drop: list[str]) -> None:
    """Store all objects of a CRD in the version that stays, so that the others can be dropped."""
    bridge = copy.deepcopy(dict(definition))
    newest = next(version for version in bridge["spec"]["versions"] if version["storage"])
    # No webhook converts now: all versions must share a schema.
    bridge["spec"]["versions"] += [{**newest, "name": version, "storage": False} for version in versions_to_drop]
    crds.apply(client, bridge)
    group, plural = bridge["spec"]["group"], bridge["spec"]["names"]["plural"]
    path = f"/apis/{group}/{newest['name']}/{plural}"
    await_version(client, path)
    for item in fetch(client, path)["items"]:
        namespace, item_name = item["metadata"]["namespace"], item["metadata"]["name"]
        item_path = f"/apis/{group}/{newest['name']}/namespaces/{namespace}/{plural}/{item_name}"
        # Writing an unchanged object stores it in the newest version.
        client.put(item_path, json=item).raise_for_status()
    name = bridge["metadata"]["name"]
    client.patch(
        f"{CRDS}/{name}/status",
        json={"status": {"storedVersions": [newest["name"]]}},
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()


def await_version(client: httpx.Client, path: str, seconds: float = 60) -> None:
    """Wait until the API server serves a CRD's version; until then it answers 404 or 429."""
    deadline = time.monotonic() + seconds
    while not (answer := client.get(path)).is_success:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} is not served after {seconds:.0f} s: {answer.status_code} {answer.text[:200]}")
        time.sleep(0.2)


def fetch(client: httpx.Client, path: str) -> dict[str, Any]:
    """GET a document."""
    body: dict[str, Any] = client.get(path).raise_for_status().json()
    return body
