"""From a manifest, a plain dict as ``kubectl apply`` takes it, to a resource of the engine.

The engine's type of a Kubernetes object contains its API version, so another ``capi.contract`` would mean another resource:
the living Cluster would be deleted with its servers. So each object is declared with its types in the other generations as
aliases. pulumi-kubernetes itself takes another apiVersion for an update (``forceNewProperties`` in its
``provider/pkg/provider/diff.go`` names only metadata.name and namespace): it applies the new version to the same object, and
the API server converts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from ..capi.contract import CONTRACTS, alternate_versions
from ..capi.manifest import without
from ..sdk.modules import load_for_objects

OWNERS = "metadata.ownerReferences"

load_for_objects()


def custom_resource(
    name: str,
    manifest: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    owner: CustomResource | None = None,
    owner_version: str = CONTRACTS["v1beta1"].core,
    is_controller: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> CustomResource:
    """Register ``manifest`` with pulumi-kubernetes.

    Owner references are set once, at the creation. After that Cluster API keeps their apiVersion at its own newest
    (``util.EnsureOwnerRef``), whatever the contract: to set it again would be a conflict with its field manager.

    Args:
        name: the resource's name in the engine, unique within its type and parent.
        manifest: apiVersion, kind, metadata with an explicit name and namespace, and spec.
        opts: options of the resource.
        owner: the Cluster that owns the object. Cluster API would enter it too, but for templates only after the hand-off: a
            run that ends before must not leave an object without an owner.
        owner_version: the Cluster's API version.
        is_controller: enter the owner as the controller, as Cluster API does for control plane and infrastructure.
        annotations: annotations that only mean something to pulumi-kubernetes, so that rendered manifests lack them.
    """
    metadata = dict(manifest["metadata"])
    if annotations:
        metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}
    aliases = [f"kubernetes:{version}:{manifest['kind']}" for version in alternate_versions(manifest["apiVersion"])]
    options = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=type_) for type_ in aliases])
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner, owner_version, is_controller=is_controller)]
        options.ignore_changes = [OWNERS]
    body = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")}
    return CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=metadata,
        opts=pulumi.ResourceOptions.merge(opts, options),
        **body,
    )


def owned_secret(
    name: str,
    manifest: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    owner: CustomResource | None,
    owner_version: str,
    annotations: Mapping[str, str] | None = None,
) -> CoreResource:
    """Register a Secret whose ``data`` holds pydantic's ``SecretStr``. The state holds each as a secret of Pulumi's.

    Args:
        name: the resource's name in the engine.
        manifest: the Secret.
        opts: options of the resource.
        owner: the Cluster that it is deleted with.
        owner_version: the Cluster's API version.
        annotations: as for :func:`custom_resource`.
    """
    # An empty map would be a difference after each refresh.
    metadata = {**manifest["metadata"], **({"annotations": dict(annotations)} if annotations else {})}
    options = pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner, owner_version, is_controller=False)]
        options.ignore_changes = [OWNERS]
    data = {
        key: pulumi.Output.secret(base64.b64encode(text.get_secret_value().encode()).decode())
        for key, text in manifest["data"].items()
    }
    props = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "immutable": manifest["immutable"],
        "data": data,
    }
    return CoreResource("Secret", name, props, pulumi.ResourceOptions.merge(opts, options))


def without_owners(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    """A transformation for resources that adopt live objects: it leaves their owner references out.

    Cluster API has entered them in its own newest version, and newer releases not as controllers (1.13,
    ``internal/controllers/cluster/cluster_controller_phases.go``, ensureOwnerRefAndLabel): another entry would be a conflict
    with its field manager. It also enters them into new objects. Secrets keep theirs: Cluster API does not enter them.
    """
    metadata = args.props.get("metadata")
    if not isinstance(args.resource, CustomResource) or not isinstance(metadata, Mapping):
        return None
    fields = {key: value for key, value in metadata.items() if key != "ownerReferences"}
    return pulumi.ResourceTransformationResult({**args.props, "metadata": fields}, args.opts)


def without_fields(
    fields: Mapping[tuple[str, str, str], Iterable[str]], args: pulumi.ResourceTransformationArgs
) -> pulumi.ResourceTransformationResult | None:
    """A transformation for resources that adopt live objects: it leaves out the fields that controllers write.

    Args:
        fields: paths of the fields, by kind, namespace and name of the object.
        args: the resource.
    """
    metadata = args.props.get("metadata")
    if not isinstance(args.resource, CustomResource) or not isinstance(metadata, Mapping):
        return None
    props = args.props
    place = str(props.get("kind")), str(metadata.get("namespace")), str(metadata.get("name"))
    for path in fields.get(place, ()):
        props = without(props, path)
    return pulumi.ResourceTransformationResult(props, args.opts)


def owner_reference(cluster: CustomResource, api_version: str, *, is_controller: bool) -> dict[str, Any]:
    """The same entry that Cluster API makes (``controllerutil.SetControllerReference`` for what it controls)."""
    reference = {
        # The engine does not return the Cluster's own.
        "apiVersion": api_version,
        "kind": "Cluster",
        "name": metadata_of(cluster, "name"),
        "uid": metadata_of(cluster, "uid"),
    }
    return {**reference, "controller": True, "blockOwnerDeletion": True} if is_controller else reference


def metadata_of(resource: CustomResource, key: str) -> pulumi.Output[str]:
    """A field of an object's metadata, such as its name or uid, once it is known."""
    # The SDK's class sets its outputs under names that it does not declare.
    metadata_output: pulumi.Output[dict[str, str]] = getattr(resource, "metadata")  # noqa: B009

    def field(metadata: dict[str, str]) -> pulumi.Input[str]:
        if key not in metadata and pulumi.runtime.is_dry_run():
            # In a namespace that the same run creates pulumi-kubernetes can't dry-run a create: it returns the inputs.
            return pulumi.Output.from_input(pulumi.output.Unknown())  # type: ignore[arg-type, no-untyped-call]
        return metadata[key]

    return metadata_output.apply(field)


def present(resource: CustomResource, losses: Mapping[str, str]) -> pulumi.Output[str]:
    """The UID of an object.

    Args:
        resource: the object.
        losses: messages about objects that do not exist any more, by their UIDs in the last state.

    Raises:
        pulumi.RunError: in the output, where the engine takes such an object for unchanged.
    """

    def live_uid(uid: str) -> str:
        if uid in losses:
            raise pulumi.RunError(losses[uid])
        return uid

    return metadata_of(resource, "uid").apply(live_uid)


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
    # Without these inputs a refresh would report what it reads as a change.
    where = id_.apply(lambda place: dict(zip(("namespace", "name"), place.split("/"), strict=True)))
    props = {"apiVersion": "v1", "kind": "Secret", "metadata": where}
    return pulumi.Output.secret(CoreResource("Secret", name, props, opts).data)
