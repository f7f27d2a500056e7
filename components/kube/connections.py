"""Connections to a Kubernetes API: the way there, TLS, and one request over them.

Each thread has its own connection, which stays open between requests.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .access import Access, AccessError, Secrets
from .failures import ApiError, explain
from .proxy import environment_proxy
from .tls import tls_context
from .transport import Route
from .urls import address_of, proxy_url, without_credentials


@dataclass(frozen=True)
class Request:
    """A request, without its credentials."""

    method: str
    path: str
    accept: str = "application/json"
    body: bytes | None = None
    content_type: str = "application/json"
    stream: bool = False


class Connections:
    """The connections to one API."""

    def __init__(self, access: Access, connect_seconds: float, read_seconds: float) -> None:
        """Prepare, without a connection. A credential plugin is run.

        Args:
            access: where the API is, and who asks.
            connect_seconds: bound of a TCP and TLS handshake.
            read_seconds: bound of the wait for an answer.

        Raises:
            AccessError: the certificates, the proxy or the credentials can't be used.
        """
        self.access = access
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._local = threading.local()
        self._url = urlsplit(access.server)
        self._tls_lock = threading.Lock()
        self._tls: tuple[tuple[str | None, str | None], ssl.SSLContext] | None = None
        self._route(self._url, access.login.secrets())

    def exchange(self, url: SplitResult, request: Request, secrets: Secrets) -> tuple[http.client.HTTPResponse, bytes]:
        """The answer to a request, read to its end.

        Raises:
            ApiError: there is none.
            AccessError: the certificates or the proxy can't be used.
        """
        try:
            route = self._route(url, secrets)
            # An open connection serves only the same server and client certificate.
            purpose = (url.scheme, url.netloc, secrets.certificate)
            connection = getattr(self._local, "connection", None)
            if connection is not None and self._local.purpose == purpose:
                try:
                    return self._once(connection, route, request, secrets)
                except TimeoutError:
                    raise
                except (OSError, http.client.HTTPException):
                    # The server may have closed it since; so try a new one.
                    pass
            self.close()
            self._local.connection, self._local.purpose = route.open(), purpose
            return self._once(self._local.connection, route, request, secrets)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self.close()
            raise self.explain(error) from error

    def open(
        self, url: SplitResult, request: Request, secrets: Secrets, seconds: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """A new connection for an answer that goes on, and the answer's beginning.

        Args:
            url: of the request.
            request: the request.
            secrets: the credentials.
            seconds: bound of the wait for each part of the answer.

        Raises:
            OSError: there is no connection.
            AccessError: the certificates or the proxy can't be used.
        """
        route = self._route(url, secrets)
        connection = route.open()
        try:
            connection.sock.settimeout(seconds)
            return connection, self._send(connection, route, request, secrets)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the connection of the calling thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def explain(self, error: Exception) -> ApiError:
        """The error for a failure of the network."""
        server = self.access.server
        if proxy := self._proxy(self._url):
            server += f" through the proxy {without_credentials(proxy.geturl())}"
        return explain(error, server)

    def _headers(self, url: SplitResult, request: Request, secrets: Secrets) -> list[tuple[str, str]]:
        headers = [
            ("Host", url.netloc.rpartition("@")[2]),
            ("Accept", request.accept),
            ("User-Agent", "kamaji-equinix"),
            *self.access.headers,
        ]
        if secrets.token:
            headers.append(("Authorization", f"Bearer {secrets.token}"))
        if self.access.compression and not request.stream:
            headers.append(("Accept-Encoding", "gzip"))
        if request.body is not None:
            headers += [("Content-Type", request.content_type), ("Content-Length", str(len(request.body)))]
        return headers

    def _send(
        self, connection: http.client.HTTPConnection, route: Route, request: Request, secrets: Secrets
    ) -> http.client.HTTPResponse:
        url = route.server
        target = f"{url.path}?{url.query}" if url.query else url.path or "/"
        headers = self._headers(url, request, secrets)
        if route.absolute:
            target, headers = f"{url.scheme}://{url.netloc}{target}", headers + route.proxy_headers()
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            # As Go sends them: in UTF-8.
            connection.putheader(name, value.encode())
        connection.endheaders(request.body)
        return connection.getresponse()

    def _once(
        self, connection: http.client.HTTPConnection, route: Route, request: Request, secrets: Secrets
    ) -> tuple[http.client.HTTPResponse, bytes]:
        deadline = time.monotonic() + self._read_seconds
        connection.sock.settimeout(self._read_seconds)
        answer = self._send(connection, route, request, secrets)
        chunks = []
        # A socket's time-out bounds each read, not their sum: a slow server could hold the caller for ever.
        while chunk := answer.read1(1 << 16):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError("the answer did not end")
        content = b"".join(chunks)
        content_length = answer.headers.get("Content-Length") or ""
        if content_length.isdecimal() and len(content) < int(content_length):
            # read1 takes a broken connection for the end of the answer.
            raise http.client.IncompleteRead(content, int(content_length) - len(content))
        if answer.will_close:
            self.close()
        # An answer that was read to its end is still open, and http.client would refuse the connection's next answer.
        answer.close()
        return answer, content

    def _route(self, url: SplitResult, secrets: Secrets) -> Route:
        """The way to a URL.

        Raises:
            AccessError: the certificates or the proxy can't be used.
        """
        return Route(
            url,
            self._proxy(url),
            self._context(secrets) if url.scheme == "https" else None,
            self.access.server_name,
            self._connect_seconds,
        )

    def _context(self, secrets: Secrets) -> ssl.SSLContext:
        pair = (secrets.certificate, secrets.key)
        with self._tls_lock:
            if self._tls is None or self._tls[0] != pair:
                self._tls = (pair, tls_context(self.access, secrets))
            return self._tls[1]

    def _proxy(self, url: SplitResult) -> SplitResult | None:
        """The proxy on the way to a URL: the kubeconfig's, else the environment's."""
        if self.access.proxy:
            return urlsplit(self.access.proxy)
        setting = environment_proxy(url.scheme, *address_of(url))
        if not setting:
            return None
        try:
            return urlsplit(proxy_url(setting[1], bare=True))
        except ValueError as error:
            raise AccessError(f"environment variable {setting[0]}: {error}") from None
