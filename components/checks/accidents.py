"""What stands between a changed setting and the loss of a living cluster: a comparison with what is there, before the engine
plans anything. What counts as an accident is said in :mod:`.changes`; here it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi

from ..kube import objects
from ..kube.client import Api, ApiError
from ..kube.management import connect
from ..kube.objects import plural
from ..manifests.documents import documents
from ..settings.model import StackSettings
from ..settings.report import Problem, SettingsError
from . import changes

THREADS = 8
"""Clusters whose objects are read at a time."""


def refuse(settings: StackSettings, before: Mapping[str, Any]) -> None:
    """Compare the settings with the clusters that live already: those that they name, and those in the stack's last state.

    Args:
        settings: the stack's settings.
        before: the resources of the stack's last state, of :func:`last_state`.

    Raises:
        pulumi.RunError: a change would delete a living cluster with its machines, or can't be done at all.
    """
    api = connect(settings.management)
    found = lost(api, settings, before)
    wanted = [
        [document for document in documents(tenant) if document["kind"] in changes.kinds()]
        for tenant in settings.clusters
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        asked = pool.map(partial(living, api), wanted)
    for index, (tenant, answers) in enumerate(zip(settings.clusters, asked, strict=True)):
        for answer in answers:
            if isinstance(answer, ApiError):
                pulumi.log.debug(f"an object of {tenant.cluster.name} can't be compared: {answer}")
        objects = [answer for answer in answers if not isinstance(answer, ApiError)]
        if any(obj["kind"] == "Cluster" for obj in objects):
            found += changes.check_one(changes.of_objects(objects), tenant, changes.base_of(index, settings))
    if found:
        raise pulumi.RunError(str(SettingsError(found)))


def lost(api: Api, settings: StackSettings, before: Mapping[str, Any]) -> list[Problem]:
    """What would delete living clusters because the settings name them no longer.

    The stack's own state tells what it has applied, and costs no request: labels in the management cluster could not tell two
    stacks of one name in different backends apart. Only a cluster that is missed is looked at, whether it lives, and whether
    its annotation allows its deletion.
    """
    missing = changes.absent(changes.applied(before), settings)
    version = settings.clusters[0].contract.core
    return changes.lost([one for item in missing if (one := still(api, item, version)) is not None], settings)


def last_state() -> Mapping[str, Any]:
    """The resources of the stack's last state by URN, with type and outputs; empty before the first run."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        # A function of the engine itself (pkg/resource/deploy/builtins.go), which no plugin serves.
        answer = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": name}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        pulumi.log.debug(f"a cluster that the settings no longer name would not be noticed: {error}")
        return {}
    found: Mapping[str, Any] = (answer or {}).get("outputs") or {}
    return found


def still(api: Api, known: changes.Applied, version: str) -> changes.Applied | None:
    """A cluster of the last state as it is; None where it is gone, or another has its name."""
    try:
        found = objects.Kube(api, known.namespace).find(objects.Kind(version, "Cluster", "clusters"), known.name)
    except ApiError as error:
        pulumi.log.debug(f"Cluster {known.namespace}/{known.name} can't be read, so it is taken for living: {error}")
        return known
    if found is None or found["metadata"]["uid"] != known.uid or "deletionTimestamp" in found["metadata"]:
        return None
    annotations = found["metadata"].get("annotations") or {}
    return replace(known, allowed=annotations.get(changes.ALLOWED) == "true")


def living(api: Api, documents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any] | ApiError]:
    """The living objects that manifests would change, and why others can't be read; nothing where there is none."""
    found: list[dict[str, Any] | ApiError] = []
    for document in documents:
        kind = objects.Kind(document["apiVersion"], document["kind"], plural(document["kind"]))
        try:
            obj = objects.Kube(api, document["metadata"]["namespace"]).find(kind, document["metadata"]["name"])
        except ApiError as error:
            found.append(error)
        else:
            found += [obj] if obj else []
    return found
