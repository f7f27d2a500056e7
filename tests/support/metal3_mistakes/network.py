"""Mistakes in the settings of the network data and the pools of addresses."""

from __future__ import annotations

from tests.support.metal3_settings import BOND

from .places import NETWORK, Mistake, put

MISTAKES: list[Mistake] = [
    ("link twice", put(f"{NETWORK}.links.ethernets[1].id", "eth0"), f"{NETWORK}.links.ethernets[1].id", "is the id of"),
    (
        "no card",
        put(f"{NETWORK}.links.ethernets[1].macAddress", {}),
        f"{NETWORK}.links.ethernets[1].macAddress",
        "needs exactly one of fromHostInterface",
    ),
    (
        "mac",
        put(f"{NETWORK}.links.ethernets[1].macAddress.string", "00:60"),
        f"{NETWORK}.links.ethernets[1].macAddress.string",
        "six pairs",
    ),
    (
        "vlan on nothing",
        put(f"{NETWORK}.links.vlans[0].vlanLink", "eth9"),
        f"{NETWORK}.links.vlans[0].vlanLink",
        "names no link of ethernets or bonds",
    ),
    (
        "bond of nothing",
        put(f"{NETWORK}.links.bonds", [{**BOND, "bondLinks": ["eth9"]}]),
        f"{NETWORK}.links.bonds[0].bondLinks[0]",
        "names no link of ethernets, which has eth0, eth1, eth2",
    ),
    (
        "bond's own parameter",
        put(f"{NETWORK}.links.bonds", [{**BOND, "parameters": {"mode": "1"}}]),
        f'{NETWORK}.links.bonds[0].parameters["mode"]',
        "is set by a key of the bond itself",
    ),
    (
        "network on nothing",
        put(f"{NETWORK}.networks.ipv4[0].link", "x"),
        f"{NETWORK}.networks.ipv4[0].link",
        "names no link",
    ),
    (
        "network's family",
        put(f"{NETWORK}.networks.ipv4[0].pool", "nodes6"),
        f"{NETWORK}.networks.ipv4[0].pool",
        "not IPv4, as the network is",
    ),
    (
        "route's family",
        put(f"{NETWORK}.networks.ipv4[0].routes[0].network", "::/0"),
        f"{NETWORK}.networks.ipv4[0].routes[0].network",
        "must be IPv4",
    ),
    (
        "route's gateway",
        put(f"{NETWORK}.networks.ipv6[0].routes[0].gateway", {"pool": "nodes6"}),
        f"{NETWORK}.networks.ipv6[0].routes[0].gateway.pool",
        "in which no gateway is set",
    ),
    (
        "two gateways",
        put(f"{NETWORK}.networks.ipv4[0].routes[0].gateway.string", "192.0.2.1"),
        f"{NETWORK}.networks.ipv4[0].routes[0].gateway",
        "needs exactly one of pool and string",
    ),
    (
        "route twice",
        put(f"{NETWORK}.networks.ipv4DHCP[0].routes[1]", {"network": "10.0.0.0/9", "gateway": {"string": "192.0.2.1"}}),
        f"{NETWORK}.networks.ipv4DHCP[0].routes[1].network",
        "begins at 10.0.0.0 as routes[0] does",
    ),
    (
        "name servers of nothing",
        put(f"{NETWORK}.services.dnsFromPool", "there"),
        f"{NETWORK}.services.dnsFromPool",
        "must be the pool of a network in networks.ipv4 or networks.ipv6",
    ),
    (
        "pool twice",
        put("metal3.ipPools[1].name", "nodes"),
        "metal3.ipPools[1].name",
        "is the name of metal3.ipPools[0] too",
    ),
    ("pool without", put("metal3.ipPools[1].ranges", []), "metal3.ipPools[1].ranges", "is required, unless existing"),
    (
        "existing with ranges",
        put("metal3.ipPools[1].existing", True),
        "metal3.ipPools[1].ranges",
        "has no effect with existing: true",
    ),
    (
        "foreign kind",
        put("metal3.ipPools[1].kind", "InClusterIPPool"),
        "metal3.ipPools[1].kind",
        "has no effect without existing: true",
    ),
    (
        "no prefix",
        put("metal3.ipPools[1].prefix", None),
        "metal3.ipPools[1].ranges[0].prefix",
        "a server needs it for its netmask",
    ),
    (
        "backwards",
        put("metal3.ipPools[0].ranges[0].end", "192.0.2.9"),
        "metal3.ipPools[0].ranges[0].end",
        "comes before start",
    ),
    (
        "outside",
        put("metal3.ipPools[0].ranges[0].subnet", "192.0.2.0/25"),
        "metal3.ipPools[0].ranges[0].end",
        "is not in subnet, 192.0.2.0/25",
    ),
    (
        "mixed",
        put("metal3.ipPools[1].gateway", "192.0.2.1"),
        "metal3.ipPools[1].gateway",
        "must be IPv6, as the range is",
    ),
    (
        "the control plane's own",
        put("controlPlane", {"network": {"serviceAddress": "192.0.2.150"}}),
        "metal3.ipPools[0].ranges[0]",
        "holds 192.0.2.150, the control plane's address",
    ),
]
