"""Talking to a Kubernetes API with the standard library alone: JSON requests, patches and watches, with typed errors.

A full client's start-up time (0.24 s for lightkube) would be the larger part of a run that changes nothing, in which the
program, the hand-off's plugin and the status tree each ask a few things.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from .kubeconfig import Access, AccessError
from .kubeconfig_values import proxy_url, without_credentials
from .plain_text import one_line
from .tls import Https, environment_proxy, tls_context

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0

_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 406: "NotAcceptable"}


class ApiError(Exception):
    """A request that got no usable answer.

    Attributes:
        reason: ``Unauthorized``, ``Forbidden``, ``NotFound`` and so on as the API server calls it; ``Unreachable``
            where no connection came about or it broke; ``Untrusted`` where TLS failed; ``NotKubernetes`` where
            something else answers.
        message: what happened, without credentials.
        code: HTTP status; 0 where no answer came.
        retry_after: seconds that the server asks to wait, 0 where it asks for none.
    """

    def __init__(self, reason: str, message: str, code: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.code = code
        self.retry_after = retry_after


class Api:
    """A Kubernetes API. Threads may share it: each has a connection of its own, kept open between requests."""

    def __init__(self, access: Access, *, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS):
        """Prepare to ask; nothing is connected yet.

        Args:
            access: where it is.
            connect_seconds: bound of a TCP and TLS handshake.
            read_seconds: bound of the wait for an answer.

        Raises:
            AccessError: the certificates or the proxy can't be used.
        """
        self.access = access
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._local = threading.local()
        self._url = urlsplit(access.server)
        self._proxy = self._proxy_of(access)
        self._tls = tls_context(access) if self._url.scheme == "https" else None

    def get(self, path: str, *, accept: str = "application/json") -> dict[str, Any]:
        """What the API answers to a GET.

        Args:
            path: from the root, query included.
            accept: media types, for other representations than plain JSON.

        Raises:
            ApiError: no usable answer.
        """
        return self._ask("GET", path, None, accept)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the API answers to a POST of JSON, such as a review.

        Raises:
            ApiError: no usable answer.
        """
        return self._ask("POST", path, json.dumps(body).encode(), "application/json")

    def patch(self, path: str, body: Mapping[str, Any], content_type: str) -> dict[str, Any]:
        """What the API answers to a PATCH.

        A patch may be sent twice where the connection broke: callers send only patches that can be repeated.

        Raises:
            ApiError: no usable answer.
        """
        return self._ask("PATCH", path, json.dumps(body).encode(), "application/json", content_type)

    def watch(self, path: str, seconds: float) -> Iterator[dict[str, Any]]:
        """The events of a watch, until the server ends it or nothing has come for ``seconds``.

        Args:
            path: of a collection, with ``watch=1`` and ``timeoutSeconds`` in its query.
            seconds: bound of the wait for each event.

        Raises:
            ApiError: the watch was refused or broke.
        """
        connection = None
        try:
            connection = self._open()
            connection.sock.settimeout(seconds)
            connection.request("GET", self._url.path + path, headers=self._headers("application/json"))
            answer = connection.getresponse()
            if answer.status >= 300:
                raise self._refused(answer, answer.read())
            while line := answer.readline():
                yield json.loads(line)
        except TimeoutError:
            return
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._explained(error) from error
        finally:
            if connection is not None:
                connection.close()

    def close(self) -> None:
        """Close the connection of the calling thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept, "User-Agent": "kamaji-equinix", **self.access.headers}
        if self.access.token:
            headers["Authorization"] = f"Bearer {self.access.token}"
        return headers

    def _ask(
        self, method: str, path: str, body: bytes | None, accept: str, content_type: str = "application/json"
    ) -> dict[str, Any]:
        headers = {**self._headers(accept), "Accept-Encoding": "gzip"}
        if body is not None:
            headers["Content-Type"] = content_type
        answer, content = self._exchange(method, self._url.path + path, body, headers)
        try:
            if answer.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            decoded = json.loads(content)
        except (OSError, ValueError):
            decoded = None
        if answer.status >= 300:
            raise self._refused(answer, content)
        if not isinstance(decoded, dict):
            raise ApiError("NotKubernetes", f"{self.access.server} answers, but not with JSON objects")
        return decoded

    def _refused(self, answer: http.client.HTTPResponse, content: bytes) -> ApiError:
        try:
            decoded = json.loads(content)
        except ValueError:
            decoded = None
        said = decoded if isinstance(decoded, dict) and decoded.get("kind") == "Status" else {}
        reason = str(said.get("reason") or _REASONS.get(answer.status) or f"Status{answer.status}")
        text = one_line(content.decode(errors="replace")) if decoded is None else ""
        wait = answer.headers.get("Retry-After") or ""
        return ApiError(
            reason,
            str(said.get("message") or text[:200] or f"HTTP {answer.status}"),
            answer.status,
            float(wait) if wait.isdecimal() else 0.0,
        )

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        kept = getattr(self._local, "connection", None)
        try:
            return self._once(kept or self._connect(), method, path, body, headers)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self.close()
            # A connection kept open may have been closed by the server since; anything else is its answer.
            if kept is None or isinstance(error, TimeoutError):
                raise self._explained(error) from error
        try:
            return self._once(self._connect(), method, path, body, headers)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self.close()
            raise self._explained(error) from error

    def _once(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[http.client.HTTPResponse, bytes]:
        deadline = time.monotonic() + self._read_seconds
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        chunks = []
        # A socket's time-out bounds each read, not their sum: a server that trickles would hold the caller for ever.
        while chunk := answer.read1(1 << 16):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError("the answer did not end")
        content = b"".join(chunks)
        wanted = answer.headers.get("Content-Length") or ""
        if wanted.isdecimal() and len(content) < int(wanted):
            # read1 takes a connection that is cut for the end of the answer.
            raise http.client.IncompleteRead(content, int(wanted) - len(content))
        if answer.will_close:
            self.close()
        return answer, content

    def _connect(self) -> http.client.HTTPConnection:
        self._local.connection = connection = self._open()
        return connection

    def _proxy_of(self, access: Access) -> SplitResult | None:
        """The proxy on the way: the kubeconfig's, else the environment's."""
        proxy = access.proxy
        if not proxy:
            wanted = environment_proxy(self._url.scheme, str(self._url.hostname), self._url.port or 443)
            try:
                proxy = proxy_url(wanted)
            except ValueError as error:
                raise AccessError(f"environment variable {self._url.scheme.upper()}_PROXY: {error}") from None
        return urlsplit(proxy) if proxy else None

    def _open(self) -> http.client.HTTPConnection:
        host, https = str(self._url.hostname), self._tls is not None
        port = self._url.port or (443 if https else 80)
        connection: http.client.HTTPConnection
        if self._tls is not None:
            connection = Https(host, port, self._tls, self.access.server_name or host, self._connect_seconds)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._connect_seconds)
        if self._proxy:
            connection.host, connection.port = str(self._proxy.hostname), self._proxy.port or 80
            connection.set_tunnel(host, port, proxy_headers(self._proxy))
        connection.connect()
        connection.sock.settimeout(self._read_seconds)
        return connection

    def _explained(self, error: Exception) -> ApiError:
        server = self.access.server
        if self._proxy:
            server += f" through the proxy {without_credentials(self._proxy.geturl())}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return ApiError("Untrusted", f"{server}: its certificate is not accepted: {error.verify_message}")
        if isinstance(error, http.client.RemoteDisconnected | ssl.SSLEOFError | ssl.SSLZeroReturnError):
            # As of a server that stops or starts, or a proxy that lost it.
            return ApiError("Unreachable", f"{server} closed the connection without an answer")
        if isinstance(error, ssl.SSLError):
            return ApiError("Untrusted", f"{server}: no TLS connection: {error.reason or error}")
        if isinstance(error, TimeoutError):
            return ApiError("Unreachable", f"{server} did not answer in time ({error})")
        if isinstance(error, ConnectionRefusedError):
            return ApiError("Unreachable", f"{server} refuses connections: nothing listens there")
        if isinstance(error, http.client.BadStatusLine):
            return ApiError("NotKubernetes", f"{server} does not speak HTTP")
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        return ApiError("Unreachable", f"{server}: {what}")


def proxy_headers(proxy: SplitResult) -> dict[str, str]:
    """How to log in to a proxy whose URL holds a user and a password."""
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def patiently(ask: Callable[[], dict[str, Any]], seconds: float = READ_SECONDS) -> dict[str, Any]:
    """An answer, asked for again where the server wants a moment first.

    An API server answers the first request for a custom resource with 429 while it fills its cache; client-go waits, too.

    Args:
        ask: a request that may be repeated.
        seconds: how long to be patient, in all.

    Raises:
        ApiError: no usable answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except ApiError as error:
            if error.code != 429 or not error.retry_after or time.monotonic() + error.retry_after > deadline:
                raise
            time.sleep(error.retry_after)
