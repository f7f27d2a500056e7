"""Manifests of add-ons at addresses: what a server refuses is told before anything is created."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kamaji_equinix.components.checks import addon_files
from kamaji_equinix.components.settings.load import load_stack

from tests.support.settings_cases import configuration

STATUS = {"/there.yaml": 200, "/secret.yaml": 401, "/forbidden.yaml": 403, "/gone.yaml": 404, "/broken.yaml": 500}


class Server(ThreadingHTTPServer):
    """Answers each path with its status; ``/moved.yaml`` leads to one that is gone.

    Attributes:
        paths: what was asked for.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths = list[str]()

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.path == "/moved.yaml":
            self.send_response(302)
            self.send_header("Location", "/gone.yaml")
        else:
            self.send_response(STATUS[self.path])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.shutdown()


def problems(*addresses: str) -> list[str]:
    settings = load_stack(configuration(addons=[{"name": "a", "files": list(addresses)}]))
    return [str(problem) for problem in addon_files.problems(settings)]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/secret.yaml", "401 Unauthorized"),
        ("/forbidden.yaml", "403 Forbidden"),
        ("/gone.yaml", "404 Not Found"),
        ("/moved.yaml", "404 Not Found"),
        ("/broken.yaml", "500 Internal Server Error"),
    ],
)
def test_an_address_that_a_server_refuses_is_named(server: Server, path: str, answer: str) -> None:
    (problem,) = problems(server.at("/there.yaml"), server.at(path))
    assert problem.startswith("addons[0].files[1]"), f"the key: {problem}"
    assert path in problem, f"the address: {problem}"
    assert answer in problem, f"and what the server says: {problem}"
    assert problems(server.at("/there.yaml")) == [], "the address that is right passes"


def test_an_address_is_asked_for_once_however_many_add_ons_name_it(server: Server) -> None:
    problems(*[server.at("/there.yaml")] * 3)
    assert server.paths == ["/there.yaml"], "each request is a wait"


def test_of_a_server_that_does_not_answer_the_plugin_has_the_say(server: Server) -> None:
    address = server.at("/there.yaml")
    server.shutdown()
    server.server_close()
    assert problems(address) == [], "it may have other ways than Python has"
