"""How many addresses of each IP pool the machines of a cluster need. Pure.

A machine takes one address of each pool that its data names, in whatever way (``getReferencedPools`` in CAPM3's
metal3data_manager.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...capi.ip_addresses import Usage, usage
from .rules_network import used_pools
from .section import IpPoolSettings, Metal3ClusterSettings, Metal3PoolSettings


@dataclass(frozen=True)
class AddressNeed:
    """The need of one worker pool in one IP pool.

    Attributes:
        pool: name of the worker pool.
        least: machines that it has from the start.
        most: machines that it may have: its ``max``, where an autoscaler sets their number.
        surge: machines that it has besides in a roll.
    """

    pool: str
    least: int
    most: int
    surge: int


def address_needs(tenant: Metal3ClusterSettings, ip_pool: str) -> list[AddressNeed]:
    """The needs of a cluster's worker pools in an IP pool of its settings."""
    return [
        AddressNeed(pool.name, *_machines(pool), surge(pool))
        for pool in tenant.worker_pools
        if ip_pool in used_pools(tenant.metadata_of(pool), tenant.network_of(pool))
    ]


def _machines(pool: Metal3PoolSettings) -> tuple[int, int]:
    if pool.min is not None:
        return pool.min, max(pool.min, pool.max or 0)
    replicas = 1 if pool.replicas is None else pool.replicas
    return replicas, replicas


def surge(pool: Metal3PoolSettings) -> int:
    """How many machines more a pool has in a roll.

    Cluster API rounds percentages up (``ResolveFenceposts`` in mdutil/util.go). With OnDelete somebody deletes one first.
    """
    if pool.strategy is None:
        return 1
    if pool.strategy.type != "RollingUpdate":
        return 0
    value = pool.strategy.max_surge
    if isinstance(value, int):
        return value
    return -(-_machines(pool)[1] * int(str(value).rstrip("%")) // 100)


def declared_usage(pool: IpPoolSettings) -> Usage:
    """The addresses of a pool that the stack makes, while no machine has one."""
    ranges = [{"start": entry.start, "end": entry.end, "subnet": entry.subnet} for entry in pool.ranges]
    return usage(ranges, pool.pre_allocations.values(), ())


def names(needs: list[AddressNeed]) -> str:
    """The worker pools of needs, in words."""
    return f"pool{'s' if len(needs) > 1 else ''} {', '.join(need.pool for need in needs)}"


def machines(number: int) -> str:
    """A number of machines, in words."""
    return f"{number} machine{'' if number == 1 else 's'}"


def shortage(available: int, needs: list[AddressNeed]) -> Iterator[str]:
    """The consequence of too few addresses, in words; nothing where there are enough, in a roll, too.

    Args:
        available: how many addresses the machines can have, those that they have already counted.
        needs: of all worker pools that use the IP pool.
    """
    most, more = sum(need.most for need in needs), sum(need.surge for need in needs)
    if available < most:
        yield f"{names(needs)} may have {machines(most)}: the servers of the others wait for an address and are not installed"
    elif available < most + more:
        yield (
            f"{names(needs)} may have {machines(most)}, and {more} more in a roll, which waits for an address then. With "
            "maxSurge 0 and maxUnavailable 1 a roll gives an address back first"
        )
