"""The lab's load balancers and its proxy: both carry bytes between two sockets."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Time until a load balancer whose port is in use tries again."""


def carry(first: socket.socket, second: socket.socket) -> None:
    """Carry bytes both ways until either side ends, then close both."""
    for connection in (first, second):
        connection.settimeout(None)
    back = threading.Thread(target=pump, args=(second, first), daemon=True)
    back.start()
    pump(first, second)
    back.join()
    first.close()
    second.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes one way until the source ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for connection in (source, target):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class Listener:
    """Accepts connections on a loopback address and handles each in its own thread."""

    def __init__(self, address: str, port: int, handle: Callable[[socket.socket], None]) -> None:
        """Listen on ``address`` and ``port`` (0 for a free one) and call ``handle`` with each connection."""
        self._socket = socket.create_server((address, port), backlog=128)
        self.address: str
        self.port: int
        self.address, self.port = self._socket.getsockname()
        self._handle = handle
        threading.Thread(target=self._accept, daemon=True, name=f"listener {address}:{self.port}").start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._guard, args=(connection,), daemon=True).start()

    def _guard(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._handle(connection)

    def close(self) -> None:
        """Accept no more connections."""
        # close() alone would leave the port with a thread that is blocked in accept().
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class LoadBalancer:
    """A simulated cloud load balancer: one loopback address that leads to one backend.

    Until ``answers_at`` it has its address but refuses connections, as a real one does during its setup.
    """

    def __init__(self, address: str, port: int, backend: tuple[str, int], delay: float) -> None:
        """Start answering on ``address`` and ``port`` after ``delay`` seconds."""
        self.address, self.port, self.backend = address, port, backend
        self.answers_at = time.time() + delay
        self.problem = ""
        self._listener: Listener | None = None
        self._close_event = threading.Event()
        threading.Thread(target=self._open, args=(delay,), daemon=True).start()

    def _open(self, delay: float) -> None:
        while not self._close_event.wait(delay):
            try:
                self._listener = Listener(self.address, self.port, self._connect)
            except OSError as error:
                if not self.problem:
                    self.problem = f"load balancer {self.address}:{self.port} can't listen: {error.strerror}"
                    log.warning("%s", self.problem)
                delay = RETRY_SECONDS
                continue
            self.problem = ""
            log.info("load balancer %s:%d answers", self.address, self.port)
            return

    def _connect(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            carry(connection, socket.create_connection(self.backend, timeout=5))

    def close(self) -> None:
        """Stop answering and release the address."""
        self._close_event.set()
        if self._listener:
            self._listener.close()


class ConnectProxy:
    """An HTTP CONNECT proxy with its own table of names instead of DNS.

    Kamaji reaches a tenant by its Service's name, and capp's SDK has api.equinix.com compiled in. The table leads both to
    loopback, and the machine's name resolution stays as it is.
    """

    def __init__(self) -> None:
        """Listen on a free port of loopback."""
        self.routes: dict[str, tuple[str, int]] = {}
        self._listener = Listener("127.0.0.1", 0, self._serve)

    @property
    def url(self) -> str:
        """Its URL, for HTTPS_PROXY."""
        return f"http://127.0.0.1:{self._listener.port}"

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 8192:
            data = connection.recv(4096)
            if not data:
                return
            head += data
        words = head.split(b"\r\n", 1)[0].decode(errors="replace").split()
        host = words[1].rpartition(":")[0] if len(words) == 3 and words[0] == "CONNECT" else ""
        target = self.routes.get(host)
        if target is None:
            log.info("proxy: no route to %s", host or words)
            connection.sendall(b"HTTP/1.1 502 no route in the lab\r\nContent-Length: 0\r\n\r\n")
            return
        try:
            upstream = socket.create_connection(target, timeout=5)
        except OSError as error:
            connection.sendall(f"HTTP/1.1 502 {error.strerror}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        connection.sendall(b"HTTP/1.1 200 established\r\n\r\n")
        carry(connection, upstream)

    def close(self) -> None:
        """Accept no more."""
        self._listener.close()
