"""Kubeconfig files and HTTP clients made from them."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx
import yaml

from .pki import KeyPair, write_private


def write(path: Path, server: str, ca_pem: str, pair: KeyPair) -> None:
    """Write a kubeconfig with embedded credentials, readable by its owner only."""

    def base64_text(content: bytes) -> str:
        return base64.b64encode(content).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "lab", "cluster": {"server": server, "certificate-authority-data": base64_text(ca_pem.encode())}}
        ],
        "users": [
            {
                "name": "lab",
                "user": {
                    "client-certificate-data": base64_text(pair.certificate.read_bytes()),
                    "client-key-data": base64_text(pair.key.read_bytes()),
                },
            }
        ],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "current-context": "lab",
    }
    write_private(path, yaml.safe_dump(document).encode())


def http_client(path: Path, timeout: float = 10.0) -> httpx.Client:
    """An HTTP client for the cluster of a kubeconfig file."""
    return client_of(yaml.safe_load(path.read_text()), timeout)


def client_of(document: dict[str, Any], timeout: float = 10.0) -> httpx.Client:
    """An HTTP client for the only cluster of a kubeconfig with embedded credentials."""
    cluster = document["clusters"][0]["cluster"]
    user = document["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    # ssl loads client certificates from files only.
    with NamedTemporaryFile(suffix=".pem") as pair:
        pair.write(base64.b64decode(user["client-certificate-data"]))
        pair.write(b"\n")
        pair.write(base64.b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    # trust_env: the proxies of the caller's environment must not be used for loopback.
    return httpx.Client(base_url=cluster["server"], verify=context, timeout=timeout, trust_env=False)
