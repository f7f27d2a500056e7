"""Whether a control plane answers: one attempt, in stages, with the exact cause where it does not."""

from __future__ import annotations

import contextlib
import http.client
import io
import random
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Literal

from ..kube.dial import dial, is_address, join, remaining_seconds
from ..kube.tls import as_go_verifies

Stage = Literal["dial", "tls", "ready"]

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.25
"""Seconds between attempts. The longest is short: a machine's order waits for the first answer."""

CLOSED_PAUSE = 0.05
"""Seconds between attempts while nothing listens at an address: a refusal is cheap, without handshake or name look-up."""

ATTEMPT_SECONDS = 3.0

REFUSED_SECONDS = 3.0
"""Seconds for which 401 or 403 must last to count as an answer: an API server without anonymous access always answers so,
but one that starts does it too, until it has read its own roles."""


ANSWER_BYTES = 1 << 14

# OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _HAS_EXPIRED, _HOSTNAME_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64
_NO_CHECK_TIME = 0x200000


@dataclass(frozen=True)
class Answer:
    """The result of one attempt.

    Attributes:
        stage: the stage that it reached; ``ready`` where HTTP was spoken.
        ok: the control plane answers.
        text: in words.
        is_refusal: it serves requests, but does not show its health without credentials.
        is_closed: nothing listens yet at an IP address, so that no name was looked up.
    """

    stage: Stage
    ok: bool
    text: str
    is_refusal: bool = False
    is_closed: bool = False


@dataclass(frozen=True)
class Target:
    """The address of a request.

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


def attempt(target: Target, seconds: float = ATTEMPT_SECONDS) -> Answer:
    """Ask once, for at most about ``seconds`` in all."""
    until = time.monotonic() + seconds
    try:
        raw = dial(target.host, target.port, until)
    except (OSError, ValueError, OverflowError) as error:
        is_closed = isinstance(error, ConnectionRefusedError) and is_address(target.host)
        return Answer("dial", False, dial_failure(error, seconds), is_closed=is_closed)
    with contextlib.closing(raw):
        raw.settimeout(remaining_seconds(until))
        try:
            connection = context(target.ca_pem).wrap_socket(raw, server_hostname=target.host)
        except ssl.SSLCertVerificationError as error:
            return Answer("tls", False, f"{tls_failure(error, seconds)}{certificate_text(target, error)}")
        except (OSError, ValueError) as error:
            return Answer("tls", False, tls_failure(error, seconds))
        with contextlib.closing(connection):
            return ask(connection, target, until, seconds)


def ask(connection: ssl.SSLSocket, target: Target, until: float, seconds: float) -> Answer:
    """Send the request and judge the answer."""
    request = f"GET {target.path} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: kamaji-equinix\r\nConnection: close\r\n\r\n"
    try:
        connection.settimeout(remaining_seconds(until))
        connection.sendall(request.encode())
        code, location, body = read_answer(connection, until)
    except TimeoutError:
        return Answer(
            "ready", False, f"accepted the request for {target.path}, but did not answer it within {seconds:.0f} s"
        )
    except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):
        return Answer("ready", False, f"closed the connection without an answer to {target.path}")
    except (ValueError, http.client.HTTPException):
        return Answer("ready", False, f"answers {target.path} with something else than HTTP")
    except OSError as error:
        return Answer("ready", False, f"broke off the answer to {target.path} ({error.strerror or error})")
    if code == http.client.OK:
        return Answer("ready", True, f"{target.path} answers 200")
    if code in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        return Answer(
            "ready",
            False,
            f"{target.path} answers {code}: it serves, but tells its health only to those who log in",
            is_refusal=True,
        )
    more = f" (redirects to {location[:120]})" if location else f" ({body.splitlines()[0][:120]})" if body else ""
    return Answer("ready", False, f"{target.path} answers {code}{more}")


def read_answer(connection: ssl.SSLSocket, until: float) -> tuple[int, str, str]:
    """Status, redirection and the beginning of the body.

    Raises:
        TimeoutError: not in time; a socket's time-out bounds each read, not their sum.
        OSError: the connection broke.
        http.client.HTTPException: it is not HTTP.
    """
    data = b""
    while len(data) < ANSWER_BYTES:
        connection.settimeout(remaining_seconds(until))
        if time.monotonic() > until:
            raise TimeoutError
        try:
            chunk = connection.recv(ANSWER_BYTES)
        except TimeoutError:
            if b"\r\n\r\n" not in data:
                raise
            break
        data += chunk
        # Of a good answer the status is enough; only a bad one has a reason to read.
        if not chunk or (b"\r\n\r\n" in data and data.split(maxsplit=2)[1:2] == [b"200"]):
            break
    if not data:
        raise http.client.RemoteDisconnected("nothing received")
    head, _, body = data.partition(b"\r\n\r\n")
    response = http.client.HTTPResponse(_ReceivedBytes(head + b"\r\n\r\n"))  # type: ignore[arg-type]
    response.begin()
    return response.status, response.headers.get("Location") or "", body[:200].decode(errors="replace").strip()


class _ReceivedBytes:
    """Stands in for a socket in ``HTTPResponse``."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        """The content as a file."""
        return io.BytesIO(self.content)


def certificate_text(target: Target, error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate of the right authority was refused, in words; empty where that is not known."""
    if error.verify_code not in (_HAS_EXPIRED, _NOT_YET_VALID, _HOSTNAME_MISMATCH, _ADDRESS_MISMATCH):
        return "; the tenant's authority did not sign it"
    tolerant = context(target.ca_pem)
    tolerant.check_hostname = False
    tolerant.verify_flags = ssl.VerifyFlags(tolerant.verify_flags | _NO_CHECK_TIME)
    try:
        with (
            contextlib.closing(dial(target.host, target.port, time.monotonic() + 1)) as raw,
            tolerant.wrap_socket(raw, server_hostname=target.host) as connection,
        ):
            certificate = connection.getpeercert() or {}
    except (OSError, ValueError):
        return ""
    if error.verify_code == _HAS_EXPIRED:
        return f" (not valid after {certificate.get('notAfter')})"
    if error.verify_code == _NOT_YET_VALID:
        return f" (not valid before {certificate.get('notBefore')}; are the clocks right?)"
    names = ", ".join(str(pair[1]) for pair in certificate.get("subjectAltName", ()))
    return f" (it is for {names or 'no name at all'})"


