"""Fields of imported objects that a stack which made them, and is no more, still manages.

pulumi-kubernetes names a field manager of its own for each resource of each stack. Those of a former one would hold fields
for ever: a plain ``pulumi up`` of another value is a conflict with them, and what the settings leave out stays in the object.
What kubectl manages pulumi-kubernetes takes over by itself (its ``fixCSAFieldManagers`` in ``pkg/await/await.go``).
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
from .recovery import THREADS, declared, finder

ENGINE = re.compile(r"pulumi-kubernetes-[0-9a-f]+")

MERGE = "application/merge-patch+json"

TRIES = 3
"""Controllers may write between a look and the patch, which is of what was seen alone."""


def after_import(stack: automation.Stack, api: Api, translate: Translator) -> None:
    """Give a stack all fields of the objects that it has taken in, and tell where that can't be done.

    Args:
        stack: the stack.
        api: the management cluster's.
        translate: takes what is told.
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
    """Leave a stack's resource as the only one of its kind that manages an object.

    Args:
        resources: of the stack's state.
        api: the management cluster's.

    Returns:
        How many objects had a manager of a former stack.

    Raises:
        ApiError: the management cluster does not tell, or refuses.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(partial(dismiss_from, api), declared(resources)))


def dismiss_from(api: Api, resource: Mapping[str, Any]) -> bool:
    """Whether the object of a resource had a manager of a former stack, which it has no longer.

    Raises:
        ApiError: see :func:`dismiss`.
    """
    inputs, own = resource["inputs"], dig(resource, "outputs", "__fieldManager")
    kind, metadata = Kind(inputs["apiVersion"], inputs["kind"], plural(inputs["kind"])), inputs["metadata"]
    if not own or not metadata.get("namespace"):
        return False
    for attempt in range(1, TRIES + 1):
        living = finder(api)(inputs)
        managers = dig(living, "metadata", "managedFields") or []
        rest = [entry for entry in managers if not is_former(entry, own)]
        if len(rest) == len(managers):
            return attempt > 1
        change = {"resourceVersion": dig(living, "metadata", "resourceVersion"), "managedFields": rest}
        try:
            api.patch(kind.path(metadata["namespace"], metadata["name"]), {"metadata": change}, MERGE)
        except ApiError as error:
            if error.code != 409 or attempt == TRIES:
                raise
        else:
            return True
    return False


def is_former(entry: Mapping[str, Any], own: str) -> bool:
    """Whether an entry of managedFields is of another stack's resource."""
    manager = str(entry.get("manager"))
    return entry.get("operation") == "Apply" and manager != own and ENGINE.fullmatch(manager) is not None
