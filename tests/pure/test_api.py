"""Requests to a Kubernetes API: through proxies, and what is said where no answer comes."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from kamaji_equinix.components.kube.client import Api, ApiError
from kamaji_equinix.components.kube.kubeconfig import Access, AccessError

from tests.support.tls_endpoint import TenantAuthority, TlsEndpoint, endpoint

PASSWORD = "the proxy's password"


@dataclass
class ConnectProxy:
    """An HTTP proxy on loopback that knows nothing but CONNECT.

    Attributes:
        answer: its status line for each request.
        requests: what it was asked, with headers.
    """

    answer: str = "200 Connection established"
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self.listener.accept()
                threading.Thread(target=self._pass_on, args=(accepted,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        request = client.recv(4096).decode()
        self.requests.append(request)
        client.sendall(f"HTTP/1.1 {self.answer}\r\n\r\n".encode())
        if not self.answer.startswith("200"):
            client.close()
            return
        host, port = request.split()[1].rsplit(":", 1)
        upstream = socket.create_connection((host, int(port)))
        threading.Thread(target=pump, args=(upstream, client), daemon=True).start()
        pump(client, upstream)


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(65536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def authority() -> TenantAuthority:
    return TenantAuthority()


@pytest.fixture
def server(authority: TenantAuthority) -> Iterator[TlsEndpoint]:
    with endpoint(authority) as made:
        yield made


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    made = ConnectProxy()
    yield made
    made.listener.close()


def ask(server: TlsEndpoint, authority: TenantAuthority, through: str | None) -> ApiError:
    """What comes of a request: the endpoint answers with plain text, so always an error."""
    api = Api(Access(f"https://{server.host}:{server.port}", "here", ca_pem=authority.pem, proxy=through))
    try:
        with pytest.raises(ApiError) as failed:
            api.get("/version")
    finally:
        api.close()
    return failed.value


def test_a_kubeconfigs_proxy_is_used_and_told_its_password(
    server: TlsEndpoint, authority: TenantAuthority, proxy: ConnectProxy
) -> None:
    failed = ask(server, authority, f"http://ann:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{proxy.port}")
    assert server.requests == ["GET /version HTTP/1.1"], f"the request arrived through the proxy: {failed}"
    assert proxy.requests[0].startswith(f"CONNECT {server.host}:{server.port} "), "which was asked for a tunnel"
    login = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {login}" in proxy.requests[0], "with the user and password of its URL"
    assert failed.reason == "NotKubernetes", "the answer came back"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("407 Proxy Authentication Required", "407 Proxy Authentication Required"),
        ("502 Bad Gateway", "502 Bad Gateway"),
    ],
)
def test_a_proxy_that_refuses_is_named_without_its_password(
    server: TlsEndpoint, authority: TenantAuthority, proxy: ConnectProxy, answer: str, said: str
) -> None:
    proxy.answer = answer
    failed = ask(server, authority, f"http://ann:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{proxy.port}")
    assert failed.reason == "Unreachable", f"no connection came about: {failed}"
    assert f"through the proxy http://127.0.0.1:{proxy.port}" in str(failed), "not the API server is to blame"
    assert said in str(failed), "what the proxy said"
    assert "password" not in str(failed), "its credentials are not shown"


def test_a_proxy_that_is_not_there_is_told_from_an_api_server_that_is_not_there(
    server: TlsEndpoint, authority: TenantAuthority
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    failed = ask(server, authority, f"http://127.0.0.1:{port}")
    assert f"through the proxy http://127.0.0.1:{port} refuses connections" in str(failed), "the proxy is named"


def test_an_environments_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")
    monkeypatch.delenv("https_proxy", raising=False)
    with pytest.raises(AccessError, match=r"environment variable HTTPS_PROXY: proxy 'socks5://proxy.example:1080'"):
        Api(Access("https://api.example:6443", "here"))
    Api(Access("https://127.0.0.1:6443", "here"))  # loopback needs no proxy


def test_a_host_that_no_name_can_be_is_named() -> None:
    with pytest.raises(ApiError, match=r"https://x\.\.y"):
        Api(Access("https://x..y", "here")).get("/version")


def test_an_answer_that_is_cut_is_told_from_one_that_is_no_kubernetes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def cut() -> None:
            accepted, _ = listener.accept()
            accepted.recv(4096)
            accepted.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"kind": "Clus')
            accepted.close()

        threading.Thread(target=cut, daemon=True).start()
        with pytest.raises(ApiError) as failed:
            Api(Access(f"http://127.0.0.1:{listener.getsockname()[1]}", "here")).get("/version")
    assert failed.value.reason == "Unreachable", f"an API server that stops: the hand-off asks again: {failed.value}"
