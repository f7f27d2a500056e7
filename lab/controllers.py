"""The controllers of the management cluster: their arguments and their webhooks."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

import toolchain

from . import crds
from .generations import Generation
from .pki import Authority
from .processes import Process, ProcessError, free_port, listener_on, start

KAMAJI_WEBHOOK_PORT = 9443
"""Fixed: Kamaji has no flag for it."""

NAMESPACE = "kamaji-system"


class PortConflict(Exception):
    """Another process listens where Kamaji's webhook server must."""


def require_webhook_port() -> None:
    """Raise PortConflict, naming the holder, unless Kamaji's fixed webhook port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", KAMAJI_WEBHOOK_PORT))
        except OSError:
            raise PortConflict(
                f"port {KAMAJI_WEBHOOK_PORT} is taken by {listener_on(KAMAJI_WEBHOOK_PORT)}; Kamaji's webhook server needs "
                "it and has no flag for another. `make down` ends a lab, in the folder where it was started; otherwise "
                "stop that process, or run the lab in another network namespace."
            ) from None


@dataclass(frozen=True)
class Setting:
    """The values that a controller's arguments depend on.

    Attributes:
        folder: the lab's folder.
        certificates: folder with the certificate of its webhook server.
        port: port of its webhook server; 0 where it has none.
        gate: whether Kamaji's feature gate SkipInfraClusterPatch is on.
        contract: the contract of Cluster API that Kamaji's provider follows.
    """

    folder: Path
    certificates: Path
    port: int
    gate: bool
    contract: str


def kamaji(setting: Setting) -> list[str | Path]:
    """Arguments of Kamaji."""
    return [
        *("manager", "--datastore", "default", "--leader-elect=false", "--disable-telemetry"),
        *("--metrics-bind-address", "0", "--health-probe-bind-address", "0"),
        *("--tmp-directory", setting.folder / "tmp" / "kamaji-work"),
        *("--pod-namespace", NAMESPACE, "--serviceaccount-name", "kamaji"),
        *("--webhook-service-name", "kamaji-webhook-service"),
        *("--webhook-ca-path", setting.certificates / "ca.crt"),
    ]


def kamaji_provider(setting: Setting) -> list[str | Path]:
    """Arguments of Kamaji's Cluster API provider."""
    gate = ["--feature-gates=SkipInfraClusterPatch=true"] if setting.gate else []
    # Contract v1beta2 has come with a second server, by default on port 8443 of all addresses.
    newer = setting.contract == "v1beta2"
    diagnostics = ["--diagnostics-address", "127.0.0.1:0", "--insecure-diagnostics"] if newer else []
    return [
        *("--metrics-bind-address", "127.0.0.1:0", "--health-probe-bind-address", "127.0.0.1:0"),
        *diagnostics,
        *gate,
    ]


def cluster_api(setting: Setting) -> list[str | Path]:
    """Arguments of Cluster API's own controllers; capp and Metal3's controllers have the same."""
    return [
        *("--leader-elect=false", "--diagnostics-address", "127.0.0.1:0", "--insecure-diagnostics"),
        *("--health-addr", "127.0.0.1:0", "--webhook-port", str(setting.port)),
        *("--webhook-cert-dir", setting.certificates),
    ]


def bare_metal_operator(setting: Setting) -> list[str | Path]:
    """Arguments of the baremetal-operator in demo mode: without Ironic, a host's name decides its states."""
    return [
        *("--demo-mode", "--webhook-port", str(setting.port)),
        *("--metrics-addr", "0", "--health-addr", "127.0.0.1:0"),
    ]


@dataclass(frozen=True)
class Controller:
    """A controller of the management cluster.

    Attributes:
        arguments: function that returns its arguments.
        serves: whether it has a webhook server.
        uses_proxy: whether it reaches simulated hosts by name.
        temporary: whether it looks for its webhook server's certificate below the temporary folder.
        metal: whether it calls the Metal API.
    """

    arguments: Callable[[Setting], list[str | Path]] = cluster_api
    serves: bool = True
    uses_proxy: bool = False
    temporary: bool = False
    metal: bool = False


