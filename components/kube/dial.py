"""Hosts and ports: how they are written and compared, and a connection to one in bounded time."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from typing import Any


def join(host: str, port: int) -> str:
    """Host and port in one text.

    >>> join("10.0.0.1", 6443), join("2001:db8::1", 6443)
    ('10.0.0.1:6443', '[2001:db8::1]:6443')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bare(host: str) -> str:
    """A host without the brackets around an IPv6 address."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def canonical(host: str) -> str:
    """One spelling for all that mean the same host.

    >>> canonical("2001:DB8:0::1"), canonical("API.example.com.")
    ('2001:db8::1', 'api.example.com')
    """
    plain = host.lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(plain))
    except ValueError:
        return plain


def remaining_seconds(until: float) -> float:
    """Seconds until a moment, for a socket: 0 would make it non-blocking."""
    return max(until - time.monotonic(), 0.001)


def dial(host: str, port: int, until: float) -> socket.socket:
    """Connect to the first address of a host that accepts; each gets its share of the time.

    Raises:
        OSError: the failure of the last address, or of the name's resolution.
        ValueError: the text can't be a name.
    """
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "it has no address")
    addresses = resolve(host, port, until)
    for remaining, (family, kind, protocol, _name, address) in zip(
        range(len(addresses), 0, -1), addresses, strict=True
    ):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(remaining_seconds(until) / remaining)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def resolve(host: str, port: int, until: float) -> list[Any]:
    """The socket addresses of a host. The system's resolver has no time-out, so a thread looks a name up.

    Raises:
        OSError: the name can't be resolved, or not in time.
        ValueError: the text can't be a name.
    """
    if is_address(host):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    results: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            results.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, ValueError) as error:
            results.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        result = results.get(timeout=remaining_seconds(until))
    except queue.Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "the name servers do not answer") from None
    if isinstance(result, Exception):
        raise result
    return result


def is_address(host: str) -> bool:
    """Whether a host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
