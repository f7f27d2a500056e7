"""Rules of IP pools: the IPAM's webhook, and what fails only once a machine asks for an address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ...capi.ip_addresses import count
from ..report import Problem
from .address_needs import address_needs, declared_usage, machines, names, shortage
from .section import IpPoolSettings, Metal3ClusterSettings, RangeSettings


def ip_pool_problems(path: str, tenant: Metal3ClusterSettings, pool: IpPoolSettings) -> Iterator[Problem]:
    """An IPPool that is made gives addresses; one that exists is only named."""
    values = {
        "ranges": pool.ranges,
        "prefix": pool.prefix,
        "gateway": pool.gateway,
        "dnsServers": pool.dns_servers,
        "preAllocations": pool.pre_allocations,
    }
    if pool.existing:
        for key, value in values.items():
            if value:
                yield Problem(f"{path}.{key}", "has no effect with existing: true; leave it out", example=None)
        return
    for key, value, usual in (("kind", pool.kind, "IPPool"), ("apiGroup", pool.api_group, "ipam.metal3.io")):
        if value != usual:
            yield Problem(f"{path}.{key}", "has no effect without existing: true; leave it out", value, usual)
    if not pool.ranges:
        yield Problem(
            f"{path}.ranges",
            "is required, unless existing is true",
            example=[{"start": "192.0.2.100", "end": "192.0.2.200"}],
        )
    for index, entry in enumerate(pool.ranges):
        yield from range_problems(f"{path}.ranges[{index}]", pool, entry)
    inside = tenant.control_plane.network.service_address
    for index, entry in enumerate(pool.ranges):
        if inside and entry.start and entry.end and within(inside, entry.start, entry.end):
            yield Problem(
                f"{path}.ranges[{index}]",
                f"holds {inside}, the control plane's address, so a machine could get the same; leave it out of the range",
                {"start": entry.start, "end": entry.end},
                None,
                about=("controlPlane.network.serviceAddress",),
            )


def range_problems(path: str, pool: IpPoolSettings, entry: RangeSettings) -> Iterator[Problem]:
    """Rules of the IPAM's webhook, and of ``GetIPAddress``, which fails only when a machine requests an address."""
    if not entry.start and not entry.subnet:
        yield Problem(f"{path}.start", "is required, unless subnet is set", example="192.0.2.100")
        return
    prefix = entry.prefix or pool.prefix
    if prefix is None:
        yield Problem(
            f"{path}.prefix", "is required here or in the pool: a server needs it for its netmask", example=24
        )
    bounds = [("start", entry.start), ("end", entry.end), ("gateway", entry.gateway or pool.gateway)]
    addresses = {key: ipaddress.ip_address(value) for key, value in bounds if value}
    network = ipaddress.ip_network(entry.subnet) if entry.subnet else None
    version = network.version if network else addresses["start"].version
    for key, address in addresses.items():
        if address.version != version:
            where = path if key != "gateway" or entry.gateway else path.rpartition(".")[0]
            yield Problem(f"{where}.{key}", f"must be IPv{version}, as the range is", str(address), None)
            return
    if prefix is not None and prefix > (32 if version == 4 else 128):
        yield Problem(
            f"{path}.prefix", f"is longer than an IPv{version} address has bits", prefix, 24 if version == 4 else 64
        )
        return
    start, end = addresses.get("start"), addresses.get("end")
    if start and end and int(start) > int(end):
        yield Problem(f"{path}.end", f"comes before start, {start}", str(end), None)
    for key in ("start", "end"):
        if network and key in addresses and addresses[key] not in network:
            yield Problem(
                f"{path}.{key}", f"is not in subnet, {network}", str(addresses[key]), None, about=(f"{path}.subnet",)
            )


def within(address: str, start: str, end: str) -> bool:
    """Whether an address is one of a range."""
    numbers = [ipaddress.ip_address(text) for text in (start, address, end)]
    return len({number.version for number in numbers}) == 1 and int(numbers[0]) <= int(numbers[1]) <= int(numbers[2])


def capacity_problems(path: str, base: str, tenant: Metal3ClusterSettings, pool: IpPoolSettings) -> Iterator[Problem]:
    """A pool has an address for each machine: the servers of the others would never be installed."""
    if pool.existing:
        return
    needs = address_needs(tenant, pool.name)
    total, least = declared_usage(pool).total, sum(need.least for need in needs)
    if total < least:
        yield Problem(
            f"{path}.ranges",
            f"has {count(total)}, but {names(needs)} {'have' if len(needs) > 1 else 'has'} {machines(least)}, and each takes "
            "one; add a range, or take a later end",
            example=None,
            about=(f"{base}workerPools", f"{base}metal3.metaData", f"{base}metal3.networkData"),
        )


def capacity_warnings(path: str, tenant: Metal3ClusterSettings, pool: IpPoolSettings) -> Iterator[Problem]:
    """A pool has an address for each machine that may come: by an autoscaler, or in a roll."""
    needs, addresses = address_needs(tenant, pool.name), declared_usage(pool)
    if pool.existing or addresses.total < sum(need.least for need in needs):
        return
    reservations = (
        f", of which {addresses.reservations} {'is' if addresses.reservations == 1 else 'are'} kept by preAllocations"
    )
    for text in shortage(addresses.free, needs):
        yield Problem(
            f"{path}.ranges",
            f"has {count(addresses.total)}{reservations if addresses.reservations else ''}, but {text}",
        )