CONTROLLERS: Mapping[str, Controller] = {
    "kamaji": Controller(kamaji, uses_proxy=True, temporary=True),
    "capi-core": Controller(),
    "capi-bootstrap-kubeadm": Controller(),
    "kamaji-control-plane": Controller(kamaji_provider, serves=False),
    "capp": Controller(uses_proxy=True, metal=True),
    "capm3": Controller(),
    "metal3-ipam": Controller(),
    "baremetal-operator": Controller(bare_metal_operator, temporary=True),
}


class Controllers:
    """Starts and stops the controllers of one management cluster."""

    def __init__(
        self,
        folder: Path,
        kubeconfig: Path,
        authority: Authority,
        generation: Generation,
        proxy_url: str,
        metal_key: str,
    ) -> None:
        """Prepare the controllers.

        Args:
            folder: the lab's folder.
            kubeconfig: kubeconfig of the management cluster.
            authority: signs the webhooks' certificates; capp trusts it for api.equinix.com.
            generation: decides which controllers run.
            proxy_url: proxy that knows the tenants' Services and api.equinix.com.
            metal_key: API key of the simulated Metal API.
        """
        self.folder, self.kubeconfig, self.authority = folder, kubeconfig, authority
        self.generation, self.proxy_url, self.metal_key = generation, proxy_url, metal_key
        self.logs = folder / "logs"
        self.ports: dict[str, int] = {"kamaji": KAMAJI_WEBHOOK_PORT}
        self._serving = authority.issue("webhooks", "localhost", addresses=["127.0.0.1"], hosts=["localhost"])

    def start(self, name: str, *, gate: bool) -> Process:
        """Start one controller; ``gate`` is SkipInfraClusterPatch, for kamaji-control-plane."""
        controller = CONTROLLERS[name]
        environment = {"KUBECONFIG": str(self.kubeconfig)}
        if controller.uses_proxy:
            environment |= self.proxy_environment()
        if controller.temporary:
            environment["TMPDIR"] = str(self.folder / "tmp" / name)
        if controller.metal:
            environment |= {"PACKET_API_KEY": self.metal_key, "SSL_CERT_FILE": str(self.authority.certificate)}
        return start(name, self.command(name, gate=gate), self.logs, environment)

    def command(self, name: str, *, gate: bool) -> list[str | Path]:
        """The command line of a controller; ``gate`` as of :meth:`start`."""
        controller = CONTROLLERS[name]
        port = self.port(name) if controller.serves else 0
        setting = Setting(self.folder, self.certificates(name), port, gate, self.generation.contract)
        return [toolchain.program(name, self.generation.version(name)), *controller.arguments(setting)]

    def port(self, name: str) -> int:
        """Port of a controller's webhook server, chosen before the controller starts."""
        return self.ports.setdefault(name, free_port())

    def conversions(self) -> dict[str, dict[str, str]]:
        """The client configuration of each conversion webhook, by its controller's name."""
        return {
            name: crds.client_config(f"https://127.0.0.1:{self.port(name)}/convert", self.authority.pem)
            for name in {folder.converter for folder in self.generation.crds if folder.converter}
        }

    def proxy_environment(self) -> dict[str, str]:
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
            ProcessError: a controller ended, or did not listen in time.
        """
        deadline = time.monotonic() + seconds
        for name in self.generation.controllers:
            while CONTROLLERS[name].serves:
                processes[name].require()
                with socket.socket() as probe:
                    probe.settimeout(1)
                    if probe.connect_ex(("127.0.0.1", self.port(name))) == 0:
                        break
                if time.monotonic() > deadline:
                    raise ProcessError(
                        f"{name} does not listen on its webhook port {self.port(name)} after {seconds:.0f} s; "
                        f"{processes[name].log} ends:\n{processes[name].tail()}"
                    )
                time.sleep(0.1)

    def install_webhooks(self, client: httpx.Client) -> None:
        """Point the API server at the controllers' webhooks."""
        for hooks in self.generation.hooks:
            url, version = f"https://127.0.0.1:{self.port(hooks.controller)}", self.generation.version(hooks.module)
            for document in crds.webhooks(hooks.module, hooks.path, hooks.controller, url, self.authority.pem, version):
                crds.apply(client, document)

    def remove_webhooks(self, client: httpx.Client) -> None:
        """Remove the webhooks of an earlier run: nothing listens on their ports any more."""
        for kind in ("mutating", "validating"):
            path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
            client.delete(path).raise_for_status()
