"""Light TLS responders in the place of many control planes' load balancers, served by one thread."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading

from .tls_endpoint import REPLIES

TIMEOUT_SECONDS = 10.0
"""How long a client may take for its handshake and its request."""


class LightEndpoints:
    """Ports of loopback that refuse connections until they are opened, and then answer each with a short success.

    Args:
        context: the certificate of all of them.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._selector = selectors.DefaultSelector()
        self._listeners: set[socket.socket] = set()
        # A byte in it ends the selector's wait.
        self._awake, self._alarm = socket.socketpair()
        self._selector.register(self._awake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more, on any port."""
        self._alarm.send(b"!")
        self._thread.join(20)
        self._selector.close()
        for part in (self._awake, self._alarm, *self._listeners):
            part.close()

    def reserve(self) -> socket.socket:
        """A port that nobody else gets, and that refuses connections."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self._listeners.add(listener)
        return listener

    def open(self, listener: socket.socket) -> None:
        """Answer on a port from now on."""
        listener.listen(64)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)

    def remove(self, listener: socket.socket) -> None:
        """Give a port back."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(listener)
        listener.close()
        self._listeners.discard(listener)

    def _accept(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._awake:
                    return
                with contextlib.suppress(OSError):
                    connection, _address = key.fileobj.accept()  # type: ignore[union-attr]
                    threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.closing(raw), contextlib.suppress(OSError, ssl.SSLError):
            raw.settimeout(TIMEOUT_SECONDS)
            with self._context.wrap_socket(raw, server_side=True) as secured:
                secured.recv(1 << 12)
                secured.sendall(REPLIES["ok"])
