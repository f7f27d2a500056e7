"""Certificates under the strict checks that Python makes from 3.13 on: the lab's pass, and a living cluster's need not."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.components.handoff.reachability import Target, attempt
from kamaji_equinix.components.kube.access import Access
from kamaji_equinix.components.kube.tls import tls_context

from lab.pki import Authority
from tests.support.tls_endpoint import TenantAuthority, endpoint


def strict(cafile: Any = None, **options: Any) -> ssl.SSLContext:
    """What ``ssl.create_default_context`` is from 3.13 on."""
    context = DEFAULT(cafile=cafile, **options)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


DEFAULT = ssl.create_default_context


@pytest.fixture(autouse=True)
def newer_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "create_default_context", strict)


def test_the_labs_certificates_pass_the_strict_checks(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("api", "kube-apiserver", addresses=["127.0.0.1"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    shake_hands(ssl.create_default_context(cadata=authority.pem), server)


def test_a_control_plane_is_trusted_as_kubectl_trusts_it() -> None:
    authority = TenantAuthority()
    with endpoint(authority) as plain:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)key identifier|key usage"):
            connect(ssl.create_default_context(cadata=authority.pem), plain.host, plain.port)
        answer = attempt(Target(plain.host, plain.port, authority.pem))
    assert answer.ok, f"the hand-off takes it: {answer}"


def test_a_management_cluster_is_trusted_as_kubectl_trusts_it() -> None:
    authority = TenantAuthority()
    with endpoint(authority) as plain:
        context = tls_context(Access(f"https://{plain.host}:{plain.port}", "here", authority.pem))
        connect(context, plain.host, plain.port)


def connect(context: ssl.SSLContext, host: str, port: int) -> None:
    """A handshake; raises what the context finds."""
    with (
        socket.create_connection((host, port), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=host) as wrapped,
    ):
        assert wrapped.getpeercert(), "the server's certificate was looked at"


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """A handshake without a network; raises what the client finds."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not ends, "both ends are done"
