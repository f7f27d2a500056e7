"""Kamaji's DataStore: the etcd that holds the tenants' data."""

from __future__ import annotations

from pathlib import Path

import httpx

import toolchain

from . import crds
from .controllers import NAMESPACE
from .pki import Authority, KeyPair
from .processes import Process, free_port, start


def start_etcd(folder: Path, logs: Path, authority: Authority, client: httpx.Client) -> Process:
    """Start the etcd that holds the tenants' data, and create Kamaji's DataStore for it.

    Args:
        folder: the lab's folder.
        logs: folder of the logs.
        authority: signs its certificates, and those of the tenants.
        client: the management cluster's API.
    """
    server = authority.issue("tenants-etcd", "etcd", addresses=["127.0.0.1"], hosts=["localhost"])
    root = authority.issue("tenants-etcd-root", "root")
    port, peer = free_port(), free_port()
    process = start(
        "tenants-etcd",
        [
            toolchain.program("etcd"),
            *("--data-dir", folder / "tenants-etcd"),
            *("--listen-client-urls", f"https://127.0.0.1:{port}"),
            *("--advertise-client-urls", f"https://127.0.0.1:{port}"),
            *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-cluster", f"default=http://127.0.0.1:{peer}"),
            *("--cert-file", server.certificate, "--key-file", server.key),
            *("--client-cert-auth", "--trusted-ca-file", authority.certificate),
            *("--unsafe-no-fsync", "--log-level", "warn"),
        ],
        logs,
    )
    for document in manifests(f"127.0.0.1:{port}", authority, root):
        crds.apply(client, document)
    return process


def manifests(endpoint: str, authority: Authority, root: KeyPair) -> list[dict[str, object]]:
    """Kamaji's DataStore ``default`` and the Secrets with its credentials.

    Args:
        endpoint: host and port of the tenants' etcd.
        authority: authority of that etcd; Kamaji signs a client certificate per tenant with its key.
        root: client certificate of etcd's root user.
    """

    def secret(name: str, files: dict[str, Path]) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "stringData": {key: path.read_text() for key, path in files.items()},
        }

    def reference(name: str, key: str) -> dict[str, object]:
        return {"secretReference": {"name": name, "namespace": NAMESPACE, "keyPath": key}}

    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        secret("etcd-authority", {"ca.crt": authority.certificate, "ca.key": authority.key}),
        secret("etcd-root", {"tls.crt": root.certificate, "tls.key": root.key}),
        {
            "apiVersion": "kamaji.clastix.io/v1alpha1",
            "kind": "DataStore",
            "metadata": {"name": "default"},
            "spec": {
                "driver": "etcd",
                "endpoints": [endpoint],
                "tlsConfig": {
                    "certificateAuthority": {
                        "certificate": reference("etcd-authority", "ca.crt"),
                        "privateKey": reference("etcd-authority", "ca.key"),
                    },
                    "clientCertificate": {
                        "certificate": reference("etcd-root", "tls.crt"),
                        "privateKey": reference("etcd-root", "tls.key"),
                    },
                },
            },
        },
    ]
