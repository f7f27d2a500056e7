"""URLs of servers and proxies, each checked before it is used, and none shown with a password in it."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""Default port by scheme."""

_ODD = re.compile(r"[^!-~]")


def server_url(value: Any) -> str:
    """The base URL of an API server, without a slash at its end.

    Raises:
        ValueError: it can't be one.
    """
    parts = _parts(value, "server", ("https", "http"))
    # client-go drops these, too.
    return parts._replace(query="", fragment="").geturl().rstrip("/")


def proxy_url(value: str, *, bare: bool = False) -> str:
    """The URL of a proxy.

    Args:
        value: the text.
        bare: whether a host and port alone is one of HTTP, as in the environment's variables.

    Raises:
        ValueError: it can't be one, or is of a kind that other clients don't know either.
    """
    text = f"http://{value}" if bare and isinstance(value, str) and "://" not in value else value
    _parts(text, "proxy", ("http", "https", "socks5", *(("socks5h",) if bare else ())))
    return text


def without_credentials(url: str) -> str:
    """A URL as it may be shown.

    >>> without_credentials("http://ann:secret@proxy.example:3128")
    'http://proxy.example:3128'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def address_of(parts: SplitResult) -> tuple[str, int]:
    """Host, without brackets, and port of a URL."""
    return str(parts.hostname), parts.port or PORTS[parts.scheme]


def login_of(parts: SplitResult) -> tuple[str, str] | None:
    """User and password of a URL; None where it holds none."""
    return None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))


def basic(user: str, password: str) -> str:
    """The value of a header for basic authentication."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _parts(value: Any, name: str, schemes: tuple[str, ...]) -> SplitResult:
    kinds = " or ".join(", ".join(schemes).rsplit(", ", 1))
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text; expected an {kinds} URL")
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        # Its message quotes no more than host and port.
        raise ValueError(f"{name} is not a URL ({error}); expected an {kinds} URL") from None
    if name == "server" and "@" in parts.netloc:
        raise ValueError(f"{name} holds a user or password, which would be shown with it; those belong into `users`")
    clean = without_credentials(value)
    if parts.scheme not in schemes or not host:
        raise ValueError(f"{name} {clean!r} is not an {kinds} URL")
    if _ODD.search(parts._replace(netloc="").geturl()) or re.search(r"\s", value):
        raise ValueError(f"{name} {clean!r} holds more than host, port and path")
    return parts
