"""The network in a host's network data, checked against the host's hardware.

Format: OpenStack's network_data.json, as CAPM3's metal3data_manager.go (renderNetworkData) writes it and cloud-init's
sources/helpers/openstack.py (convert_net_json) reads it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ..simulation.trouble import BootFailure

STATIC = ("ipv4", "ipv6")
DYNAMIC = ("ipv4_dhcp", "ipv6_dhcp", "ipv6_slaac")
BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")


def addresses(network_data: Mapping[str, Any], cards: Iterable[str]) -> list[str]:
    """The fixed addresses of the host in this network; none if all come from DHCP.

    Args:
        network_data: the document; empty for a host that uses DHCP on all its cards.
        cards: MAC addresses of the host's network cards.

    Raises:
        BootFailure: a link or network is invalid; says which and why.
    """
    if not network_data:
        return []
    links = checked_links(network_data.get("links") or [], {card.lower() for card in cards})
    hosts = []
    networks = network_data.get("networks") or []
    if not networks:
        raise BootFailure("its network data has no networks: the host has no address")
    for network in networks:
        name = f"network {network.get('id')!r} of its network data"
        if network.get("link") not in links:
            raise BootFailure(
                f"{name} is on link {network.get('link')!r}; there are {', '.join(sorted(links)) or 'none'}"
            )
        if (kind := network.get("type")) in DYNAMIC:
            continue
        if kind not in STATIC:
            raise BootFailure(f"{name} has type {kind!r}; known are {', '.join((*STATIC, *DYNAMIC))}")
        hosts.append(checked_address(network, name))
    return hosts


def checked_links(links: Iterable[Mapping[str, Any]], cards: set[str]) -> set[str]:
    """The ids of the links; each is a card of the host or combines other links."""
    links = list(links)
    ids = [str(link.get("id")) for link in links]
    if double := sorted({link_id for link_id in ids if ids.count(link_id) > 1}):
        raise BootFailure(f"its network data has two links {double[0]!r}")
    for link in links:
        name, kind = f"link {link.get('id')!r} of its network data", str(link.get("type"))
        if kind == "vlan":
            parts = [link.get("vlan_link")]
            if not 1 <= int(link.get("vlan_id") or 0) <= 4094:
                raise BootFailure(f"{name} has vlan_id {link.get('vlan_id')!r}, which is none from 1 to 4094")
        elif kind == "bond":
            parts = list(link.get("bond_links") or [])
            if not parts:
                raise BootFailure(f"{name} is a bond of nothing: it has no bond_links")
            if link.get("bond_mode") not in BOND_MODES:
                raise BootFailure(f"{name} has bond_mode {link.get('bond_mode')!r}; known are {', '.join(BOND_MODES)}")
        else:
            parts = []
            mac = str(link.get("ethernet_mac_address") or "").lower()
            if not mac:
                raise BootFailure(f"{name} has no MAC address: cloud-init finds no card for it")
            if mac not in cards:
                raise BootFailure(
                    f"{name} is card {mac}, which the host doesn't have; it has {', '.join(sorted(cards))}"
                )
        for part in parts:
            if part not in ids:
                raise BootFailure(f"{name} is made of link {part!r}, which is not there; there are {', '.join(ids)}")
    return set(ids)


def checked_address(network: Mapping[str, Any], name: str) -> str:
    """A network's fixed address; its gateways must be reachable from it."""
    try:
        interface = ipaddress.ip_interface(f"{network['ip_address']}/{network['netmask']}")
    except (KeyError, ValueError) as error:
        raise BootFailure(f"{name} has no valid address with netmask: {error}") from None
    for route in network.get("routes") or []:
        try:
            gateway = ipaddress.ip_address(route.get("gateway") or "")
        except ValueError:
            raise BootFailure(
                f"{name} has a route with gateway {route.get('gateway')!r}, which is no address"
            ) from None
        if gateway not in interface.network:
            raise BootFailure(f"{name} has gateway {gateway}, which can't be reached from {interface}")
    return str(interface.ip)
