"""The management cluster's API: etcd and kube-apiserver, with the CRDs of Cluster API, Kamaji and capp.

Usable alone: tests start one where they need a real API server and no controllers.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import httpx
import yaml

import toolchain

from . import crds, kubeconfig
from .pki import Authority, KeyPair
from .processes import Process, ProcessError, free_port, is_free, start

START_SECONDS = 60.0

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "None", "userGroups": ["system:masters"]}, {"level": "Metadata"}],
}
"""The audit policy: requests of everybody except administrators, as whom the lab's own processes act, are logged."""


class ManagementPlane:
    """A management cluster's etcd and kube-apiserver in a folder, on free ports of loopback.

    Attributes:
        folder: folder of all its files.
        authority: signs its certificates.
        url: address of the API server.
        kubeconfig: file with an administrator's credentials.
    """

    def __init__(self, folder: Path, *, install_crds: bool = True, controller_manager: bool = False) -> None:
        """Prepare a plane; nothing is started yet.

        Args:
            folder: folder of its files; data of an earlier run in it is used again.
            install_crds: install the CRDs at ``start``.
            controller_manager: run kube-controller-manager (garbage collector and namespace controller) too.
        """
        self.folder = folder
        self.logs = folder / "logs"
        self.authority = Authority(folder / "pki")
        self.kubeconfig = folder / "kubeconfig"
        self.port = api_server_port(folder / "api-port")
        self.url = f"https://127.0.0.1:{self.port}"
        self.processes: dict[str, Process] = {}
        self._install_crds = install_crds
        self._controller_manager = controller_manager
        self._etcd_ports = (free_port(), free_port())

    @property
    def ca_pem(self) -> str:
        """Certificate of the API server's authority."""
        return self.authority.pem

    @property
    def audit_log(self) -> Path:
        """Requests to the API server by others than administrators, one event per line."""
        return self.logs / "audit.log"

    @property
    def service_account_key(self) -> Path:
        """The private key that signs the tokens of service accounts; it exists after the first start."""
        return self._accounts.key

    def start(self) -> None:
        """Start it and wait until it serves the CRDs.

        Raises:
            ProcessError: a process ended or did not come up; names it and quotes its log.
        """
        client, peer = self._etcd_ports
        # Without client certificates, any local user that reaches the port could read every Secret.
        self._etcd = self.authority.issue("etcd", "etcd", addresses=["127.0.0.1"], hosts=["localhost"])
        self.processes["etcd"] = start(
            "etcd",
            [
                toolchain.program("etcd"),
                *("--data-dir", self.folder / "etcd"),
                *("--listen-client-urls", f"https://127.0.0.1:{client}"),
                *("--advertise-client-urls", f"https://127.0.0.1:{client}"),
                *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
                *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"),
                *("--initial-cluster", f"default=http://127.0.0.1:{peer}"),
                *("--cert-file", self._etcd.certificate, "--key-file", self._etcd.key),
                *("--client-cert-auth", "--trusted-ca-file", self.authority.certificate),
                *("--unsafe-no-fsync", "--log-level", "warn"),
            ],
            self.logs,
        )
        self._serving = self.authority.issue("api", "kube-apiserver", addresses=["127.0.0.1"], hosts=["localhost"])
        self._accounts = self.authority.issue("service-accounts", "service-accounts")
        admin = self.authority.issue("admin", "lab-admin", organizations=["system:masters"])
        kubeconfig.write(self.kubeconfig, self.url, self.authority.pem, admin)
        self._start_api()
        self._wait_ready()
        if self._install_crds:
            crds.install(self.client())
        if self._controller_manager:
            self.start_controller_manager()

    def _start_api(self) -> None:
        policy = self.folder / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(AUDIT_POLICY))
        self.processes["kube-apiserver"] = start(
            "kube-apiserver",
            [
                toolchain.program("kube-apiserver"),
                *("--etcd-servers", f"https://127.0.0.1:{self._etcd_ports[0]}"),
                *("--etcd-cafile", self.authority.certificate),
                *("--etcd-certfile", self._etcd.certificate, "--etcd-keyfile", self._etcd.key),
                *("--secure-port", str(self.port), "--bind-address", "127.0.0.1"),
                # It refuses to advertise loopback; nothing dials this address (TEST-NET-1).
                *("--advertise-address", "192.0.2.1"),
                *("--tls-cert-file", self._serving.certificate, "--tls-private-key-file", self._serving.key),
                *("--client-ca-file", self.authority.certificate),
                *("--service-account-key-file", self._accounts.certificate),
                *("--service-account-signing-key-file", self._accounts.key),
                *("--service-account-issuer", "https://kubernetes.default.svc"),
                *("--authorization-mode", "RBAC", "--anonymous-auth=false"),
                *("--service-cluster-ip-range", "10.96.0.0/16"),
                # No controller makes service accounts here, and no pod runs as one.
                *("--disable-admission-plugins", "ServiceAccount"),
                *("--audit-policy-file", policy, "--audit-log-path", self.audit_log, "--audit-log-mode", "blocking"),
                *("--shutdown-delay-duration", "0s"),
            ],
            self.logs,
        )

    def start_controller_manager(self) -> None:
        """Start kube-controller-manager. Without its garbage collector a foreground deletion never ends."""
        self.processes["kube-controller-manager"] = start(
            "kube-controller-manager",
            [
                toolchain.program("kube-controller-manager"),
                *("--kubeconfig", self.kubeconfig),
                "--controllers=garbage-collector-controller,namespace-controller",
                *("--leader-elect=false", "--secure-port=0"),
            ],
            self.logs,
        )

    def restart_api(self, pause: float = 0.0) -> None:
        """Stop the API server, wait ``pause`` seconds, start it again on the same port with the same data."""
        self.processes["kube-apiserver"].stop()
        time.sleep(pause)
        self._start_api()
        self._wait_ready()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        last = "no answer yet"
        with self.client() as client:
            while time.monotonic() < deadline:
                for process in self.processes.values():
                    process.require()
                try:
                    answer = client.get("/readyz")
                    if answer.status_code == httpx.codes.OK:
                        return
                    last = f"{answer.status_code} {answer.text[:200]}"
                except httpx.HTTPError as error:
                    last = str(error)
                time.sleep(0.1)
        raise ProcessError(f"kube-apiserver is not ready after {START_SECONDS:.0f} s (last: {last}); see {self.logs}")

    def client(self) -> httpx.Client:
        """An HTTP client with the administrator's credentials; paths are relative to the API server."""
        return kubeconfig.http_client(self.kubeconfig)

    def user(self, name: str, *groups: str) -> Path:
        """A kubeconfig for another user, for tests of permissions."""
        pair: KeyPair = self.authority.issue(f"user-{name}", name, organizations=list(groups))
        path = self.folder / f"kubeconfig-{name}"
        kubeconfig.write(path, self.url, self.authority.pem, pair)
        return path

    def stop(self) -> None:
        """Stop its processes and wait for each; etcd is last, because the API server hangs without it."""
        for name in ("kube-controller-manager", "kube-apiserver", "etcd"):
            if process := self.processes.pop(name, None):
                process.stop()

    def apply_yaml(self, text: str) -> None:
        """Apply manifests server-side, for tests."""
        with self.client() as client:
            for document in yaml.safe_load_all(text):
                if document:
                    crds.apply(client, document)


def api_server_port(path: Path) -> int:
    """The API server's port of an earlier run if it is free, because kubeconfigs and stacks name it; else a new one."""
    port = 0
    with contextlib.suppress(FileNotFoundError, ValueError):
        port = int(path.read_text())
    number = port if port and is_free(port) else free_port()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(str(number))
    return number
