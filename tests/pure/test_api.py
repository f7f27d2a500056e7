"""Requests to a Kubernetes API: through proxies, and what is said where no answer comes."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kamaji_equinix.components.kube.access import Access, AccessError, Secrets
from kamaji_equinix.components.kube.client import Api, ApiError

from tests.support.credentials.peers import Answer, Recorder
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
                connection, _ = self.listener.accept()
                threading.Thread(target=self._pass_on, args=(connection,), daemon=True).start()

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
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def authority() -> TenantAuthority:
    return TenantAuthority()


@pytest.fixture
def server(authority: TenantAuthority) -> Iterator[TlsEndpoint]:
    with endpoint(authority) as instance:
        yield instance


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    instance = ConnectProxy()
    yield instance
    instance.listener.close()


def ask(server: TlsEndpoint, authority: TenantAuthority, through: str | None) -> ApiError:
    """What comes of a request: the endpoint answers with plain text, so always an error."""
    api = Api(Access(f"https://{server.host}:{server.port}", "here", ca_pem=authority.pem, proxy=through))
    try:
        with pytest.raises(ApiError) as error:
            api.get("/version")
    finally:
        api.close()
    return error.value


def test_a_kubeconfigs_proxy_is_used_and_told_its_password(
    server: TlsEndpoint, authority: TenantAuthority, proxy: ConnectProxy
) -> None:
    error = ask(server, authority, f"http://ann:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{proxy.port}")
    assert server.requests == ["GET /version HTTP/1.1"], f"the request arrived through the proxy: {error}"
    assert proxy.requests[0].startswith(f"CONNECT {server.host}:{server.port} "), "which was asked for a tunnel"
    login = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {login}" in proxy.requests[0], "with the user and password of its URL"
    assert error.reason == "NotKubernetes", "the answer came back"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("407 Proxy Authentication Required", "407 Proxy Authentication Required"),
        ("502 Bad Gateway", "502 Bad Gateway"),
    ],
)
def test_a_proxy_that_refuses_is_named_without_its_password(
    server: TlsEndpoint, authority: TenantAuthority, proxy: ConnectProxy, answer: str, words: str
) -> None:
    proxy.answer = answer
    error = ask(server, authority, f"http://ann:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{proxy.port}")
    assert error.reason == "Unreachable", f"no connection came about: {error}"
    assert f"through the proxy http://127.0.0.1:{proxy.port}" in str(error), "not the API server is to blame"
    assert words in str(error), "what the proxy said"
    assert "password" not in str(error), "its credentials are not shown"


def test_a_proxy_that_is_not_there_is_told_from_an_api_server_that_is_not_there(
    server: TlsEndpoint, authority: TenantAuthority
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = ask(server, authority, f"http://127.0.0.1:{port}")
    assert f"through the proxy http://127.0.0.1:{port} refuses connections" in str(error), "the proxy is named"


def test_an_environments_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks4://proxy.example:1080")
    with pytest.raises(AccessError, match=r"environment variable HTTPS_PROXY: proxy 'socks4://proxy.example:1080'"):
        Api(Access("https://api.example:6443", "here"))
    Api(Access("https://127.0.0.1:6443", "here"))  # loopback needs no proxy


def test_a_host_that_no_name_can_be_is_named() -> None:
    with pytest.raises(ApiError, match=r"https://x\.\.y"):
        Api(Access("https://x..y", "here")).get("/version")


def test_an_answer_that_is_cut_is_told_from_one_that_is_no_kubernetes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def stop_early() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"kind": "Clus')
            connection.close()

        threading.Thread(target=stop_early, daemon=True).start()
        with pytest.raises(ApiError) as error:
            Api(Access(f"http://127.0.0.1:{listener.getsockname()[1]}", "here")).get("/version")
    assert error.value.reason == "Unreachable", f"an API server that stops: the hand-off asks again: {error.value}"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    instance = Recorder(None)
    yield instance
    instance.close()


def test_a_kept_connection_carries_each_request_once(recorder: Recorder) -> None:
    api = Api(Access(f"http://127.0.0.1:{recorder.port}", "here"))
    for number in range(3):
        api.get(f"/{number}")
    api.patch("/3", {}, "application/merge-patch+json")
    lines = [request.line for request in recorder.requests]
    assert lines == ["GET /0", "GET /1", "GET /2", "PATCH /3"], "none is sent again because of the one before"
    assert recorder.connections == 1, "the connection serves them all"


def test_a_server_that_asks_for_a_moment_is_asked_again_but_not_for_ever() -> None:
    busy = [Answer(429, (("Retry-After", "0"),)), Answer(503, (("Retry-After", "0"),))]
    patient = Recorder(None, answers=busy)
    assert Api(Access(f"http://127.0.0.1:{patient.port}", "here")).get("/x")["kind"] == "Namespace", (
        "the third answer counts"
    )
    patient.close()
    late = Recorder(None, answers=[Answer(503, (("Retry-After", "60"),))])
    with pytest.raises(ApiError) as error:
        Api(Access(f"http://127.0.0.1:{late.port}", "here"), patience=1).get("/x")
    late.close()
    assert (error.value.code, error.value.retry_after) == (503, 60.0), "what it asks for is told to those who can wait"


@dataclass
class Tokens:
    """A login whose token is renewed at will.

    Attributes:
        fails: whether a renewal fails.
        renewals: how many there were.
    """

    fails: bool = False
    renewals: int = 0

    def secrets(self) -> Secrets:
        return Secrets(f"token-{self.renewals}")

    def renew(self, secrets: Secrets) -> bool:
        if self.fails:
            raise AccessError("the plugin fails")
        self.renewals += 1
        return True


def test_what_the_server_refuses_is_renewed_and_the_request_made_again(recorder: Recorder) -> None:
    recorder.accepts = lambda request: request.headers == (("authorization", f"Bearer token-{tokens.renewals}"),)
    tokens = Tokens()
    api = Api(Access(f"http://127.0.0.1:{recorder.port}", "here", login=tokens))
    api.get("/x")
    recorder.accepts = lambda request: request.headers == (("authorization", "Bearer token-1"),)
    assert api.patch("/x", {}, "application/merge-patch+json")["kind"] == "Namespace", "with the next token"
    recorder.accepts = lambda request: request.headers == (("authorization", "Bearer token-2"),)
    assert next(api.watch("/x?watch=1", 5))["kind"] == "Namespace", "a watch, too"
    recorder.accepts = lambda _request: False
    with pytest.raises(ApiError) as error:
        api.get("/x")
    assert (error.value.reason, tokens.renewals) == ("Unauthorized", 3), "once, not for ever"
    tokens.fails = True
    with pytest.raises(ApiError, match="the plugin fails") as error:
        api.get("/x")
    assert error.value.reason == "NoCredentials", "told from a server that refuses"


def test_a_change_is_not_followed_to_where_it_would_become_a_read() -> None:
    moving = Recorder(None, answers=[Answer(302, (("Location", "/elsewhere"),))])
    with pytest.raises(ApiError, match=r"redirects a PATCH to http://127.0.0.1:.*/elsewhere"):
        Api(Access(f"http://127.0.0.1:{moving.port}", "here")).patch("/x", {}, "application/merge-patch+json")
    moving.close()
    assert len(moving.requests) == 1, "nothing was asked for there"


PLACES = st.text(max_size=20) | st.sampled_from(
    ["https://[::1", "//", "http://:1/", "https://x:99999/", "?", "http://a@b:c"]
)


@given(PLACES.filter(lambda text: text.isprintable() and text.isascii()))
@settings(max_examples=15, deadline=None)
def test_a_redirection_to_anything_makes_nothing_but_an_error(place: str) -> None:
    moving = Recorder(None, answers=[Answer(307, (("Location", place),))] * 10)
    with contextlib.closing(moving), contextlib.suppress(ApiError):
        Api(Access(f"http://127.0.0.1:{moving.port}", "here"), connect_seconds=1).get("/x")
