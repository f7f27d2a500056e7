"""Kamaji's DataStore: the etcd that holds the tenants' data."""

from __future__ import annotations

from pathlib import Path

from .controllers import NAMESPACE
from .pki import Authority, KeyPair


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
