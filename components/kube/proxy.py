"""The proxy for a host: HTTPS_PROXY, HTTP_PROXY and NO_PROXY as Go's ``httpproxy`` reads them."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def environment_proxy(
    scheme: str, host: str, port: int, environment: Mapping[str, str] = os.environ
) -> tuple[str, str] | None:
    """The proxy that the environment asks for.

    Args:
        scheme: of the server's URL.
        host: of the server, an IPv6 address without brackets.
        port: of the server.
        environment: its variables; names in capitals come first.

    Returns:
        The variable that names it and its value; None where there is none.
    """
    name = f"{scheme.upper()}_PROXY"
    names = [variable for variable in (name, name.lower()) if environment.get(variable)]
    if not names or bypasses(host, port, environment.get("NO_PROXY") or environment.get("no_proxy") or ""):
        return None
    return names[0], environment[names[0]]


def bypasses(host: str, port: int, rules: str) -> bool:
    """Whether a host is dialled directly by the rules of NO_PROXY. Loopback always is.

    >>> bypasses("10.1.2.3", 6443, "10.0.0.0/8"), bypasses("api.corp.example", 443, ".corp.example")
    (True, True)
    >>> bypasses("corp.example", 443, ".corp.example"), bypasses("corp.example", 443, "corp.example:6443")
    (False, False)
    """
    host = host.lower()
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    parts = [part for part in (rule.strip().lower() for rule in rules.split(",")) if part]
    return "*" in parts or any(_matches(part, host, address, str(port)) for part in parts)


def _matches(rule: str, host: str, address: Address | None, port: str) -> bool:
    name, slash, bits = rule.partition("/")
    # client-go takes leading zeros in a range, which Go does not (utilnet.NewProxierWithNoProxyCIDR).
    name = re.sub(r"\b0+(?=\d)", "", name) if slash and ":" not in name else name
    if slash and bits.isdecimal() and _address(name):
        try:
            network = ipaddress.ip_network(f"{name}/{int(bits)}", strict=False)
        except ValueError:
            return False
        if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped and int(bits) >= 96:
            network = ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{int(bits) - 96}", strict=False)
        return address is not None and address.version == network.version and address in network
    name, rule_port = _split(rule)
    if not name:
        return False
    if rule_address := _address(name):
        return address == rule_address and rule_port in ("", port)
    if address is not None:
        return False
    suffix = name[1:] if name.startswith("*.") else name
    whole = not suffix.startswith(".")
    suffix = suffix if suffix.startswith(".") else f".{suffix}"
    return (host.endswith(suffix) or (whole and host == suffix[1:])) and rule_port in ("", port)


def _split(rule: str) -> tuple[str, str]:
    """Host and port of a rule, as Go's net.SplitHostPort; all of it is the host where it has no port."""
    if rule.startswith("["):
        name, bracket, suffix = rule[1:].partition("]")
        return (name, suffix[1:]) if bracket and suffix.startswith(":") else (rule, "")
    return (rule.partition(":")[0], rule.partition(":")[2]) if rule.count(":") == 1 else (rule, "")


def _address(host: str) -> Address | None:
    """An IP address; an IPv4 address in the form of IPv6 becomes one of IPv4, as in Go."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    ipv4 = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return ipv4 or address
