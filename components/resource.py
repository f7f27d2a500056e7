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
    owner: CustomResource | None = None,
    controlled: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> CustomResource:
    """Register ``manifest`` with pulumi-kubernetes.

    Args:
        name: the resource's name in the engine, unique within its type and parent.
        manifest: apiVersion, kind, metadata with an explicit name and namespace, and spec.
        opts: options of the resource.
        owner: the Cluster that owns the object. Cluster API would enter it too, but only once a controller has looked, which
            for templates is after the hand-off; a run that ends before must leave nothing behind that goes with nobody.
        controlled: enter the owner as the controller, as Cluster API does for control plane and infrastructure.
        annotations: annotations that only mean something to pulumi-kubernetes, so that rendered manifests lack them.
    """
    metadata = dict(manifest["metadata"])
    if annotations:
        metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner, controlled=controlled)]
    body = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")}
    return CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=metadata,
        opts=opts,
        **body,
    )


def owner_reference(cluster: CustomResource, *, controlled: bool) -> dict[str, Any]:
    """The very entry that Cluster API makes (``controllerutil.SetControllerReference`` for what it controls)."""
    reference = {
        "apiVersion": "cluster.x-k8s.io/v1beta1",
        "kind": "Cluster",
        "name": metadata_of(cluster, "name"),
        "uid": metadata_of(cluster, "uid"),
    }
    return {**reference, "controller": True, "blockOwnerDeletion": True} if controlled else reference


def metadata_of(resource: CustomResource, key: str) -> pulumi.Output[str]:
    """A field of an object's metadata, such as its name or uid, once it is known."""
    # The SDK's class sets its outputs under names that it does not declare.
    whole: pulumi.Output[dict[str, str]] = getattr(resource, "metadata")  # noqa: B009
    return whole[key]


class CoreResource(pulumi.CustomResource):
    """An object of Kubernetes' own API group, declared or read.

    ``pulumi_kubernetes.core.v1`` would do the same, but importing it costs more than half a second of every run.
    """

    data: pulumi.Output[dict[str, str] | None]

    def __init__(self, kind: str, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"kubernetes:core/v1:{kind}", name, {"data": None, **props}, opts)


def namespace(name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Register a Namespace."""
    return CoreResource(
        "Namespace", name, {"apiVersion": "v1", "kind": "Namespace", "metadata": manifest["metadata"]}, opts
    )


def read_secret(name: str, id_: pulumi.Output[str], parent: pulumi.Resource) -> pulumi.Output[dict[str, str] | None]:
    """Data of a Secret that something else writes, base64 encoded, as a secret.

    Args:
        name: the resource's name in the engine.
        id_: namespace and name of the Secret; while it is unknown, in a preview, nothing is read.
        parent: the component that it is shown under.
    """
    opts = pulumi.ResourceOptions(parent=parent, id=id_, additional_secret_outputs=["data", "stringData"])
    return pulumi.Output.secret(CoreResource("Secret", name, {}, opts).data)
