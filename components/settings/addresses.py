"""Types of addresses, ranges and host names: each is a plain function that returns the value or says the rule."""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NOTATION = re.compile(r"[0-9a-fA-F.:]+/[0-9]{1,3}")

SPECIAL: tuple[tuple[str, tuple[Network, ...]], ...] = tuple(
    (meaning, tuple(map(ipaddress.ip_network, ranges)))
    for meaning, ranges in (
        ("unspecified", ("0.0.0.0/8", "::/128")),
        ("loopback", ("127.0.0.0/8", "::1/128")),
        ("link-local", ("169.254.0.0/16", "fe80::/10")),
        ("multicast", ("224.0.0.0/4", "ff00::/8")),
        ("broadcast", ("255.255.255.255/32",)),
        ("IPv4-mapped", ("::ffff:0:0/96",)),
    )
)
"""Addresses that nobody can be reached at from another machine."""


def special(network: Network) -> str:
    """The special addresses in a range, in words; empty if there are none."""
    for meaning, ranges in SPECIAL:
        for block in ranges:
            if network.version == block.version and network.overlaps(block):
                return f"holds {meaning} addresses, {block}"
    return ""


def source_range(value: str) -> str:
    """A range of IP addresses in CIDR notation, as Go's ``net.ParseCIDR`` reads it: Kamaji and Kubernetes do."""
    if not _NOTATION.fullmatch(value):
        raise ValueError(
            "must be a range of IP addresses in CIDR notation, an address and a prefix length with / between"
        )
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("must be a range of IP addresses in CIDR notation") from None
    if str(network.network_address) != str(ipaddress.ip_address(value.partition("/")[0])):
        raise ValueError(f"has bits set after its prefix; the range is {network}")
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise ValueError("holds IPv4-mapped addresses, which Kubernetes takes for IPv4; write them as IPv4")
    return value


def cidr(value: str) -> str:
    """A range of addresses for pods or Services."""
    source_range(value)
    if why := special(ipaddress.ip_network(value)):
        raise ValueError(f"{why}, which neither pods nor Services can have")
    return value


def ip_address(value: str) -> str:
    """An IP address that another machine can reach."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("must be an IP address") from None
    if "%" in value:
        raise ValueError("must be an IP address without a zone")
    if why := special(ipaddress.ip_network(value)):
        raise ValueError(f"can't be the address of a machine: {why.replace('holds', 'it is one of the', 1)}")
    return value


def is_address(value: str) -> bool:
    """Whether text is an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def is_name(value: str) -> bool:
    """Whether text is a DNS name as Kubernetes has them: RFC 1123, lower case; four numbers are an address, not a name."""
    labels = value.split(".")
    looks_like_address = len(labels) == 4 and all(label.isdecimal() for label in labels)
    return len(value) <= 253 and not looks_like_address and all(map(_LABEL.fullmatch, labels))


def host(value: str) -> str:
    """A name or address for a certificate. Kamaji's provider refuses one with a port (kamaji issue 679)."""
    if not (is_address(value) and "%" not in value) and not is_name(value.removeprefix("*.")):
        raise ValueError("must be a host name or an IP address, without a port")
    return value


def dns_domain(value: str) -> str:
    """The DNS domain of a cluster: Kamaji wants a dot in it (its CRD, clusterDomain), kubeadm a DNS name."""
    if not is_name(value) or "." not in value:
        raise ValueError("must be a DNS domain of at least two parts, in lower case")
    return value


def ingress_host(value: str) -> str:
    """The host of an Ingress, with an optional port.

    Kamaji splits it at the colon (internal/utilities/ingress.go); the name goes into the Ingress, whose validation takes no
    addresses, and into the certificate.
    """
    name, colon, port = value.partition(":")
    if colon and not (re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) <= 65535):
        raise ValueError("must be a host name, with an optional port between 1 and 65535 after a colon")
    if not is_name(name.removeprefix("*.")) or (name.startswith("*.") and "." not in name.removeprefix("*.")):
        raise ValueError("must be a host name, with an optional port; an Ingress takes no IP address")
    return value
