"""Single values of a kubeconfig, each checked before it is used.

What the standard library says of a wrong one is a traceback, in the worst case with a token in it; so nothing of a credential
is ever quoted here.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

_ODD = re.compile(r"[^!-~]")


def server_url(value: Any) -> str:
    """The base URL of an API server, without a slash at its end.

    Raises:
        ValueError: it can't be one.
    """
    _parts(value, "server", ("https", "http"))
    return str(value).rstrip("/")


def proxy_url(value: Any) -> str | None:
    """The URL of an HTTP proxy; None where none is set. A bare host and port is one, too.

    Raises:
        ValueError: it can't be one, or is of a kind that only other clients know.
    """
    if not value:
        return None
    text = f"http://{value}" if isinstance(value, str) and "://" not in value else value
    _parts(text, "proxy", ("http",))
    return str(text)


def without_credentials(url: str) -> str:
    """A URL as it may be shown.

    >>> without_credentials("http://ann:secret@proxy.example:3128")
    'http://proxy.example:3128'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def header(value: Any, what: str) -> str:
    """Text that is sent in a request's header.

    Raises:
        ValueError: a line end or another character in it can't be sent.
    """
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"{what} holds a line end or another character that no request header can carry")
    return text


def text(value: Any, what: str) -> str | None:
    """Text, or None where there is none.

    Raises:
        ValueError: it is something else.
    """
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{what} is not text")
    return value or None


def _parts(value: Any, what: str, schemes: tuple[str, ...]) -> SplitResult:
    kinds = " or ".join(schemes)
    if not isinstance(value, str):
        raise ValueError(f"{what} is not text; expected an {kinds} URL")
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        # Its message quotes no more than host and port.
        raise ValueError(f"{what} is not a URL ({error}); expected an {kinds} URL") from None
    if what == "server" and "@" in parts.netloc:
        raise ValueError(f"{what} holds a user or password, which would be shown with it; those belong into `users`")
    shown = without_credentials(value)
    if parts.scheme not in schemes or not host:
        raise ValueError(f"{what} {shown!r} is not an {kinds} URL")
    if _ODD.search(parts._replace(netloc="").geturl()) or re.search(r"\s", value) or parts.query or parts.fragment:
        raise ValueError(f"{what} {shown!r} holds more than host, port and path")
    return parts
