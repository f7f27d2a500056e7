"""Objects of add-ons for the engine: their waits, their secrets, and the add-on that each belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from ..capi.manifest import ADD_ON
from ..manifests.addons import Addon

SKIP_AWAIT = "pulumi.com/skipAwait"

NEED_NODES = {"DaemonSet", "Deployment", "Job", "PersistentVolumeClaim", "Pod", "ReplicaSet", "Service", "StatefulSet"}
"""Kinds that pulumi-kubernetes waits for (its ``pkg/await/awaiters.go``), and that become ready on nodes alone."""


WORKLOADS = {"DaemonSet", "Deployment", "Job", "StatefulSet"}
"""Kinds whose state the cluster's status shows, selected by their label."""


class Owners:
    """The add-on of a tenant cluster that each object belongs to.

    An object's name in the engine begins with the cluster's, not with its add-on's: so an object that moves to another
    add-on, because that was renamed or is a preset now, stays the same resource. Otherwise the engine would first create it,
    which for the API server is a change of the live object, and then delete the former resource, which is the same object.

    Attributes:
        prefix: the beginning of the names of all objects in the engine.
        namespaces: namespaces that an add-on creates; the first add-on that asks for one does.
    """

    def __init__(self, prefix: str) -> None:
        """Begin without objects."""
        self.prefix = prefix
        self.namespaces = set[str]()
        self._addons: dict[tuple[str, str], str] = {}

    def alias_former(
        self, addon: str, former: str, args: pulumi.ResourceTransformArgs
    ) -> pulumi.ResourceTransformResult | None:
        """Remember an object's add-on, and give the engine its former name as an alias.

        Args:
            addon: the add-on that has it now.
            former: the beginning of the former names of this add-on's objects.
            args: the object, as it is about to be registered.

        Raises:
            pulumi.RunError: another add-on has it, too.
        """
        if not args.custom or not args.name.startswith(f"{self.prefix}:"):
            return None
        owner = self._addons.setdefault((args.type_, args.name), addon)
        object_name = args.name.removeprefix(f"{self.prefix}:")
        if owner != addon:
            raise pulumi.RunError(
                f"add-ons {owner} and {addon} both have {args.type_.rpartition(':')[2]} {object_name}, and there can be only "
                "one: leave it out of one of them"
            )
        former_name = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=f"{former}:{object_name}")])
        return pulumi.ResourceTransformResult(dict(args.props), pulumi.ResourceOptions.merge(args.opts, former_name))


def adjust(
    addon: Addon, secrets: Sequence[str], args: pulumi.ResourceTransformArgs
) -> pulumi.ResourceTransformResult | None:
    """Add what pulumi-kubernetes does not do for an object of a chart: set its waits, and keep its secrets secret.

    The plugin renders a chart's values into text, and marks only the data of a Secret as secret.

    Args:
        addon: the object's add-on.
        secrets: the secret texts among the add-on's values.
        args: the object, as it is about to be registered.
    """
    if not args.custom or not isinstance(args.props, Mapping):
        return None
    props = {key: conceal(value, secrets) for key, value in args.props.items()}
    kind, metadata = args.type_.rpartition(":")[2], dict(props.get("metadata") or {})
    if not addon.waits and kind in NEED_NODES:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), SKIP_AWAIT: "true"}
    if addon.is_required and kind in WORKLOADS:
        metadata["labels"] = {**(metadata.get("labels") or {}), ADD_ON: addon.name}
    if metadata:
        props["metadata"] = metadata
    timeout = f"{addon.seconds}s"
    opts = pulumi.ResourceOptions.merge(
        args.opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout))
    )
    return pulumi.ResourceTransformResult(props, opts)


def conceal(value: Any, secrets: Sequence[str]) -> Any:
    """A value in which each text that contains a secret is an output of Pulumi's that is secret."""
    if isinstance(value, str):
        return pulumi.Output.secret(value) if any(secret in value for secret in secrets) else value
    if isinstance(value, Mapping):
        return {key: conceal(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [conceal(item, secrets) for item in value]
    return value
