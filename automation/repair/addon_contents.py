"""The objects of add-ons in a stack's state: only the engine knows what a chart renders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...components.kube.objects import Kind, dig, plural
from ...components.tree import AddonObject
from ..engine.addons import ADD_ON
from .recovery import inside_tenant


def addon_objects(resources: Iterable[Mapping[str, Any]]) -> dict[str, tuple[AddonObject, ...]]:
    """The objects that add-ons have in tenant clusters, by the cluster's namespace and name, with a slash.

    A Job that its controller removes after its end is not among them.

    Args:
        resources: of the stack's state.
    """
    resources = list(resources)
    by_urn = {resource["urn"]: resource for resource in resources}

    def component(resource: Mapping[str, Any]) -> Mapping[str, Any]:
        while resource and resource["type"] != ADD_ON:
            resource = by_urn.get(str(resource.get("parent") or ""), {})
        return resource.get("inputs") or {}

    objects: dict[str, tuple[AddonObject, ...]] = {}
    for resource in resources:
        inputs, owner = resource.get("inputs") or {}, component(resource)
        name = dig(inputs, "metadata", "name")
        if not owner or not name or not inside_tenant(resource) or resource.get("delete"):
            continue
        if dig(inputs, "spec", "ttlSecondsAfterFinished") is not None:
            continue
        kind = Kind(inputs["apiVersion"], inputs["kind"], plural(inputs["kind"]))
        namespace = str(dig(resource, "outputs", "metadata", "namespace") or "")
        item = AddonObject(str(owner.get("addon")), kind, namespace, str(name))
        cluster = str(owner.get("cluster"))
        objects[cluster] = (*objects.get(cluster, ()), item)
    return objects
