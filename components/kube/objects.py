"""Objects of the management cluster, read and written by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from .failures import ApiError

if TYPE_CHECKING:
    from .client import Api

FIELD_MANAGER = "kamaji-equinix"
"""Owner of the fields that the hand-off writes; pulumi-kubernetes takes over only managers of its own names."""

APPLY = "application/apply-patch+yaml"

METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of namespaced objects."""

    api_version: str
    name: str
    plural: str

    @property
    def group(self) -> str:
        """Its API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Its version within the group."""
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Path of a collection, an object, or a part of one."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = [root, "namespaces", quote(namespace, ""), self.plural, *filter(None, (quote(name, ""), subresource))]
        return "/".join(parts)


SECRET = Kind("v1", "Secret", "secrets")
SERVICE = Kind("v1", "Service", "services")


class Kube:
    """Objects of one namespace of the management cluster."""

    def __init__(self, api: Api, namespace: str) -> None:
        """Look at ``namespace`` through ``api``."""
        self.api = api
        self.namespace = namespace

    @property
    def server(self) -> str:
        """Address of the API server."""
        return self.api.access.server

    def get(self, kind: Kind, name: str) -> Json:
        """One object.

        Raises:
            ApiError: it could not be read; reason NotFound where there is none.
        """
        return self.api.get(kind.path(self.namespace, name))

    def find(self, kind: Kind, name: str) -> Json | None:
        """One object, None where there is none.

        Raises:
            ApiError: it could not be read.
        """
        try:
            return self.get(kind, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def create(self, kind: Kind, name: str, content: Mapping[str, Any]) -> Json:
        """Make a new object.

        Raises:
            ApiError: reason AlreadyExists where there is one of that name.
        """
        metadata = {**content.get("metadata", {}), "name": name, "namespace": self.namespace}
        body = {**content, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}
        return self.api.post(f"{kind.path(self.namespace)}?{urlencode({'fieldManager': FIELD_MANAGER})}", body)

    def items(self, kind: Kind, labels: Mapping[str, str], *, content: bool = True) -> list[Json]:
        """The objects that carry all of some labels.

        Args:
            kind: of the objects.
            labels: the labels.
            content: False asks for their metadata only.

        Raises:
            ApiError: they could not be read.
        """
        selector = urlencode({"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())})
        path = f"{kind.path(self.namespace)}?{selector}"
        accept = "application/json" if content else METADATA_LIST
        return self.api.get(path, accept=accept).get("items") or []

    def delete(self, kind: Kind, name: str, *, uid: str, version: str) -> None:
        """Delete an object if its UID and version are still these.

        Raises:
            ApiError: reason Conflict if it has changed since; NotFound if it does not exist any more.
        """
        self.api.delete(kind.path(self.namespace, name), {"preconditions": {"uid": uid, "resourceVersion": version}})

    def apply(
        self, kind: Kind, name: str, uid: str, content: Mapping[str, Any], *, subresource: str = "", force: bool = False
    ) -> Json:
        """Set the fields in ``content`` by server-side apply, leaving all others alone.

        The uid makes it a change of this very object: apply would create it otherwise, were it deleted meanwhile.

        Raises:
            ApiError: reason Conflict where another manager owns a field with another value and ``force`` is not given.
        """
        metadata = {**content.get("metadata", {}), "name": name, "namespace": self.namespace, "uid": uid}
        body = {**content, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}
        query = urlencode({"fieldManager": FIELD_MANAGER, "force": str(force).lower()})
        return self.api.patch(f"{kind.path(self.namespace, name, subresource)}?{query}", body, APPLY)

    def changes(self, kind: Kind, name: str, version: str, seconds: float) -> Iterator[Json]:
        """Events of one object after resource version ``version``, for at most ``seconds``.

        Raises:
            ApiError: the watch was refused (reason Expired where the version is too old) or broke.
        """
        query = urlencode(
            {
                "watch": "1",
                "fieldSelector": f"metadata.name={name}",
                "resourceVersion": version,
                "timeoutSeconds": str(max(1, round(seconds))),
            }
        )
        for event in self.api.watch(f"{kind.path(self.namespace)}?{query}", seconds + 1):
            if event.get("type") == "ERROR":
                status = event.get("object") or {}
                raise ApiError(str(status.get("reason")), str(status.get("message")), int(status.get("code") or 0))
            yield event


def dig(value: Any, *path: str) -> Any:
    """A field below a field, None where there is none.

    >>> dig({"spec": {"controlPlaneEndpoint": None}}, "spec", "controlPlaneEndpoint", "host") is None
    True
    """
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def plural(kind_: str) -> str:
    """The resource name of a kind, by the rules of English that Kubernetes' kinds follow."""
    word = kind_.lower()
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "z", "ch", "sh")) else f"{word}s"
