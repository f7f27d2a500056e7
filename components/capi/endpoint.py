"""The address of a control plane, as Cluster API's objects hold it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..kube import dial
from ..kube.objects import dig


@dataclass(frozen=True)
class Endpoint:
    """A control plane's address. Two spellings of one address (IPv6, upper case) are equal.

    Attributes:
        host: name or IP address as it was published, IPv6 without brackets.
        port: 1 to 65535.
        canonical: what hosts are compared by.
    """

    host: str = field(compare=False)
    port: int
    canonical: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "canonical", dial.canonical(self.host))

    def __str__(self) -> str:
        return dial.join(self.host, self.port)


def endpoint_of(obj: Mapping[str, object]) -> Endpoint | None:
    """The endpoint in an object's spec, None where it is missing, empty or half of one."""
    host, port = dig(obj, "spec", "controlPlaneEndpoint", "host"), dig(obj, "spec", "controlPlaneEndpoint", "port")
    if not isinstance(host, str) or not host.strip():
        return None
    if isinstance(port, bool) or not isinstance(port, int | float) or not 1 <= port <= 65535 or port != int(port):
        return None
    return Endpoint(dial.bare(host.strip()), int(port))
