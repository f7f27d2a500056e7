"""Fields of imported objects that a former stack, which created the objects, still manages.

pulumi-kubernetes uses another field manager for each resource of each stack. Those of a former stack would keep their fields:
a plain ``pulumi up`` of another value conflicts with them, and fields that the settings leave out stay in the object.
pulumi-kubernetes itself takes over the fields of kubectl (its ``fixCSAFieldManagers`` in ``pkg/await/await.go``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from pulumi import automation

from ...components.kube.client import Api, ApiError
from ...components.kube.objects import Kind, dig, plural
from ..engine.translator import Translator
from ..engine.workspace import export
from .recovery import THREADS, declared_resources, finder

ENGINE = re.compile(r"pulumi-kubernetes-[0-9a-f]+")

MERGE = "application/merge-patch+json"

TRIES = 3
"""Attempts to patch: controllers may write between the read and the patch, which is for the version that was read."""


def after_import(stack: automation.Stack, api: Api, translate: Translator) -> None:
    """Give a stack all fields of the objects that it has adopted, and report where that fails.

    Args:
        stack: the stack.
        api: the management cluster's.
        translate: takes the reports.
    """
    resources = json.loads(export(stack))["deployment"].get("resources") or []
    try:
        if count := dismiss(resources, api):
            translate.remark(f"objects that another stack has made, and that this one manages from now on: {count}")
    except ApiError as error:
        translate.remark(
            f"another stack still manages fields of what was imported: {error}. A plain `pulumi up` that changes one of them "
            "fails with a conflict; `kamaji-equinix up` changes it. Import again to try once more"
        )


def dismiss(resources: Iterable[Mapping[str, Any]], api: Api) -> int:
    """Remove the field managers of former stacks from the objects of a stack.

    Args:
        resources: of the stack's state.
        api: the management cluster's.

    Returns:
        How many objects had a manager of a former stack.

    Raises:
        ApiError: the management cluster does not answer, or refuses.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(partial(dismiss_from, api), declared_resources(resources)))


def dismiss_from(api: Api, resource: Mapping[str, Any]) -> bool:
    """Remove the managers of former stacks from a resource's object; whether it had any.

    Raises:
        ApiError: see :func:`dismiss`.
    """
    inputs, current_manager = resource["inputs"], dig(resource, "outputs", "__fieldManager")
    kind, metadata = Kind(inputs["apiVersion"], inputs["kind"], plural(inputs["kind"])), inputs["metadata"]
    if not current_manager or not metadata.get("namespace"):
        return False
    for attempt in range(1, TRIES + 1):
        live_object = finder(api)(inputs)
        managers = dig(live_object, "metadata", "managedFields") or []
        entries = [entry for entry in managers if not is_former(entry, current_manager)]
        if len(entries) == len(managers):
            return attempt > 1
        change = {"resourceVersion": dig(live_object, "metadata", "resourceVersion"), "managedFields": entries}
        try:
            api.patch(kind.path(metadata["namespace"], metadata["name"]), {"metadata": change}, MERGE)
        except ApiError as error:
            if error.code != 409 or attempt == TRIES:
                raise
        else:
            return True
    return False


def is_former(entry: Mapping[str, Any], current_manager: str) -> bool:
    """Whether an entry of managedFields is of another stack's resource."""
    manager = str(entry.get("manager"))
    return entry.get("operation") == "Apply" and manager != current_manager and ENGINE.fullmatch(manager) is not None
