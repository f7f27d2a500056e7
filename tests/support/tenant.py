"""A tenant's control plane for tests: real programs, set up for joining nodes as kubeadm does it."""

from __future__ import annotations

import base64
import datetime
import hashlib
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

import toolchain
from lab import kubeconfig
from lab.pki import Authority
from lab.processes import Process, free_port, start

JOINERS = "csrapproving,csrsigning,csrcleaner,bootstrapsigner,tokencleaner,nodelifecycle"
JOINING = "system:bootstrappers:kubeadm:default-node-token"


class Tenant:
    """The control plane of one tenant.

    Attributes:
        endpoint: host and port, as a JoinConfiguration names it.
        authority: signs its certificates, and those of its nodes.
    """

    def __init__(self, folder: Path, *, runs_pods: bool = False) -> None:
        """Start it; returns when it serves.

        Args:
            folder: where it lives.
            runs_pods: with all controllers and a scheduler, as Kamaji's Deployment; else with those that joining needs.
        """
        self._runs_pods = runs_pods
        self.folder, self.authority = folder, Authority(folder / "pki")
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._kubeconfig = folder / "kubeconfig"
        self.processes: list[Process] = []
        admin = self.authority.issue("admin", "admin", organizations=["system:masters"])
        kubeconfig.write(self._kubeconfig, f"https://{self.endpoint}", self.authority.pem, admin)
        self._start_etcd()
        self._start_api()
        self.client = kubeconfig.http_client(self._kubeconfig)
        self._wait_ready()
        self._allow_joining()
        self._start_controller_manager()
        if runs_pods:
            self._start_scheduler()

    def _start_etcd(self) -> None:
        self._etcd, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self.processes.append(
            start(
                "tenant-etcd",
                [
                    toolchain.program("etcd"),
                    *("--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn"),
                    *("--listen-client-urls", self._etcd, "--advertise-client-urls", self._etcd),
                    *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                    *("--initial-cluster", f"default={peer}"),
                ],
                self.folder,
            )
        )

    def _start_api(self) -> None:
        serving = self.authority.issue("api", "kube-apiserver", addresses=["127.0.0.1"], hosts=["localhost"])
        accounts = self._accounts = self.authority.issue("accounts", "accounts")
        self.processes.append(
            start(
                "tenant-apiserver",
                [
                    toolchain.program("kube-apiserver"),
                    *("--etcd-servers", self._etcd, "--secure-port", str(self.port), "--bind-address", "127.0.0.1"),
                    *("--advertise-address", "192.0.2.2", "--client-ca-file", self.authority.certificate),
                    *("--tls-cert-file", serving.certificate, "--tls-private-key-file", serving.key),
                    *("--service-account-key-file", accounts.certificate),
                    *("--service-account-signing-key-file", accounts.key),
                    *("--service-account-issuer", "https://kubernetes.default.svc"),
                    *("--service-cluster-ip-range", "10.97.0.0/16", "--shutdown-delay-duration", "0s"),
                    # As Kamaji's Deployment has them.
                    *("--authorization-mode", "Node,RBAC", "--enable-bootstrap-token-auth", "--anonymous-auth=true"),
                    *("--enable-admission-plugins", "NodeRestriction"),
                    *(() if self._runs_pods else ("--disable-admission-plugins", "ServiceAccount")),
                ],
                self.folder,
            )
        )

    def _start_controller_manager(self) -> None:
        self.processes.append(
            start(
                "tenant-controller-manager",
                [
                    toolchain.program("kube-controller-manager"),
                    *("--kubeconfig", self._kubeconfig, "--leader-elect=false", "--secure-port=0"),
                    f"--controllers={'*,bootstrapsigner,tokencleaner' if self._runs_pods else JOINERS}",
                    *("--cluster-signing-cert-file", self.authority.certificate),
                    *("--cluster-signing-key-file", self.authority.key, "--root-ca-file", self.authority.certificate),
                    *(
                        "--service-account-private-key-file",
                        self._accounts.key,
                        "--use-service-account-credentials=true",
                    ),
                    *("--allocate-node-cidrs=true", "--cluster-cidr", "10.98.0.0/16"),
                ],
                self.folder,
            )
        )

    def _start_scheduler(self) -> None:
        self.processes.append(
            start(
                "tenant-scheduler",
                [
                    toolchain.program("kube-scheduler"),
                    *("--kubeconfig", self._kubeconfig, "--leader-elect=false", "--secure-port=0"),
                ],
                self.folder,
            )
        )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            for process in self.processes:
                process.require()
            try:
                if self.client.get("/readyz").status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the tenant's API server is not ready: {error}") from error
            time.sleep(0.1)

    def _allow_joining(self) -> None:
        """cluster-info and the rules for bootstrap tokens (kubeadm's phases bootstraptoken and uploadconfig)."""
        info = {"clusters": [{"name": "", "cluster": self._cluster()}], "apiVersion": "v1", "kind": "Config"}
        self.config_map("kube-public", "cluster-info", {"kubeconfig": yaml.safe_dump(info)})
        self.config_map("kube-system", "kubeadm-config", {"ClusterConfiguration": "kubernetesVersion: v1.33.0\n"})
        self.config_map("kube-system", "kubelet-config", {"kubelet": "kind: KubeletConfiguration\n"})
        anonymous, group = ("User", "system:anonymous"), ("Group", JOINING)
        self._role("kube-public", "cluster-info", ["cluster-info"], anonymous)
        self._role("kube-system", "join-config", ["kubeadm-config", "kubelet-config"], group)
        rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}
        self._create("ClusterRole", "clusterroles", "get-nodes", {"rules": [rule]})
        for name, role in (
            ("bootstrap", "system:node-bootstrapper"),
            ("approve", "system:certificates.k8s.io:certificatesigningrequests:nodeclient"),
            ("nodes", "get-nodes"),
        ):
            self._bind("ClusterRoleBinding", "clusterrolebindings", name, ("ClusterRole", role), group)

    def _cluster(self) -> dict[str, str]:
        ca = base64.b64encode(self.authority.pem.encode()).decode()
        return {"server": f"https://{self.endpoint}", "certificate-authority-data": ca}

    def _role(self, namespace: str, name: str, config_maps: list[str], subject: tuple[str, str]) -> None:
        rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": config_maps}
        self._create("Role", f"namespaces/{namespace}/roles", name, {"rules": [rule]})
        self._bind("RoleBinding", f"namespaces/{namespace}/rolebindings", name, ("Role", name), subject)

    def _bind(self, kind: str, path: str, name: str, role: tuple[str, str], subject: tuple[str, str]) -> None:
        group = "rbac.authorization.k8s.io"
        body = {
            "roleRef": {"apiGroup": group, "kind": role[0], "name": role[1]},
            "subjects": [{"apiGroup": group, "kind": subject[0], "name": subject[1]}],
        }
        self._create(kind, path, name, body)

    def _create(self, kind: str, path: str, name: str, body: dict[str, Any]) -> None:
        document = {"kind": kind, "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}, **body}
        self.client.post(f"/apis/rbac.authorization.k8s.io/v1/{path}", json=document).raise_for_status()

    def config_map(self, namespace: str, name: str, data: dict[str, str]) -> None:
        """Create a ConfigMap."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        deadline = time.monotonic() + 30
        # The API server makes its own namespaces in the first seconds.
        while (answer := self.client.post(path, json=body)).status_code == httpx.codes.NOT_FOUND:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        answer.raise_for_status()

    def token(self, token: str) -> str:
        """Make a bootstrap token known, as Cluster API's bootstrap provider does, and wait until cluster-info is signed."""
        identity, secret = token.split(".")
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=15)
        data = {
            "token-id": identity,
            "token-secret": secret,
            "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "usage-bootstrap-signing": "true",
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": JOINING,
        }
        metadata = {"name": f"bootstrap-token-{identity}"}
        body = {"kind": "Secret", "type": "bootstrap.kubernetes.io/token", "metadata": metadata, "stringData": data}
        self.client.post("/api/v1/namespaces/kube-system/secrets", json=body).raise_for_status()
        return token

    def nodes(self) -> dict[str, dict[str, Any]]:
        """The Nodes, by name."""
        items = self.client.get("/api/v1/nodes").raise_for_status().json()["items"]
        return {item["metadata"]["name"]: item for item in items}

    def pin(self) -> str:
        """Hash of its authority's public key, as openssl computes it."""
        key = ["openssl", "x509", "-in", str(self.authority.certificate), "-noout", "-pubkey"]
        pem = subprocess.run(key, check=True, capture_output=True).stdout
        der = subprocess.run(
            ["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True, capture_output=True
        )
        return f"sha256:{hashlib.sha256(der.stdout).hexdigest()}"

    def stop(self) -> None:
        """Stop it and wait."""
        self.client.close()
        for process in reversed(self.processes):
            process.stop()
