"""A TLS endpoint on loopback that answers as a control plane does, or misbehaves in one of many ways."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TRAP = "trap-token-of-a-stranger"
"""Part of every body and redirection: a client that repeats more than it should of an answer shows it."""

Moment = datetime.datetime


def now() -> Moment:
    return datetime.datetime.now(datetime.timezone.utc)


class TenantAuthority:
    """A tenant's certificate authority, in memory. Elliptic keys: they are made at once."""

    def __init__(self, name: str = "kubernetes") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            self._builder(self.name, self.key.public_key(), now() + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return _private(self.key)

    def server_context(
        self, *, names: tuple[str, ...] = ("127.0.0.1", "::1", "localhost"), expires: Moment | None = None
    ) -> ssl.SSLContext:
        """TLS settings of a server with a certificate for some names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        leaf = (
            self._builder(subject, key.public_key(), expires or now() + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder, "pair.pem")
            pair.write_text(leaf.public_bytes(serialization.Encoding.PEM).decode() + _private(key))
            settings.load_cert_chain(pair)
        return settings

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, expires: Moment) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now(), expires) - datetime.timedelta(days=2))
            .not_valid_after(expires)
        )


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def reply(status: int, reason: str, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


REPLIES = {
    "ok": reply(200, "OK", "ok"),
    "500": reply(500, "Internal Server Error", f"[-]etcd failed: reason withheld\n{TRAP}"),
    "401": reply(401, "Unauthorized", TRAP),
    "403": reply(403, "Forbidden", TRAP),
    "redirect": reply(302, "Found", TRAP, "Location: https://login.example/"),
    "not HTTP": b"\x00\x01\x02 what?\r\n\r\n",
    "no answer": b"",
    "closes": b"",
}


class TlsEndpoint:
    """A listening port of loopback.

    Modes: those of ``REPLIES`` (after a good handshake); ``refused``; ``dropped`` (the kernel ignores new connections);
    ``silent``; ``cut`` (accepted and closed); ``plain`` (HTTP); ``trickle`` (a byte now and then); ``wrong authority``;
    ``expired``; ``wrong name``. The mode may be changed while it runs. Where ``version`` is set, ``ok`` tells it at
    ``/version``.
    """

    def __init__(self, authority: TenantAuthority, mode: str = "ok", host: str = "127.0.0.1") -> None:
        self.authority, self.host, self.mode = authority, host, mode
        self.version = ""
        self.requests: list[str] = []
        self.connections = 0
        self.expires = now() - datetime.timedelta(days=1)
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._closing = threading.Event()
        self._fillers: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        if mode == "dropped":
            self._fill()
        elif mode != "refused":
            self.listen()

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def listen(self) -> None:
        """Begin to accept connections."""
        self._socket.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _fill(self) -> None:
        """Fill the queue of connections that nobody accepts, so that the kernel drops further ones."""
        self._socket.listen(0)
        for _ in range(8):
            filler = socket.socket()
            filler.settimeout(0.2)
            self._fillers.append(filler)
            with contextlib.suppress(TimeoutError):
                filler.connect((self.host, self.port))

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.mode), daemon=True).start()

    def _serve(self, raw: socket.socket, mode: str) -> None:
        with contextlib.closing(raw), contextlib.suppress(OSError):
            raw.settimeout(10)
            if mode == "cut":
                return
            if mode == "silent":
                self._closing.wait(10)
                return
            if mode == "plain":
                raw.recv(1 << 12)
                raw.sendall(reply(400, "Bad Request", TRAP))
                return
            with self._context(mode).wrap_socket(raw, server_side=True) as secured:
                self.requests.append(secured.recv(1 << 12).decode(errors="replace").partition("\r\n")[0])
                if mode == "ok" and self.version and self.requests[-1].startswith("GET /version "):
                    secured.sendall(reply(200, "OK", json.dumps({"gitVersion": self.version})))
                else:
                    self._answer(secured, mode)

    def _answer(self, secured: ssl.SSLSocket, mode: str) -> None:
        if mode == "no answer":
            self._closing.wait(10)
        elif mode == "trickle":
            for byte in REPLIES["ok"]:
                secured.send(bytes([byte]))
                if self._closing.wait(0.3):
                    return
        else:
            secured.sendall(REPLIES.get(mode, REPLIES["ok"]))

    def _context(self, mode: str) -> ssl.SSLContext:
        if mode not in self._contexts:
            self._contexts[mode] = {
                "wrong authority": lambda: TenantAuthority("somebody else").server_context(),
                "expired": lambda: self.authority.server_context(expires=self.expires),
                "wrong name": lambda: self.authority.server_context(names=("api.example.com", "192.0.2.9")),
            }.get(mode, self.authority.server_context)()
        return self._contexts[mode]

    def close(self) -> None:
        self._closing.set()
        for opened in (*self._fillers, self._socket):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()


@contextlib.contextmanager
def endpoint(authority: TenantAuthority, mode: str = "ok", host: str = "127.0.0.1") -> Iterator[TlsEndpoint]:
    """An endpoint for the length of a block."""
    server = TlsEndpoint(authority, mode, host)
    try:
        yield server
    finally:
        server.close()


def wait_until(holds: Callable[[], object], expectation: str, seconds: float = 15.0) -> None:
    """Wait until something holds; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {expectation}")
        time.sleep(0.03)
