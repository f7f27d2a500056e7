"""Whether a control plane answers: one attempt, in stages, with the exact cause where it does not."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import random
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Stage = Literal["dial", "tls", "ready"]

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.25
"""Seconds between attempts. The longest is short: a machine's order waits for the first answer, and a refused
connection costs next to nothing."""

ATTEMPT_SECONDS = 3.0

REFUSED_SECONDS = 3.0
"""For so long 401 or 403 must last to count as an answer: an API server without anonymous access gives no other, but one
that starts gives it too, until it has read its own roles."""


@dataclass(frozen=True)
class Answer:
    """What one attempt found.

    Attributes:
        stage: how far it got; ``ready`` where HTTP was spoken.
        ok: the control plane answers.
        seen: in words.
        refused: it serves, but does not tell strangers its health.
    """

    stage: Stage
    ok: bool
    seen: str
    refused: bool = False


@dataclass(frozen=True)
class Target:
    """What is asked.

    Attributes:
        host: name or address, IPv6 without brackets.
        port: 1 to 65535.
        ca_pem: authority that the certificate is verified against; None accepts any certificate.
        path: must answer 200.
    """

    host: str
    port: int
    ca_pem: str | None
    path: str = "/readyz"

    def __str__(self) -> str:
        return join(self.host, self.port)


def join(host: str, port: int) -> str:
    """Host and port in one text.

    >>> join("10.0.0.1", 6443), join("2001:db8::1", 6443)
    ('10.0.0.1:6443', '[2001:db8::1]:6443')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bare(host: str) -> str:
    """A host without the brackets that some write around IPv6."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def attempt(target: Target, seconds: float = ATTEMPT_SECONDS) -> Answer:
    """Ask once, for at most about ``seconds`` a stage."""
    try:
        raw = socket.create_connection((target.host, target.port), seconds)
    except OSError as error:
        return Answer("dial", False, dial_failure(error, seconds))
    with contextlib.closing(raw):
        raw.settimeout(seconds)
        try:
            secured = context(target.ca_pem).wrap_socket(raw, server_hostname=target.host)
        except (OSError, ValueError) as error:
            return Answer("tls", False, tls_failure(error, seconds))
        with contextlib.closing(secured):
            return ask(secured, target, seconds)


def ask(connection: ssl.SSLSocket, target: Target, seconds: float) -> Answer:
    """Send the request and judge the answer."""
    request = f"GET {target.path} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: kamaji-equinix\r\nConnection: close\r\n\r\n"
    try:
        connection.sendall(request.encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        body = response.read(200).decode(errors="replace").strip()
    except TimeoutError:
        return Answer(
            "ready", False, f"accepted the request for {target.path}, but did not answer it within {seconds:.0f} s"
        )
    except (OSError, http.client.HTTPException) as error:
        return Answer("ready", False, f"broke off the answer to {target.path} ({error})")
    code = response.status
    if code == http.client.OK:
        return Answer("ready", True, f"{target.path} answers 200")
    if code in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        return Answer(
            "ready", False, f"{target.path} answers {code}: it serves, but tells strangers no more", refused=True
        )
    location = response.headers.get("Location")
    more = f" (redirects to {location})" if location else f" ({body.splitlines()[0][:120]})" if body else ""
    return Answer("ready", False, f"{target.path} answers {code}{more}")


def context(ca_pem: str | None) -> ssl.SSLContext:
    """TLS settings that trust one authority, or anyone."""
    if ca_pem is None:
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        found.check_hostname = False
        found.verify_mode = ssl.CERT_NONE
        return found
    found = ssl.create_default_context(cadata=ca_pem)
    # Python 3.13 demands key usage extensions of authorities that kubeadm's lack.
    found.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return found


def dial_failure(error: OSError, seconds: float) -> str:
    """Why no connection came about."""
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:.0f} s: packets are dropped on the way, or nothing has the address"
    if isinstance(error, ConnectionRefusedError):
        return "refuses connections: nothing listens there yet"
    if isinstance(error, socket.gaierror):
        return f"the name can't be resolved ({error.strerror})"
    return error.strerror or str(error)


def tls_failure(error: Exception, seconds: float) -> str:
    """Why the handshake failed."""
    if isinstance(error, TimeoutError):
        return f"accepts connections, but is silent for {seconds:.0f} s: no TLS there, or an overloaded load balancer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        if "WRONG_VERSION_NUMBER" in str(error) or "HTTP_REQUEST" in str(error):
            return "speaks something else than TLS, such as plain HTTP"
        return f"no TLS handshake ({error.reason or error})"
    if isinstance(error, OSError):
        return f"closed the connection during the TLS handshake ({error.strerror or error})"
    return f"no TLS handshake ({error})"


def pauses() -> Iterator[float]:
    """Seconds to wait between attempts: short at first, longer up to a bound, each a little different."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        pause = min(pause * 1.5, LONGEST_PAUSE)


def is_address(host: str) -> bool:
    """Whether a host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
