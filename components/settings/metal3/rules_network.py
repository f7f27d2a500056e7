"""Rules of metadata and network data: CAPM3's CRD and webhook, and what fails only once it renders them for a machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from ..report import Problem
from .network import (
    LinkSettings,
    MetaDataSettings,
    NetworkDataSettings,
    NetworkSettings,
    StaticNetworkSettings,
)
from .section import IpPoolSettings

RESERVED_KEYS = ("name", "local-hostname", "local_hostname", "uuid", "providerid", "metal3-name", "metal3-namespace")
"""Metadata that this program, CAPM3 and the operator give each machine."""

BOND_FIELDS = ("mode", "xmit_hash_policy", "links")
"""Parameters of a bond that have a key of their own; CAPM3 fails on them (``renderNetworkLinks``)."""


def metadata_problems(
    path: str, section: str, data: MetaDataSettings, pools: Sequence[IpPoolSettings]
) -> Iterator[Problem]:
    """Each key has one meaning, and each pool is known."""
    maps: dict[str, Mapping[str, str]] = {
        "strings": data.strings,
        "objectNames": data.object_names,
        "ipAddressesFromPool": data.ip_addresses_from_pool,
        "prefixesFromPool": data.prefixes_from_pool,
        "gatewaysFromPool": data.gateways_from_pool,
        "fromHostInterfaces": data.from_host_interfaces,
    }
    places = [(f'{path}.{part}["{key}"]', key) for part, mapping in maps.items() for key in mapping]
    places += [(f"{path}.namespaces[{index}]", key) for index, key in enumerate(data.namespaces)]
    keys = {
        "indexes": [entry.key for entry in data.indexes],
        "fromLabels": [entry.key for entry in data.from_labels],
        "fromAnnotations": [entry.key for entry in data.from_annotations],
    }
    for part, names in keys.items():
        places += [(f"{path}.{part}[{index}].key", key) for index, key in enumerate(names)]
    firsts: dict[str, str] = {}
    for where, key in places:
        if key in RESERVED_KEYS:
            yield Problem(where, f"{key} is defined for each machine anyway; leave it out", example=None)
        elif firsts.setdefault(key, where) != where:
            yield Problem(where, f"defines the same key as {firsts[key]}; leave one out", example=None)
    for part in ("ipAddressesFromPool", "prefixesFromPool", "gatewaysFromPool"):
        for key, pool in maps[part].items():
            yield from check_pool_name(f'{path}.{part}["{key}"]', section, pool, pools)


def check_pool_name(path: str, section: str, name: str, pools: Sequence[IpPoolSettings]) -> Iterator[Problem]:
    """A name of an IP pool is one of ``ipPools``."""
    names = [pool.name for pool in pools]
    if name not in names:
        yield Problem(
            path,
            f"names no pool of {section}.ipPools, which has {', '.join(names) or 'none'}; one that exists already is listed "
            "there, too, with existing: true",
            name,
            names[0] if names else None,
            about=(f"{section}.ipPools",),
        )


def network_problems(
    path: str, section: str, data: NetworkDataSettings, pools: Sequence[IpPoolSettings]
) -> Iterator[Problem]:
    """Links name cards, networks name links, addresses come from pools that are known."""
    links: dict[str, str] = {}
    kinds: list[tuple[str, Sequence[LinkSettings]]] = [
        ("ethernets", data.links.ethernets),
        ("bonds", data.links.bonds),
        ("vlans", data.links.vlans),
    ]
    for part, entries in kinds:
        for index, link in enumerate(entries):
            where = f"{path}.links.{part}[{index}]"
            if links.setdefault(link.id, where) != where:
                yield Problem(f"{where}.id", f"is the id of {links[link.id]} too; choose another", link.id, None)
            mac = link.mac_address
            if sum(value is not None for value in (mac.from_host_interface, mac.from_annotation, mac.string)) != 1:
                yield Problem(
                    f"{where}.macAddress",
                    "needs exactly one of fromHostInterface, fromAnnotation and string",
                    example={"fromHostInterface": "eth0"},
                )
    yield from bonds(f"{path}.links", data, links)
    yield from vlans(f"{path}.links", data, links)
    networks: list[tuple[str, int, Sequence[NetworkSettings]]] = [
        ("ipv4", 4, data.networks.ipv4),
        ("ipv6", 6, data.networks.ipv6),
        ("ipv4DHCP", 4, data.networks.ipv4_dhcp),
        ("ipv6DHCP", 6, data.networks.ipv6_dhcp),
        ("ipv6SLAAC", 6, data.networks.ipv6_slaac),
    ]
    firsts: dict[str, str] = {}
    for part, version, nets in networks:
        for index, network in enumerate(nets):
            where = f"{path}.networks.{part}[{index}]"
            if firsts.setdefault(network.id, where) != where:
                yield Problem(f"{where}.id", f"is the id of {firsts[network.id]} too; choose another", network.id, None)
            yield from check_link_name(f"{where}.link", f"{path}.links", network.link, links)
            if isinstance(network, StaticNetworkSettings):
                yield from check_pool_name(f"{where}.pool", section, network.pool, pools)
                yield from family(f"{where}.pool", section, network.pool, version, pools)
            yield from routes(where, section, network, version, pools)
    for index, address in enumerate(data.services.dns):
        if address in data.services.dns[:index]:
            yield Problem(f"{path}.services.dns[{index}]", "is given twice; leave one out", address, None)
    if data.services.dns_from_pool:
        where = f"{path}.services.dnsFromPool"
        yield from check_pool_name(where, section, data.services.dns_from_pool, pools)
        address_pools = {network.pool for network in (*data.networks.ipv4, *data.networks.ipv6)}
        if data.services.dns_from_pool not in address_pools:
            yield Problem(
                where,
                "must be the pool of a network in networks.ipv4 or networks.ipv6: CAPM3 knows no other pool's name servers",
                data.services.dns_from_pool,
                next(iter(sorted(address_pools)), None),
                about=(f"{path}.networks",),
            )


def bonds(path: str, data: NetworkDataSettings, links: Mapping[str, str]) -> Iterator[Problem]:
    """A bond is made of network cards, each of which is in one."""
    cards = {link.id for link in data.links.ethernets}
    places: dict[str, str] = {}
    for index, bond in enumerate(data.links.bonds):
        where = f"{path}.bonds[{index}]"
        for number, card in enumerate(bond.bond_links):
            place = f"{where}.bondLinks[{number}]"
            if card not in cards:
                yield Problem(
                    place,
                    f"names no link of ethernets, which has {', '.join(sorted(cards)) or 'none'}",
                    card,
                    next(iter(sorted(cards)), None),
                    about=(f"{path}.ethernets",),
                )
            elif places.setdefault(card, place) != place:
                yield Problem(place, f"is in {places[card]} already; leave one out", card, None)
        for name in BOND_FIELDS:
            if name in bond.parameters:
                yield Problem(
                    f'{where}.parameters["{name}"]',
                    "is set by a key of the bond itself; leave it out here",
                    example=None,
                )
        for name, value in bond.parameters.items():
            if not isinstance(value, str | int | bool):
                yield Problem(f'{where}.parameters["{name}"]', "must be text, a number, true or false", example=100)


def vlans(path: str, data: NetworkDataSettings, links: Mapping[str, str]) -> Iterator[Problem]:
    """A VLAN is on another link; the CRD takes a number once."""
    numbers: dict[int, str] = {}
    targets = {name for name, where in links.items() if ".vlans[" not in where}
    for index, vlan in enumerate(data.links.vlans):
        where = f"{path}.vlans[{index}]"
        if numbers.setdefault(vlan.vlan_id, where) != where:
            yield Problem(
                f"{where}.vlanID",
                f"is the number of {numbers[vlan.vlan_id]} too, and CAPM3 takes each number once; choose another",
                vlan.vlan_id,
                None,
            )
        if vlan.vlan_link not in targets:
            yield Problem(
                f"{where}.vlanLink",
                f"names no link of ethernets or bonds, which have {', '.join(sorted(targets)) or 'none'}",
                vlan.vlan_link,
                next(iter(sorted(targets)), None),
                about=(path,),
            )


def check_link_name(path: str, place: str, link: str, links: Mapping[str, str]) -> Iterator[Problem]:
    """A network is on a link that there is."""
    if link not in links:
        names = ", ".join(links) or "none"
        yield Problem(
            path, f"names no link of {place}, which has {names}", link, next(iter(links), None), about=(place,)
        )


def routes(
    path: str, section: str, network: NetworkSettings, version: int, pools: Sequence[IpPoolSettings]
) -> Iterator[Problem]:
    """A route is of its network's family, and leads to a place once."""
    firsts: dict[str, int] = {}
    for index, route in enumerate(network.routes):
        where = f"{path}.routes[{index}]"
        target = ipaddress.ip_network(route.network)
        if target.version != version:
            yield Problem(f"{where}.network", f"must be IPv{version}, as the network is", route.network, None)
        address = str(target.network_address)
        if address in firsts:
            yield Problem(
                f"{where}.network",
                f"begins at {address} as routes[{firsts[address]}] does, and CAPM3 takes each address once; leave one out",
                route.network,
                None,
            )
        firsts.setdefault(address, index)
        gateway = route.gateway
        if (gateway.pool is None) == (gateway.string is None):
            yield Problem(f"{where}.gateway", "needs exactly one of pool and string", example={"string": "192.0.2.1"})
        if gateway.string and ipaddress.ip_address(gateway.string).version != version:
            yield Problem(f"{where}.gateway.string", f"must be IPv{version}, as the network is", gateway.string, None)
        if gateway.pool:
            yield from check_pool_name(f"{where}.gateway.pool", section, gateway.pool, pools)
            ip_pool = next((pool for pool in pools if pool.name == gateway.pool), None)
            if (
                ip_pool
                and not ip_pool.existing
                and not ip_pool.gateway
                and not all(part.gateway for part in ip_pool.ranges)
            ):
                yield Problem(
                    f"{where}.gateway.pool",
                    f"names pool {ip_pool.name}, in which no gateway is set; set ipPools[].gateway, or gateway.string here",
                    example=None,
                    about=(f"{section}.ipPools",),
                )
        for number, server in enumerate(route.dns):
            if ipaddress.ip_address(server).version != version:
                yield Problem(f"{where}.dns[{number}]", f"must be IPv{version}, as the network is", server, None)
            elif server in route.dns[:number]:
                yield Problem(f"{where}.dns[{number}]", "is given twice; leave one out", server, None)


