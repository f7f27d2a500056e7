"""Why Kamaji has not published an address yet: the objects that it depends on are read at each turn of the wait."""

from __future__ import annotations

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.missing_address import Part, cause
from ..capi.reading import Failure
from ..kube.client import ApiError
from ..kube.objects import SERVICE, Json, Kind, Kube
from .order import Order
from .patience import RIGHTS


def address_cause(kube: Kube, order: Order, control_plane: Json) -> str:
    """The first cause that the objects show, in words; a general one where all look right."""
    name = control_plane["metadata"]["name"]
    parts = (
        read(kube, order.cluster_kind, order.cluster),
        read(kube, TENANT_CONTROL_PLANE, name),
        read(kube, SERVICE, name),
    )
    forbidden = any(isinstance(part, Failure) and part.reason == "Forbidden" for part in parts)
    return cause(control_plane, *parts).text + (f" {RIGHTS}" if forbidden else "")


def read(kube: Kube, kind: Kind, name: str) -> Part:
    """An object, or why it could not be read."""
    try:
        return kube.find(kind, name)
    except ApiError as error:
        return Failure(f"{kind.name}/{name}", error.reason, error.message)
