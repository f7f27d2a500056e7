"""Objects of add-ons as the engine is to know them: what it waits for, what is secret in them, and whose they are."""

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
"""Kinds whose state the cluster's status shows, found there by their label."""


class Owners:
    """Which add-on of a tenant cluster has which object.

    The engine calls an object after the cluster, not after its add-on: so one that moves to another add-on, because that was
    renamed or is a preset now, stays the same resource. Else the engine would first create it, which the API server takes as
    a change of the living object, and then delete the former one, which is the same living object.

    Attributes:
        prefix: what the engine calls all of them after.
        namespaces: those that an add-on makes; the first one that asks for a namespace does.
    """

    def __init__(self, prefix: str) -> None:
        """Begin without objects."""
        self.prefix = prefix
        self.namespaces = set[str]()
        self._addons: dict[tuple[str, str], str] = {}

    def alias_former(
        self, addon: str, former: str, args: pulumi.ResourceTransformArgs
    ) -> pulumi.ResourceTransformResult | None:
        """Note an object, and let the engine know it by the name that it once had.

        Args:
            addon: the add-on that has it now.
            former: what objects of this add-on were called after once.
            args: the object, as it is about to be registered.

        Raises:
            pulumi.RunError: another add-on has it, too.
        """
        if not args.custom or not args.name.startswith(f"{self.prefix}:"):
            return None
        other = self._addons.setdefault((args.type_, args.name), addon)
        what = args.name.removeprefix(f"{self.prefix}:")
        if other != addon:
            raise pulumi.RunError(
                f"add-ons {other} and {addon} both have {args.type_.rpartition(':')[2]} {what}, and there can be only one: "
                "leave it out of one of them"
            )
        former_name = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=f"{former}:{what}")])
        return pulumi.ResourceTransformResult(dict(args.props), pulumi.ResourceOptions.merge(args.opts, former_name))


def adjust(
    addon: Addon, secrets: Sequence[str], args: pulumi.ResourceTransformArgs
) -> pulumi.ResourceTransformResult | None:
    """What pulumi-kubernetes leaves to do for an object of a chart: its waits, and that its secrets stay secrets.

    The plugin renders a chart's values into text, and takes the result for no secret, but for the data of a Secret.

    Args:
        addon: what the object belongs to.
        secrets: the secret texts among the add-on's values.
        args: the object, as it is about to be registered.
    """
    if not args.custom or not isinstance(args.props, Mapping):
        return None
    props = {key: conceal(value, secrets) for key, value in args.props.items()}
    kind, metadata = args.type_.rpartition(":")[2], dict(props.get("metadata") or {})
    if not addon.waits and kind in NEED_NODES:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), SKIP_AWAIT: "true"}
    if addon.awaited and kind in WORKLOADS:
        metadata["labels"] = {**(metadata.get("labels") or {}), ADD_ON: addon.name}
    if metadata:
        props["metadata"] = metadata
    timeout = f"{addon.seconds}s"
    opts = pulumi.ResourceOptions.merge(
        args.opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout))
    )
    return pulumi.ResourceTransformResult(props, opts)


def conceal(value: Any, secrets: Sequence[str]) -> Any:
    """A value in which each text that holds a secret is one."""
    if isinstance(value, str):
        return pulumi.Output.secret(value) if any(secret in value for secret in secrets) else value
    if isinstance(value, Mapping):
        return {key: conceal(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [conceal(item, secrets) for item in value]
    return value
