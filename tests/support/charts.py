"""Helm charts as the world hands them out: packed, in a repository's index, and in an OCI registry, on loopback."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def packed(folder: Path) -> bytes:
    """A chart's folder as ``helm package`` makes it."""
    name = yaml.safe_load((folder / "Chart.yaml").read_text())["name"]
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.add(path, f"{name}/{path.relative_to(folder).as_posix()}")
    return whole.getvalue()


class ChartServer:
    """A chart repository at ``/charts``, and a registry to pull from at ``/v2`` (OCI distribution specification).

    Attributes:
        credentials: user and password that are asked for; empty where none are.
        requests: the paths that were asked for.
    """

    def __init__(self, folder: Path, credentials: str = "") -> None:
        """Serve one chart."""
        self.credentials, self.requests = credentials, list[str]()
        chart = yaml.safe_load((folder / "Chart.yaml").read_text())
        self.name, self.version = str(chart["name"]), str(chart["version"])
        self._archive = packed(folder)
        self._blobs: dict[str, bytes] = {}
        config = json.dumps(chart).encode()
        parts = {"config": (CONFIG, config), "layer": (LAYER, self._archive)}
        descriptors = {key: self._keep(type_, content) for key, (type_, content) in parts.items()}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptors["config"],
            "layers": [descriptors["layer"]],
        }
        self._manifest = json.dumps(manifest).encode()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _keep(self, type_: str, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._blobs[digest] = content
        return {"mediaType": type_, "digest": digest, "size": len(content)}

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def repository(self) -> str:
        """Address of the chart repository."""
        return f"http://{self.address}/charts"

    @property
    def image(self) -> str:
        """Address of the chart in the registry."""
        return f"oci://{self.address}/library/{self.name}"

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Type and content of what is at a path."""
        file = f"{self.name}-{self.version}.tgz"
        digest = hashlib.sha256(self._archive).hexdigest()
        entry = {"name": self.name, "version": self.version, "apiVersion": "v2", "urls": [file], "digest": digest}
        if path == "/charts/index.yaml":
            return "text/yaml", yaml.safe_dump({"apiVersion": "v1", "entries": {self.name: [entry]}}).encode()
        if path == f"/charts/{file}":
            return "application/gzip", self._archive
        if path == "/v2/":
            return "application/json", b"{}"
        if path.startswith(f"/v2/library/{self.name}/tags/list"):
            return "application/json", json.dumps({"name": f"library/{self.name}", "tags": [self.version]}).encode()
        manifest_digest = f"sha256:{hashlib.sha256(self._manifest).hexdigest()}"
        if match := re.fullmatch(rf"/v2/library/{self.name}/manifests/(.+)", path):
            return (MANIFEST, self._manifest) if match[1] in (self.version, manifest_digest) else None
        if match := re.fullmatch(rf"/v2/library/{self.name}/blobs/(.+)", path):
            return ("application/octet-stream", self._blobs[match[1]]) if match[1] in self._blobs else None
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self
        expected = f"Basic {base64.b64encode(server.credentials.encode()).decode()}"

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requests.append(self.path)
                if server.credentials and self.headers["Authorization"] != expected:
                    self._send(401, "text/plain", b"who are you?")
                elif (content := server.answer(self.path)) is None:
                    self._send(404, "application/json", b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
                else:
                    self._send(200, *content)

            do_HEAD = do_GET  # noqa: N815

            def _send(self, code: int, type_: str, content: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", type_)
                self.send_header("Content-Length", str(len(content)))
                if code == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="charts"')
                self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(content).hexdigest()}")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
