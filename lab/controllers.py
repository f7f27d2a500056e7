"""The controllers of the management cluster: Kamaji, its Cluster API provider, Cluster API and capp, with webhooks."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import httpx

import toolchain

from . import crds
from .pki import Authority, KeyPair
from .processes import Process, ProcessFailed, free_port, listener_on, start

KAMAJI_WEBHOOK_PORT = 9443
"""Kamaji has no flag for it."""

NAMESPACE = "kamaji-system"

UPSTREAM_WEBHOOKS = (
    ("capi-core", "sigs.k8s.io/cluster-api", "config/webhook/manifests.yaml"),
    ("capi-bootstrap-kubeadm", "sigs.k8s.io/cluster-api", "bootstrap/kubeadm/config/webhook/manifests.yaml"),
    ("capp", "sigs.k8s.io/cluster-api-provider-packet", "config/webhook/manifests.yaml"),
    ("kamaji", "github.com/clastix/kamaji", "charts/kamaji/controller-gen/mutating-webhook.yaml"),
    ("kamaji", "github.com/clastix/kamaji", "charts/kamaji/controller-gen/validating-webhook.yaml"),
)


class PortTaken(Exception):
    """Another process listens where Kamaji's webhook server must."""


def require_webhook_port() -> None:
    """Raise PortTaken, naming the holder, unless Kamaji's fixed webhook port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", KAMAJI_WEBHOOK_PORT))
        except OSError:
            raise PortTaken(
                f"port {KAMAJI_WEBHOOK_PORT} is taken by {listener_on(KAMAJI_WEBHOOK_PORT)}; Kamaji's webhook server needs "
                "it and has no flag for another. Stop that process, or run the lab in another network namespace."
            ) from None


class Controllers:
    """Starts and stops the controllers of one management cluster."""

    def __init__(self, folder: Path, kubeconfig: Path, authority: Authority, proxy_url: str, metal_key: str) -> None:
        """Prepare the controllers.

        Args:
            folder: the lab's folder.
            kubeconfig: the management cluster's.
            authority: signs the webhooks' certificates; capp trusts it for api.equinix.com.
            proxy_url: proxy that knows the tenants' Services and api.equinix.com.
            metal_key: API key of the simulated Metal API.
        """
        self.folder, self.kubeconfig, self.authority = folder, kubeconfig, authority
        self.proxy_url, self.metal_key = proxy_url, metal_key
        self.logs = folder / "logs"
        self.ports: dict[str, int] = {"kamaji": KAMAJI_WEBHOOK_PORT}
        self._serving = authority.issue("webhooks", "localhost", addresses=["127.0.0.1"], hosts=["localhost"])

    def start(self, name: str, *, gate: bool) -> Process:
        """Start one controller; ``gate`` is SkipInfraClusterPatch, for kamaji-control-plane."""
        environment = {"KUBECONFIG": str(self.kubeconfig)}
        command: list[str | Path] = [toolchain.program(name)]
        if name == "kamaji":
            # Certificates of its webhook server are looked for below the temporary folder.
            environment |= self.proxied() | {"TMPDIR": str(self.folder / "tmp" / "kamaji")}
            command += [
                *("manager", "--datastore", "default", "--leader-elect=false", "--disable-telemetry"),
                *("--metrics-bind-address", "0", "--health-probe-bind-address", "0"),
                *("--tmp-directory", self.folder / "tmp" / "kamaji-work"),
                *("--pod-namespace", NAMESPACE, "--serviceaccount-name", "kamaji"),
                *("--webhook-service-name", "kamaji-webhook-service"),
                *("--webhook-ca-path", self.certificates("kamaji") / "ca.crt"),
            ]
        elif name == "kamaji-control-plane":
            command += ["--metrics-bind-address", "127.0.0.1:0", "--health-probe-bind-address", "127.0.0.1:0"]
            if gate:
                command.append("--feature-gates=SkipInfraClusterPatch=true")
        else:
            self.ports.setdefault(name, free_port())
            command += [
                *("--leader-elect=false", "--diagnostics-address", "127.0.0.1:0", "--insecure-diagnostics"),
                *("--health-addr", "127.0.0.1:0", "--webhook-port", str(self.ports[name])),
                *("--webhook-cert-dir", self.certificates(name)),
            ]
            if name == "capp":
                environment |= self.proxied() | {
                    "PACKET_API_KEY": self.metal_key,
                    "SSL_CERT_FILE": str(self.authority.certificate),
                }
        return start(name, command, self.logs, environment)

    def proxied(self) -> dict[str, str]:
        """Environment of a controller that reaches simulated hosts by name."""
        return {"HTTPS_PROXY": self.proxy_url, "NO_PROXY": "127.0.0.1,localhost"}

    def certificates(self, name: str) -> Path:
        """Folder with the webhook server's certificate, where controller-runtime looks for it by default."""
        folder = self.folder / "tmp" / name / "k8s-webhook-server" / "serving-certs"
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            for source in (self._serving.certificate, self._serving.key, self.authority.certificate):
                shutil.copy(source, folder / source.name)
        return folder

    def wait_for_webhooks(self, processes: dict[str, Process], seconds: float = 60) -> None:
        """Wait until every webhook server listens.

        Raises:
            ProcessFailed: a controller ended, or did not listen in time.
        """
        deadline = time.monotonic() + seconds
        for name, port in self.ports.items():
            while True:
                processes[name].require()
                with socket.socket() as probe:
                    probe.settimeout(1)
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if time.monotonic() > deadline:
                    raise ProcessFailed(
                        f"{name} does not listen on its webhook port {port} after {seconds:.0f} s; "
                        f"{processes[name].log} ends:\n{processes[name].tail()}"
                    )
                time.sleep(0.1)

    def install_webhooks(self, client: httpx.Client) -> None:
        """Point the API server at the controllers' webhooks."""
        for name, module, file in UPSTREAM_WEBHOOKS:
            for document in crds.webhooks(
                module, file, name, f"https://127.0.0.1:{self.ports[name]}", self.authority.pem
            ):
                crds.apply(client, document)

    def remove_webhooks(self, client: httpx.Client) -> None:
        """Take the webhooks of an earlier run away: they lead to ports that nobody serves."""
        for kind in ("mutating", "validating"):
            path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
            client.delete(path).raise_for_status()


def datastore(endpoint: str, authority: Authority, root: KeyPair) -> list[dict[str, object]]:
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
