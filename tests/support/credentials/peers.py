"""What a client with some kubeconfig talks to: an API server that notes each request, and proxies of every kind on the way.

All of it listens on loopback. A proxy takes any host for loopback, so that names and addresses that are nowhere can be tried.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "default"}}
"""What the API server answers, whatever it is asked for."""

HEADER_PREFIXES = ("authorization", "impersonate-")
"""Beginnings of the request headers that tell who asks."""


@dataclass(frozen=True)
class Request:
    """One request, as the API server or a proxy saw it.

    Attributes:
        by: who saw it: ``server``, or the kind of a proxy.
        line: method and path; at a proxy, its target.
        headers: those that tell who asks, names in lower case, sorted.
        certificate: common name of the client's certificate, empty where it showed none.
        server_name: what the client asked for by SNI, empty where it did not.
    """

    by: str
    line: str
    headers: tuple[tuple[str, str], ...] = ()
    certificate: str = ""
    server_name: str = ""


@dataclass(frozen=True)
class Answer:
    """What the API server says to one request.

    Attributes:
        status: HTTP status.
        headers: further headers.
        body: sent as JSON.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = field(default_factory=lambda: NAMESPACE)


class Listener:
    """A port of loopback; each connection has a thread."""

    def __init__(self, serve: Callable[[socket.socket], None], host: str = "127.0.0.1") -> None:
        self._serve = serve
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family, backlog=32)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with contextlib.closing(connection), contextlib.suppress(OSError, ValueError):
            connection.settimeout(20)
            self._serve(connection)

    def close(self) -> None:
        """Accept no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Recorder:
    """An API server that answers everything and notes who asked.

    Attributes:
        requests: the requests so far, also those of the proxies that were given this list.
        accepts: whose requests are answered; all others get 401.
        connections: how many there were.
        values: what placeholders in headers of answers stand for.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        host: str = "127.0.0.1",
        answers: Iterable[Answer] = (),
        accepts: Callable[[Request], bool] = lambda _request: True,
        requests: list[Request] | None = None,
    ) -> None:
        """Listen.

        Args:
            context: TLS settings; None speaks plain HTTP.
            host: loopback address.
            answers: to the first requests; after them it answers 200.
            accepts: whose requests are answered; all others get 401.
            requests: where requests are noted.
        """
        self.requests = [] if requests is None else requests
        self.values: Mapping[str, str] = {}
        self._context, self._answers, self.accepts = context, list(answers), accepts
        self.connections = 0
        self._listener = Listener(self._serve, host)
        self.port = self._listener.port

    def _serve(self, connection: socket.socket) -> None:
        self.connections += 1
        names: list[str] = []
        if self._context is not None:
            # Each connection wraps with the same settings; the callback is told which connection asks.
            self._context.sni_callback = lambda secured, name, _context: setattr(secured, "asked_name", name or "")
            connection = self._context.wrap_socket(connection, server_side=True)
            names = [str(getattr(connection, "asked_name", "") or "")]
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                self._answer(recorder.note(self, connection, names))

            def _answer(self, answer: Answer) -> None:
                body = json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers:
                    for placeholder, port in recorder.values.items():
                        value = value.replace(placeholder, port)
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = handle_request  # noqa: N815

            def log_message(self, *_arguments: Any) -> None:
                pass

        Handler(connection, ("", 0), None)  # type: ignore[arg-type]
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def note(self, request: http.server.BaseHTTPRequestHandler, connection: socket.socket, names: list[str]) -> Answer:
        """Note a request and choose its answer."""
        certificate = ""
        if isinstance(connection, ssl.SSLSocket):
            subject = (connection.getpeercert() or {}).get("subject", ())
            certificate = next((str(value) for ((key, value),) in subject if key == "commonName"), "")  # type: ignore[misc]
        record = Request(
            "server",
            f"{request.command} {request.path}",
            headers_of(request.headers.items()),
            certificate,
            names[0].lower() if names else "",
        )
        self.requests.append(record)
        if not self.accepts(record):
            return Answer(401, (), {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"})
        return self._answers.pop(0) if self._answers else Answer()

    def close(self) -> None:
        """Accept no more."""
        self._listener.close()


def headers_of(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The headers that tell who asks."""
    # http.server reads headers as Latin-1; clients send UTF-8.
    headers = ((name.lower(), value.encode("latin-1").decode(errors="replace")) for name, value in pairs)
    return tuple(sorted((name, value) for name, value in headers if name.startswith(HEADER_PREFIXES)))


class HttpProxy:
    """An HTTP proxy: CONNECT, and plain requests with a whole URL. With ``context`` it is spoken to by TLS."""

    def __init__(self, requests: list[Request], context: ssl.SSLContext | None = None) -> None:
        self._requests, self._context = requests, context
        self._listener = Listener(self._serve)
        self.port = self._listener.port

    def _serve(self, connection: socket.socket) -> None:
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        head = receive_head(connection)
        line, *rest = head.decode("latin-1").split("\r\n")
        fields = [tuple(line_.split(": ", 1)) for line_ in rest if ": " in line_]
        login = tuple((n.lower(), v) for n, v in fields if n.lower() == "proxy-authorization")
        method, target, _version = line.split(" ", 2)
        self._requests.append(Request("https proxy" if self._context else "http proxy", f"{method} {target}", login))
        if method == "CONNECT":
            upstream = loopback(*target.rsplit(":", 1))
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            host_port, _, path = target.removeprefix("http://").partition("/")
            upstream = loopback(*host_port.rsplit(":", 1))
            # One request for each connection: a further one would have to be taken apart, too.
            rest = head.partition(b"\r\n")[2]
            upstream.sendall(f"{method} /{path} HTTP/1.1\r\nConnection: close\r\n".encode() + rest)
        relay(connection, upstream)

    def close(self) -> None:
        """Accept no more."""
        self._listener.close()


class SocksProxy:
    """A SOCKS5 proxy (RFC 1928), with user and password (RFC 1929) where the client offers them."""

    def __init__(self, requests: list[Request]) -> None:
        self._requests = requests
        self._listener = Listener(self._serve)
        self.port = self._listener.port

    def _serve(self, connection: socket.socket) -> None:
        version, count = receive(connection, 2)
        if version != 5:
            return
        methods = receive(connection, count)
        login: tuple[tuple[str, str], ...] = ()
        if 2 in methods:
            connection.sendall(b"\x05\x02")
            _version, length = receive(connection, 2)
            user = receive(connection, length)
            password = receive(connection, receive(connection, 1)[0])
            pair = base64.b64encode(user + b":" + password).decode()
            login = (("proxy-authorization", f"Basic {pair}"),)
            connection.sendall(b"\x01\x00")
        else:
            connection.sendall(b"\x05\x00")
        _version, _connect, _reserved, kind = receive(connection, 4)
        if kind == 1:
            host = socket.inet_ntop(socket.AF_INET, receive(connection, 4))
        elif kind == 4:
            host = f"[{socket.inet_ntop(socket.AF_INET6, receive(connection, 16))}]"
        else:
            host = receive(connection, receive(connection, 1)[0]).decode()
        port = int.from_bytes(receive(connection, 2), "big")
        self._requests.append(Request("socks5 proxy", f"CONNECT {host}:{port}", login))
        upstream = loopback(host, str(port))
        connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        relay(connection, upstream)

    def close(self) -> None:
        """Accept no more."""
        self._listener.close()


def receive(connection: socket.socket, count: int) -> bytes:
    """Exactly so many bytes."""
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise OSError("cut off")
        data += chunk
    return data


def receive_head(connection: socket.socket) -> bytes:
    """A request up to the empty line."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += receive(connection, 1)
    return data


def loopback(host: str, port: str) -> socket.socket:
    """A connection to a port of loopback, whatever the host."""
    return socket.create_connection(("::1" if host.startswith("[") else "127.0.0.1", int(port)), timeout=20)


def relay(near: socket.socket, far: socket.socket) -> None:
    """Pass everything on, in both directions, until one side ends."""
    with contextlib.closing(far), contextlib.suppress(OSError):
        while True:
            backlog = isinstance(near, ssl.SSLSocket) and near.pending() > 0
            ready = [near] if backlog else select.select([near, far], [], [], 20)[0]
            if not ready:
                return
            for source in ready:
                chunk = source.recv(65536)
                if not chunk:
                    return
                (far if source is near else near).sendall(chunk)
