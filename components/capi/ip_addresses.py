"""The addresses of a Metal3 IPPool: how many it has, which are taken, and which are kept for claims of certain names. Pure.

As the IPAM counts them: ``GetIPAddress`` in api/v1alpha1/utils.go, ``getIndexes`` and ``allocateAddress`` in
ipam/ippool_manager.go of metal3-io/ip-address-manager.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..kube.objects import dig

Span = tuple[int, int, int]
"""IP version, first and last address of a range."""

BITS = {4: 32, 6: 128}


@dataclass(frozen=True)
class Usage:
    """The addresses of one pool.

    Attributes:
        total: how many it has.
        allocations: how many machines have.
        reservations: how many more only claims of certain names may have (``preAllocations``).
    """

    total: int
    allocations: int
    reservations: int

    @property
    def free(self) -> int:
        """How many any claim may still have."""
        return self.total - self.allocations - self.reservations

    def __str__(self) -> str:
        text = f"{count(self.total)}, {self.allocations} {_are(self.allocations)} taken"
        return text + (
            f", {self.reservations} {_are(self.reservations)} kept by preAllocations" if self.reservations else ""
        )


def usage(ranges: Iterable[Mapping[str, Any]], reservations: Iterable[str], allocations: Iterable[str]) -> Usage:
    """The usage of a pool.

    Args:
        ranges: its ranges, each with ``start``, ``end`` and ``subnet`` as far as it has them.
        reservations: the addresses of its ``preAllocations``.
        allocations: the addresses that somebody has.
    """
    spans = _spans(ranges)
    users, names = (
        {address for address in map(_number, addresses) if _holds(spans, address)}
        for addresses in (allocations, reservations)
    )
    total = sum(last - first + 1 for _, first, last in spans)
    return Usage(total, len(users), len(names - users))


def usage_of(pool: Mapping[str, Any]) -> Usage:
    """The usage of a living IPPool, by its own status."""
    spec = pool.get("spec") or {}
    # The field of the Go type is called Allocations.
    allocations = dig(pool, "status", "indexes") or {}
    return usage(spec.get("pools") or (), (spec.get("preAllocations") or {}).values(), allocations.values())


def count(addresses: int) -> str:
    """A number of addresses, in words."""
    return f"{addresses} address{'' if addresses == 1 else 'es'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _number(address: str) -> tuple[int, int]:
    value = ipaddress.ip_address(address)
    return value.version, int(value)


def _holds(spans: Iterable[Span], address: tuple[int, int]) -> bool:
    return any(version == address[0] and first <= address[1] <= last for version, first, last in spans)


def _spans(ranges: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Ranges without overlap: an address of two ranges is given once."""
    spans: list[Span] = []
    for version, first, last in sorted(filter(None, map(_span, ranges))):
        if spans and spans[-1][0] == version and first <= spans[-1][2] + 1:
            spans[-1] = (version, spans[-1][1], max(last, spans[-1][2]))
        else:
            spans.append((version, first, last))
    return spans


def _span(entry: Mapping[str, Any]) -> Span | None:
    """The addresses of one range; None where it has none.

    A range with a start begins there, and ends at its end, at the end of its subnet, or nowhere. A subnet alone begins behind
    the address that is written in it. The last address of an IPv4 subnet, its broadcast address, is given, too.
    """
    start, end, subnet = entry.get("start"), entry.get("end"), entry.get("subnet")
    if not start and not subnet:
        return None
    network = ipaddress.ip_interface(subnet).network if subnet else None
    version, first = _number(start) if start else _number(str(subnet).partition("/")[0])
    first += 0 if start else 1
    lasts = list(_lasts(version, network, end if start else None))
    if network and start and not int(network.network_address) <= first:
        return None
    return (version, first, min(lasts)) if first <= min(lasts) else None


def _lasts(version: int, network: Any, end: str | None) -> Iterator[int]:
    yield 2 ** BITS[version] - 1
    if network:
        yield int(network.broadcast_address)
    if end:
        yield _number(end)[1]