def family(path: str, section: str, name: str, version: int, pools: Sequence[IpPoolSettings]) -> Iterator[Problem]:
    """Addresses of a pool are of the network's family."""
    for pool in pools:
        for entry in pool.ranges if pool.name == name else ():
            text = entry.start or (entry.subnet or "").partition("/")[0]
            if text and ipaddress.ip_address(text).version != version:
                yield Problem(
                    path,
                    f"gives addresses that are not IPv{version}, as the network is",
                    name,
                    None,
                    about=(f"{section}.ipPools",),
                )
                return


def used_pools(metadata: MetaDataSettings, network: NetworkDataSettings | None) -> Iterator[str]:
    """The IP pools that data names."""
    for mapping in (metadata.ip_addresses_from_pool, metadata.prefixes_from_pool, metadata.gateways_from_pool):
        yield from mapping.values()
    if network is None:
        return
    networks = network.networks
    for static in (*networks.ipv4, *networks.ipv6):
        yield static.pool
    for entry in (*networks.ipv4, *networks.ipv6, *networks.ipv4_dhcp, *networks.ipv6_dhcp, *networks.ipv6_slaac):
        yield from (route.gateway.pool for route in entry.routes if route.gateway.pool)
    if network.services.dns_from_pool:
        yield network.services.dns_from_pool
