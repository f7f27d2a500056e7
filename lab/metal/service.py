"""The simulated Metal API as a server: HTTPS on loopback, and a thread for each device."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from ..pki import Authority
from ..simulation import cloud_controller
from ..simulation.programs import Programs
from .api import BASE, Api, Request, Response, overview
from .devices import Device
from .machine import Machine
from .options import BootOptions
from .store import Store

log = logging.getLogger("lab.metal")

HOST = "api.equinix.com"
MOST_BYTES = 4 * 1024 * 1024


class MetalApi:
    """The simulated Metal API.

    Attributes:
        boot: how devices boot; may be replaced at any time.
        port: its port on 127.0.0.1; 0 before the start.
    """

    def __init__(self, folder: Path, authority: Authority, *, api_key: str, boot: BootOptions | None = None) -> None:
        """Prepare; nothing is started yet.

        Args:
            folder: folder of its devices, faults and journal.
            authority: signs its certificate for api.equinix.com and 127.0.0.1.
            api_key: the token that callers must send as X-Auth-Token.
            boot: how devices boot.
        """
        self.boot = boot or BootOptions()
        self.port = 0
        self._authority = authority
        self._store = Store(folder)
        self._machines: dict[str, Machine] = {}
        self._api = Api(self._store, api_key, self._power_on, self._power_off)
        self._server: Server | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start serving, and power on the devices of an earlier run."""
        pair = self._authority.issue("metal", HOST, addresses=["127.0.0.1"], hosts=[HOST, "localhost"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._server = Server(self._api, context)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="metal api").start()
        for device in self._store.all():
            log.info("device %s (%s): still there, state %s", device.id, device.hostname, device.state)
            self._power_on(device)

    def stop(self) -> None:
        """Stop serving, and power off the devices; they stay ordered."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._lock:
            machines = list(self._machines.values())
            self._machines.clear()
        for machine in machines:
            machine.power_off()
        for machine in machines:
            machine.join(5)

    def devices(self) -> list[dict[str, Any]]:
        """The devices, as ``GET /lab/devices`` shows them."""
        return [overview(device) for device in self._store.all()]

    def _power_on(self, device: Device) -> None:
        machine = Machine(device, self._store, lambda: self.boot, self._programs())
        with self._lock:
            self._machines[device.id] = machine
        machine.start()

    def _programs(self) -> Programs:
        """The programs for pods on the devices: the cloud controller, for CPEM's image and that of the lab's chart."""
        url = f"https://127.0.0.1:{self.port}{BASE}"
        begin = functools.partial(cloud_controller.start, metal_url=url, metal_ca_pem=self._authority.pem)
        return dict.fromkeys(cloud_controller.IMAGES, begin)

    def _power_off(self, device: Device) -> None:
        with self._lock:
            machine = self._machines.pop(device.id, None)
        if machine:
            machine.power_off()
        log.info("device %s (%s): gone", device.id, device.hostname)


class Server(ThreadingHTTPServer):
    """HTTPS on a free port of loopback."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, api: Api, context: ssl.SSLContext) -> None:
        """Listen; ``serve_forever`` serves."""
        super().__init__(("127.0.0.1", 0), Connection)
        self.api = api
        # The handshake happens in the connection's thread: a silent client must not block the others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log an exception of a connection's thread in the lab's log."""
        log.exception("a connection of the Metal API from %s ended badly", client_address)


class Connection(BaseHTTPRequestHandler):
    """One connection, with any number of requests."""

    protocol_version = "HTTP/1.1"
    server_version = "lab-metal"
    timeout = 300

    def handle(self) -> None:
        """Serve until the client has disconnected."""
        with contextlib.suppress(OSError, ssl.SSLError):
            super().handle()

    def do(self) -> None:
        """Answer one request."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            self._send(Response(413, {"errors": ["Request entity too large"]}))
            return
        body = self.rfile.read(int(length))
        server = cast(Server, self.server)
        self._send(server.api.answer(Request(self.command, self.path, dict(self.headers.items()), body)))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815

    def _send(self, response: Response) -> None:
        if response.cut:
            self.wfile.write(f"HTTP/1.1 {response.status} Created\r\nContent-Type: appl".encode())
            self.wfile.flush()
            self.close_connection = True
            return
        content = b"" if response.document is None else json.dumps(response.document).encode()
        self.send_response(response.status)
        if response.status != 204:
            # equinix-sdk-go decodes no body without it ("undefined response type").
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log a request at debug level."""
        log.debug("%s", format % args)
