"""An HTTPS proxy in front of a real API server that fails some requests on purpose, and notes all of them."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml

from lab import kubeconfig
from lab.plane import ManagementPlane


@dataclass
class Fault:
    """What goes wrong with some requests.

    Attributes:
        method: of the requests that it hits.
        part: part of their paths, with the query.
        status: HTTP status of the answer; 0 passes the request on and then cuts the connection without an answer, -1 cuts
            it without passing it on.
        reason: of the Status object.
        message: of the Status object.
        headers: of the answer.
        times: how many requests it hits.
        event: sent as the only event of a watch, with status 200.
    """

    method: str
    part: str
    status: int
    reason: str = ""
    message: str = "on purpose"
    headers: tuple[tuple[str, str], ...] = ()
    times: int = 1
    event: bool = False

    def body(self) -> bytes:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": self.status}
        document: dict[str, Any] = {**status, "reason": self.reason, "message": self.message}
        return json.dumps({"type": "ERROR", "object": document} if self.event else document).encode() + b"\n"


class FaultProxy:
    """The proxy, with the administrator's rights upstream.

    Attributes:
        faults: what goes wrong; the first that fits is used up.
        requests: method and path of each request.
        hit: the requests that a fault hit.
        on_hit: called at each of them, before it fails.
        kubeconfig: file that leads through the proxy.
    """

    def __init__(self, management: ManagementPlane, folder: Path, *faults: Fault) -> None:
        self.faults, self.requests, self.hit = list(faults), list[str](), list[str]()
        self.on_hit: Callable[[], None] = lambda: None
        self._upstream = kubeconfig.http_client(management.kubeconfig, 30)
        self._lock = threading.Lock()
        self._streams = set[socket.socket]()
        pair = management.authority.issue("fault-proxy", "fault-proxy", addresses=["127.0.0.1"])
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.load_cert_chain(pair.certificate, pair.key)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.handle(self)

            do_PATCH = do_POST = do_DELETE = do_GET  # noqa: N815 - as the base class calls them

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = settings.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        document = yaml.safe_load(management.kubeconfig.read_text())
        document["clusters"][0]["cluster"]["server"] = self.url
        self.kubeconfig = folder / "kubeconfig-proxy"
        self.kubeconfig.write_text(yaml.safe_dump(document))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def patches(self) -> list[str]:
        """Paths of the patches that came."""
        return [line for line in self.requests if line.startswith("PATCH")]

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Fail a request, or pass it on."""
        method, path = handler.command, handler.path
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self._fault(method, path)
        with contextlib.suppress(OSError, httpx.HTTPError):
            if fault is None:
                self._pass(handler, body)
                return
            self.on_hit()
            if fault.status == 0:
                self._upstream.request(method, path, content=body, headers=_headers(handler)).raise_for_status()
            if fault.status > 0:
                handler.send_response(200 if fault.event else fault.status)
                for name, value in (("Content-Type", "application/json"), *fault.headers):
                    handler.send_header(name, value)
                handler.send_header("Content-Length", str(len(fault.body())))
                handler.end_headers()
                handler.wfile.write(fault.body())
                return
        handler.close_connection = True

    def _fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.requests.append(f"{method} {path}")
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and fault.part in path:
                    fault.times -= 1
                    self.hit.append(f"{method} {path}")
                    return fault
        return None

    def _pass(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with (
            self._upstream.stream(handler.command, handler.path, content=body, headers=_headers(handler)) as answer,
            self._open(answer),
        ):
            handler.send_response(answer.status_code)
            for name in ("Content-Type", "Content-Encoding", "Retry-After"):
                if value := answer.headers.get(name):
                    handler.send_header(name, value)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            for chunk in answer.iter_raw():
                handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                handler.wfile.flush()
            handler.wfile.write(b"0\r\n\r\n")

    @contextlib.contextmanager
    def _open(self, answer: httpx.Response) -> Iterator[None]:
        """Know a stream while it is open."""
        connection: socket.socket = answer.extensions["network_stream"].get_extra_info("socket")
        with self._lock:
            self._streams.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._streams.discard(connection)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            streams = list(self._streams)
        for connection in streams:
            # A thread that reads a watch keeps its socket open although it is closed here, and the API server, once it is to
            # stop, would wait for it until the read times out.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._upstream.close()


def _headers(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    names = ("Content-Type", "Accept", "Accept-Encoding")
    return {name: handler.headers[name] for name in names if handler.headers.get(name)}


@contextlib.contextmanager
def faults(management: ManagementPlane, folder: Path, *initial: Fault) -> Iterator[FaultProxy]:
    """A proxy with faults for the length of a block."""
    proxy = FaultProxy(management, folder, *initial)
    try:
        yield proxy
    finally:
        proxy.close()
