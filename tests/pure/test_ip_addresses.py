"""How many addresses an IP pool has, and how many are left: as the IPAM counts them when a machine asks for one."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components.capi.ip_addresses import usage, usage_of

Range = dict[str, str]


@pytest.mark.parametrize(
    ("ranges", "total"),
    [
        ([], 0),
        ([{}], 0),
        ([{"start": "192.0.2.100", "end": "192.0.2.100"}], 1),
        ([{"start": "192.0.2.100", "end": "192.0.2.109"}], 10),
        ([{"start": "192.0.2.250", "subnet": "192.0.2.0/24"}], 6),
        ([{"subnet": "192.0.2.0/24"}], 255),
        ([{"subnet": "192.0.2.8/32"}], 0),
        ([{"start": "192.0.2.1", "end": "192.0.2.200", "subnet": "192.0.2.0/25"}], 127),
        ([{"start": "198.51.100.1", "end": "198.51.100.9", "subnet": "192.0.2.0/24"}], 0),
        ([{"start": "255.255.255.254"}], 2),
        ([{"start": "192.0.2.1", "end": "192.0.2.4"}, {"start": "192.0.2.3", "end": "192.0.2.6"}], 6),
        ([{"start": "192.0.2.1", "end": "192.0.2.2"}, {"start": "192.0.2.4", "end": "192.0.2.5"}], 4),
        ([{"start": "::1", "end": "::4"}, {"start": "0.0.0.1", "end": "0.0.0.4"}], 8),
        ([{"subnet": "2001:db8::/64"}], 2**64 - 1),
    ],
)
def test_a_pool_has_the_addresses_of_all_its_ranges_once(ranges: list[Range], total: int) -> None:
    assert usage(ranges, [], []).total == total, "as GetIPAddress would give them one by one"


NETWORK = ipaddress.ip_network("192.0.2.0/27")
ADDRESSES = st.sampled_from([str(address) for address in NETWORK])
RANGES = st.fixed_dictionaries(
    {}, optional={"start": ADDRESSES, "end": ADDRESSES, "subnet": st.sampled_from(["192.0.2.0/28", "192.0.2.16/28"])}
)


def one_by_one(entry: Range) -> list[str]:
    """The addresses of a range, as the IPAM's ``GetIPAddress`` finds them by an index that rises until it fails."""
    start, end, subnet = entry.get("start"), entry.get("end"), entry.get("subnet")
    if not start and not subnet:
        return []
    network = ipaddress.ip_network(subnet) if subnet else None
    address = int(ipaddress.ip_address(start)) if start else int(ipaddress.ip_address(subnet.partition("/")[0])) + 1  # type: ignore[union-attr]
    count: list[str] = []
    while address <= int(ipaddress.ip_address(end if start and end else "192.0.3.255")):
        if network and ipaddress.ip_address(address) not in network:
            break
        count.append(str(ipaddress.ip_address(address)))
        address += 1
    return count


@given(st.lists(RANGES, max_size=3), st.lists(ADDRESSES, max_size=5), st.lists(ADDRESSES, max_size=5))
def test_it_counts_what_one_who_takes_address_after_address_would_count(
    ranges: list[Range], reservations: list[str], allocations: list[str]
) -> None:
    # A range without an end goes on far beyond this network.
    ranges = [entry for entry in ranges if "end" in entry or "subnet" in entry]
    ranges = [entry for entry in ranges if "start" in entry or "subnet" in entry]
    everything = {address for entry in ranges for address in one_by_one(entry)}
    count = usage(ranges, reservations, allocations)
    assert count.total == len(everything), f"of {ranges}"
    assert count.allocations == len(everything & {*allocations}), "an address outside of the ranges takes nothing away"
    assert count.free == len(everything - {*allocations} - {*reservations}), "what any machine may still have"


def test_a_living_pool_tells_what_is_taken_and_what_it_keeps_for_others() -> None:
    pool: dict[str, Any] = {
        "spec": {
            "pools": [{"start": "192.0.2.100", "end": "192.0.2.103"}],
            "preAllocations": {"router": "192.0.2.101", "gone": "192.0.2.1"},
        },
        "status": {"indexes": {"one-a-0-nodes": "192.0.2.100", "router": "192.0.2.101"}},
    }
    assert str(usage_of(pool)) == "4 addresses, 2 are taken", "one that has its own address is not kept besides"
    del pool["status"]
    assert str(usage_of(pool)) == "4 addresses, 0 are taken, 1 is kept by preAllocations", "before any machine came"
