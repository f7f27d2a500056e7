"""A DataStore for management clusters without Kamaji: the preflight asks whether there is one."""

from __future__ import annotations

from typing import Any

from lab import crds
from lab.plane import ManagementPlane


def data_store(name: str) -> dict[str, Any]:
    """A DataStore that nothing connects to."""

    def reference(secret: str, key: str) -> dict[str, Any]:
        return {"secretReference": {"name": secret, "namespace": "default", "keyPath": key}}

    tls = {
        "certificateAuthority": {"certificate": reference("ca", "ca.crt"), "privateKey": reference("ca", "ca.key")},
        "clientCertificate": {
            "certificate": reference("client", "tls.crt"),
            "privateKey": reference("client", "tls.key"),
        },
    }
    return {
        "apiVersion": "kamaji.clastix.io/v1alpha1",
        "kind": "DataStore",
        "metadata": {"name": name},
        "spec": {"driver": "etcd", "endpoints": ["etcd.example:2379"], "tlsConfig": tls},
    }


def make_data_store(plane: ManagementPlane, name: str = "default") -> None:
    """Apply one."""
    with plane.client() as client:
        crds.apply(client, data_store(name))
