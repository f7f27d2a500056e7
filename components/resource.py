"""From a manifest, a plain dict as ``kubectl apply`` takes it, to a resource of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource


def custom_resource(
    name: str,
    manifest: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    annotations: Mapping[str, str] | None = None,
) -> CustomResource:
    """Register ``manifest`` with pulumi-kubernetes.

    Args:
        name: the resource's name in the engine, unique within its type and parent.
        manifest: apiVersion, kind, metadata with an explicit name and namespace, and spec.
        opts: options of the resource.
        annotations: annotations that only mean something to pulumi-kubernetes, so that rendered manifests lack them.
    """
    metadata = dict(manifest["metadata"])
    if annotations:
        metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}
    body = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")}
    return CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=metadata,
        opts=opts,
        **body,
    )
