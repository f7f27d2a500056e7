"""A look into the tenant cluster, by the kubeconfig that Kamaji has left in the management cluster."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import quote

from ..capi.manifest import ADD_ON
from ..capi.reading import Failure, Json
from ..kube import kubeconfig
from ..kube.access import AccessError
from ..kube.client import Api, ApiError
from ..kube.objects import dig
from .model import Inside, ListResult
from .references import Reader, get
from .request import AddonObject

Answer = TypeVar("Answer")

SECONDS = 5.0
"""Timeout of each request to a tenant: a status must not take long because one tenant is down."""

WORKLOADS = (
    ("apps/v1", "DaemonSet", "daemonsets"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("batch/v1", "Job", "jobs"),
)


THREADS = 8
"""Objects of add-ons that are read at a time."""


def look(reader: Reader, namespace: str, cluster: str, addon_objects: Sequence[AddonObject] = ()) -> Inside | Failure:
    """Read a tenant cluster's nodes and the workloads of its add-ons, and look for the objects of its add-ons.

    Args:
        reader: reader of the management cluster, for the Secret with the kubeconfig.
        namespace: the Cluster's namespace.
        cluster: the Cluster's name.
        addon_objects: the objects to look for.
    """
    return _ask(reader, namespace, cluster, lambda api: _inside(api, addon_objects))


def nodes(reader: Reader, namespace: str, cluster: str) -> ListResult:
    """Read a tenant cluster's nodes alone; arguments as of :func:`look`."""
    return _ask(reader, namespace, cluster, _nodes)


def _ask(reader: Reader, namespace: str, cluster: str, read: Callable[[Api], Answer]) -> Answer | Failure:
    subject = f"Secret/{cluster}-kubeconfig"
    try:
        secret = reader.get(f"/api/v1/namespaces/{namespace}/secrets/{cluster}-kubeconfig")
        text = base64.b64decode(dig(secret, "data", "value") or "")
        access = kubeconfig.from_text(text.decode(), source=subject)
        subject = f"tenant cluster {cluster}"
        api = Api(access, connect_seconds=SECONDS, read_seconds=SECONDS, patience=0)
        try:
            return read(api)
        finally:
            api.close()
    except ApiError as error:
        return Failure(subject, error.reason, error.message)
    except (AccessError, binascii.Error, UnicodeDecodeError) as error:
        return Failure(subject, "Unusable", str(error))


def _inside(api: Api, addon_objects: Sequence[AddonObject]) -> Inside:
    return Inside(_nodes(api), tuple(_workloads(api)), tuple(_losses(api, addon_objects)))


def _nodes(api: Api) -> tuple[Json, ...]:
    return tuple(_items(api, "/api/v1/nodes", "v1", "Node"))


def _workloads(api: Api) -> Iterator[Json]:
    for version, kind, plural in WORKLOADS:
        yield from _items(api, f"/apis/{version}/{plural}?labelSelector={quote(ADD_ON, safe='')}", version, kind)


def _losses(api: Api, objects: Sequence[AddonObject]) -> Iterator[AddonObject]:
    """The objects that certainly do not exist; a kind that is not served is a question of its own."""
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda item: get(api, item.path, str(item)), objects))
    for item, answer in zip(objects, answers, strict=True):
        if isinstance(answer, Failure) and answer.reason == "NotFound":
            yield item


def _items(api: Api, path: str, version: str, kind: str) -> Iterator[Json]:
    for item in api.get(path).get("items") or ():
        yield {"apiVersion": version, "kind": kind, **item}
