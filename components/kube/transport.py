"""Connections to an API server: directly, or through a proxy of HTTP, HTTPS or SOCKS5."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult

from .dial import join
from .urls import address_of, basic, login_of


@dataclass(frozen=True)
class Route:
    """The way to a server.

    Attributes:
        server: its URL.
        proxy: URL of the proxy on the way; None goes directly.
        tls: TLS settings; None for a server of plain HTTP.
        server_name: name in its certificate, where it differs from its host.
        connect_seconds: bound of each step of connecting.
    """

    server: SplitResult
    proxy: SplitResult | None = None
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    server_name: str | None = None
    connect_seconds: float = 5.0

    @property
    def absolute(self) -> bool:
        """Whether a request names the whole URL: an HTTP proxy takes those to a server of plain HTTP apart."""
        return self.tls is None and self.proxy is not None and self.proxy.scheme in ("http", "https")

    def open(self) -> http.client.HTTPConnection:
        """Connect, and shake hands.

        Raises:
            OSError: the connection or the handshake failed.
            http.client.HTTPException: the proxy does not speak HTTP.
            UnicodeError: the host can't be a name.
        """
        host, port = address_of(self.server)
        connection = http.client.HTTPConnection(host, port, timeout=self.connect_seconds)
        # It must never connect by itself, past the proxy and TLS.
        connection.auto_open = 0
        stream = socket.create_connection(address_of(self.proxy or self.server), self.connect_seconds)
        try:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.proxy:
                stream = self._through(self.proxy, stream, host, port)
            connection.sock = self._wrap_tls(stream, host) if self.tls else stream
        except BaseException:
            stream.close()
            raise
        return connection

    def proxy_headers(self) -> list[tuple[str, str]]:
        """The login for an HTTP proxy whose URL holds a user and a password."""
        login = login_of(self.proxy) if self.proxy else None
        return [("Proxy-Authorization", basic(*login))] if login else []

    def _through(self, proxy: SplitResult, stream: socket.socket, host: str, port: int) -> Any:
        if proxy.scheme.startswith("socks5"):
            socks5(stream, host, port, login_of(proxy))
            return stream
        if proxy.scheme == "https":
            # Go has one set of TLS settings for the proxy and the server behind it.
            context = self.tls or ssl.create_default_context()
            stream = context.wrap_socket(stream, server_hostname=self._name(str(proxy.hostname)))
        if not self.absolute:
            connect(stream, join(host, port), self.proxy_headers())
        return stream

    def _wrap_tls(self, stream: Any, host: str) -> Any:
        assert self.tls is not None  # noqa: S101 - for mypy; the caller has looked
        if isinstance(stream, ssl.SSLSocket):
            return TlsInTls(stream, self.tls, self._name(host))
        return self.tls.wrap_socket(stream, server_hostname=self._name(host))

    def _name(self, host: str) -> str:
        return (self.server_name or host).removesuffix(".")


def connect(stream: Any, target: str, headers: Iterable[tuple[str, str]]) -> None:
    """Ask an HTTP proxy for a tunnel.

    Raises:
        OSError: it refuses.
        http.client.HTTPException: it does not speak HTTP.
    """
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *(f"{name}: {value}" for name, value in headers)]
    stream.sendall("\r\n".join([*lines, "", ""]).encode("idna" if not target.isascii() else "ascii"))
    answer = http.client.HTTPResponse(stream, method="CONNECT")
    answer.begin()
    if answer.status != http.client.OK:
        raise OSError(f"no tunnel: {answer.status} {answer.reason}")


def socks5(stream: socket.socket, host: str, port: int, login: tuple[str, str] | None) -> None:
    """Ask a SOCKS5 proxy for a connection (RFC 1928, login by RFC 1929); names are left to the proxy, as Go does.

    Raises:
        OSError: it refuses.
    """
    # As Go does, also offer to connect without a login.
    stream.sendall(b"\x05\x02\x00\x02" if login else b"\x05\x01\x00")
    version, method = _exactly(stream, 2)
    if version != 5:
        raise OSError("the proxy does not speak SOCKS5")
    if method == 2 and login:
        user, password = (text.encode() for text in login)
        stream.sendall(b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        if _exactly(stream, 2)[1]:
            raise OSError("the proxy refuses its user and password")
    elif method:
        raise OSError("the proxy asks for a login")
    try:
        address = ipaddress.ip_address(host)
        where = (b"\x01" if address.version == 4 else b"\x04") + address.packed
    except ValueError:
        name = host.encode("idna")
        where = b"\x03" + bytes([len(name)]) + name
    stream.sendall(b"\x05\x01\x00" + where + port.to_bytes(2, "big"))
    _version, reply, _reserved_byte, kind = _exactly(stream, 4)
    if reply:
        raise OSError(f"the proxy can't connect (SOCKS reply {reply})")
    _exactly(stream, {1: 4, 4: 16}.get(kind) or _exactly(stream, 1)[0])
    _exactly(stream, 2)


def _exactly(stream: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = stream.recv(count - len(data))
        if not chunk:
            raise OSError("the proxy closed the connection")
        data += chunk
    return data


class TlsInTls:
    """TLS within the TLS of a proxy: what ``http.client`` needs of a socket. ``ssl`` wraps only sockets of the system."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, server_name: str) -> None:
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._files = 0
        self._closing = False
        self._drive(self._inner.do_handshake)

    def settimeout(self, seconds: float | None) -> None:
        """Bound of each wait."""
        self._outer.settimeout(seconds)

    def sendall(self, content: bytes) -> None:
        """Send everything."""
        view = memoryview(content)
        while view:
            view = view[self._drive(self._inner.write, view) :]

    def recv_into(self, buffer: Any) -> int:
        """Receive something; 0 at the end."""
        try:
            return int(self._drive(self._inner.read, len(buffer), buffer))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0

    def makefile(self, _mode: str) -> Any:
        """A file to read answers from."""
        import io

        self._files += 1
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type]

    def close(self) -> None:
        """Close, once the files are closed, too."""
        self._closing = True
        if not self._files:
            self._outer.close()

    def _decref_socketios(self) -> None:
        self._files = max(self._files - 1, 0)
        if self._closing:
            self.close()

    def _drive(self, step: Any, *arguments: Any) -> Any:
        """Do a step of TLS, and send and receive the data that it needs."""
        while True:
            try:
                result = step(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                data = self._outer.recv(1 << 16)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if pending := self._outgoing.read():
            self._outer.sendall(pending)
