"""What the management cluster answers to a read: an object, a list, or why there is none; and what a reference names.

A read that fails becomes part of the result (:class:`..capi.reading.Failure`), because a status view is needed most when
something is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import quote

from ..capi.manifest import CLUSTER_LABEL
from ..capi.reading import Failure, Json, name
from ..kube.client import ApiError
from ..kube.objects import dig, plural
from .model import ListResult, ReadResult, Reference

NOT_SERVED = "NotServed"
"""Reason of a Failure: the management cluster knows no such kind, or not in this version."""

_NOT_SERVED_MESSAGES = ("404 page not found", "the server could not find the requested resource")


class Reader(Protocol):
    """A client that reads the management cluster."""

    def get(self, path: str) -> dict[str, Any]:
        """The API's answer to a GET of a path.

        Raises:
            ApiError: it could not be read.
        """
        ...


def get(reader: Reader, path: str, subject: str) -> ReadResult:
    """The object at a path, or why it could not be read.

    Args:
        reader: reader of the management cluster.
        path: the path.
        subject: the object in words, for a Failure.
    """
    try:
        return reader.get(path)
    except ApiError as error:
        if error.reason == "NotFound" and error.message.strip() in _NOT_SERVED_MESSAGES:
            return Failure(subject, NOT_SERVED, f"the management cluster does not serve {path.partition('?')[0]}")
        return Failure(subject, error.reason, error.message)


def is_unserved(answer: object) -> bool:
    """Whether an answer says that the management cluster does not know the kind in this version."""
    return isinstance(answer, Failure) and answer.reason == NOT_SERVED


def selector(cluster: str) -> str:
    """The end of a list's path that selects a cluster's objects."""
    return f"?labelSelector={quote(f'{CLUSTER_LABEL}={cluster}', safe='')}"


def items(answer: ReadResult, item_kind: str) -> ListResult:
    """The objects of a list, with the API version and kind, which a list leaves out of its items."""
    if isinstance(answer, Failure):
        return answer
    common = {"apiVersion": answer.get("apiVersion"), "kind": item_kind}
    return tuple({**common, **item} for item in answer.get("items") or ())


class References:
    """Reads the objects of references, for one look at a cluster.

    A reference of contract v1beta2 names only a group, whose kinds may have different versions: the newest version of each
    kind is looked up once.
    """

    def __init__(self, reader: Reader) -> None:
        """Read through ``reader``."""
        self._reader = reader
        self._groups: dict[str, ReadResult] = {}
        self._versions: dict[tuple[str, str], str] = {}

    def read(self, reference: Reference | None) -> ReadResult | None:
        """The object that a reference names; None where there is no reference."""
        return None if reference is None else self._answer(reference, f"/{reference.name}", reference.subject)

    def of_cluster(self, cluster: str, like: Reference) -> Mapping[str, Json]:
        """The objects of a reference's kind that carry a cluster's label, by name; none where they can't be listed."""
        objects = items(self._answer(like, selector(cluster), like.kind), like.kind)
        return {} if isinstance(objects, Failure) else {name(item): item for item in objects}

    def _answer(self, reference: Reference, path_end: str, subject: str) -> ReadResult:
        versions = self._candidates(reference)
        if isinstance(versions, Failure):
            return versions
        answer: ReadResult = Failure(subject, NOT_SERVED, f"the management cluster serves no {reference.group}")
        for version in versions:
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            # Cluster API's contract fixes the plural (contract.CalculateCRDName).
            path = f"{root}/namespaces/{reference.namespace}/{plural(reference.kind)}{path_end}"
            answer = get(self._reader, path, subject)
            if not is_unserved(answer):
                self._versions[reference.group, reference.kind] = version
                break
        return answer

    def _candidates(self, reference: Reference) -> list[str] | Failure:
        """API versions in which to look for a reference's kind; the first that serves it is the right one."""
        if reference.api_version:
            return [reference.api_version]
        if version := self._versions.get((reference.group, reference.kind)):
            return [version]
        if reference.group not in self._groups:
            self._groups[reference.group] = get(self._reader, f"/apis/{reference.group}", reference.subject)
        group = self._groups[reference.group]
        if isinstance(group, Failure):
            return replace(group, subject=reference.subject)
        preferred_version = dig(group, "preferredVersion", "groupVersion")
        other_versions = [str(version.get("groupVersion")) for version in group.get("versions") or ()]
        return list(dict.fromkeys([str(preferred_version), *other_versions]))