def context(ca_pem: str | None) -> ssl.SSLContext:
    """TLS settings that trust one authority, or anyone."""
    if ca_pem is None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
        return tls
    tls = ssl.create_default_context(cadata=ca_pem)
    as_go_verifies(tls)
    return tls


def dial_failure(error: Exception, seconds: float) -> str:
    """Why there is no connection."""
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:.0f} s: packets are dropped on the way, or nothing has the address"
    if isinstance(error, ConnectionRefusedError):
        return "refuses connections: nothing listens there yet"
    if isinstance(error, socket.gaierror):
        return f"the name can't be resolved ({error.strerror})"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"not a host and port that can be dialled ({error})"


def tls_failure(error: Exception, seconds: float) -> str:
    """Why the handshake failed."""
    if isinstance(error, TimeoutError):
        return f"accepts connections, but is silent for {seconds:.0f} s: no TLS there, or an overloaded load balancer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        if any(sign in str(error) for sign in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")):
            return "speaks something else than TLS, such as plain HTTP"
        return f"no TLS handshake ({error.reason or error})"
    if isinstance(error, OSError):
        return f"closed the connection during the TLS handshake ({error.strerror or error})"
    return f"no TLS handshake ({error})"


def pause(attempts: int, answer: Answer) -> float:
    """Seconds to wait before the next attempt: short at first, longer up to a bound, each a little different.

    Args:
        attempts: how many there were before this one.
        answer: what it found.
    """
    longest = CLOSED_PAUSE if answer.is_closed else LONGEST_PAUSE
    return min(FIRST_PAUSE * 1.5 ** min(attempts, 20), longest) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
