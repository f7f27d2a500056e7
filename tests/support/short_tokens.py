"""Service account tokens that live for seconds, as nobody could ask a management cluster for, and waits that outlive them."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from kamaji_equinix.automation.engine.process import Cancellation
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.errors import NotReady
from kamaji_equinix.automation.readiness import Look, await_ready
from kamaji_equinix.components import tree
from kamaji_equinix.components.kube.management import Credentials, connect
from kamaji_equinix.components.settings.load import load_stack

from lab.plane import ManagementPlane
from tests.support.handoff_runs import start
from tests.support.kamaji_objects import CLUSTER, Tenant
from tests.support.settings_cases import configuration
from tests.support.tls_endpoint import TlsEndpoint

LEEWAY = 60
"""Seconds for which the API server takes a token after its end (go-jose's ``DefaultLeeway``)."""

CACHED = 10
"""Seconds for which it may remember that a token was good (``TokenSuccessCacheTTL`` of the authenticator)."""

ISSUER = "https://kubernetes.default.svc"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


class ServiceAccount:
    """An account with all rights, and its files: a token, a credential plugin and kubeconfigs of both.

    Attributes:
        by_file, by_plugin: kubeconfigs.
        first: the first token.
    """

    def __init__(self, plane: ManagementPlane, namespace: str, folder: Path, life: float) -> None:
        self._plane, self._namespace, self._folder, self._life = plane, namespace, folder, life
        with plane.client() as client:
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
            answer = client.post(path, json={"metadata": {"name": "operator"}})
            self._uid = answer.raise_for_status().json()["metadata"]["uid"]
            subject = {"kind": "ServiceAccount", "name": "operator", "namespace": namespace}
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
            binding = {"metadata": {"name": f"{namespace}-operator"}, "roleRef": role, "subjects": [subject]}
            bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
            client.post(bindings, json=binding).raise_for_status()
        self.first = self._renew()
        plugin = folder / "plugin"
        plugin.write_text(f"#!/bin/sh\ncat {folder}/credential\n")
        plugin.chmod(0o755)
        version = "client.authentication.k8s.io/v1"
        user = {"exec": {"apiVersion": version, "command": str(plugin), "interactiveMode": "Never"}}
        self.by_file = self._kubeconfig("by-file", {"tokenFile": "token"})
        self.by_plugin = self._kubeconfig("by-plugin", user)

    @contextlib.contextmanager
    def renew(self) -> Iterator[None]:
        """Somebody writes a new token into the files long before the one in them ends."""
        end = threading.Event()

        def repeat() -> None:
            while not end.wait(self._life / 3):
                self._renew()

        thread = threading.Thread(target=repeat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def takes(self, token: str) -> bool:
        """Whether the API server takes a token."""
        context = ssl.create_default_context(cadata=self._plane.ca_pem)
        with httpx.Client(verify=context, trust_env=False, timeout=20) as client:
            url = f"{self._plane.url}/apis/authentication.k8s.io/v1/selfsubjectreviews"
            answer = client.post(url, json=REVIEW, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (201, 401), answer.text
        return answer.status_code == 201

    def _renew(self) -> str:
        token = self._token()
        version = "client.authentication.k8s.io/v1"
        credential = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
        for name, content in (("token", token), ("credential", json.dumps(credential))):
            fresh = self._folder / f"{name}.new"
            fresh.write_text(content)
            fresh.replace(self._folder / name)
        return token

    def _token(self) -> str:
        now = time.time()
        claims = {
            "iss": ISSUER,
            "aud": [ISSUER],
            "sub": f"system:serviceaccount:{self._namespace}:operator",
            "iat": int(now) - 3600,
            "nbf": int(now) - 3600,
            "exp": int(now + self._life) - LEEWAY,
            "jti": str(now),
            "kubernetes.io": {"namespace": self._namespace, "serviceaccount": {"name": "operator", "uid": self._uid}},
        }
        text = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        key: Any = serialization.load_pem_private_key(self._plane.service_account_key.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey), "the lab's keys are RSA"
        return f"{text}.{encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def _kubeconfig(self, name: str, user: dict[str, Any]) -> Path:
        document = {
            "clusters": [
                {
                    "name": "c",
                    "cluster": {
                        "server": self._plane.url,
                        "certificate-authority-data": base64.b64encode(self._plane.ca_pem.encode()).decode(),
                    },
                }
            ],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path = self._folder / name
        path.write_text(yaml.safe_dump(document))
        return path


def watch(kubeconfig: Path, namespace: str, seconds: float) -> list[str]:
    """The trees that a wait for a cluster shows, which never becomes ready."""
    settings = load_stack(configuration(cluster={"name": CLUSTER, "namespace": namespace}))
    looks: list[Look] = []
    api = connect(Credentials(kubeconfig_path=str(kubeconfig)))
    with contextlib.suppress(NotReady):
        await_ready(api, settings, Translator("stack", None), seconds, Cancellation(), looks.append)
    assert looks[-1].elapsed >= seconds, "it looked to the end"
    return [tree.draw(look.status) for look in looks]


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def outlive(plane: ManagementPlane, folder: Path, life: float, waits: float) -> None:
    """Two hand-offs and a watched status tree, all begun with tokens that end long before the wait does.

    Args:
        plane: the management cluster.
        folder: for files.
        life: seconds that a token lives.
        waits: seconds until the control planes get their addresses.
    """
    tenants = [Tenant(plane), Tenant(plane)]
    endpoints = []
    try:
        for tenant in tenants:
            endpoints.append(TlsEndpoint(tenant.authority))
            tenant.create().play()
            tenant.tenant()
        account = ServiceAccount(plane, tenants[0].namespace, folder, life)
        with account.renew():
            assert account.takes(account.first), "the first token is good at first"
            runs = [
                start(tenant, kubeconfig, timeoutSeconds=waits + 120)
                for tenant, kubeconfig in zip(tenants, (account.by_file, account.by_plugin), strict=True)
            ]
            trees = watch(account.by_plugin, tenants[0].namespace, waits)
            assert not account.takes(account.first), "by now the tokens that all began with are dead"
            for tenant, endpoint in zip(tenants, endpoints, strict=True):
                tenant.publish(endpoint.host, endpoint.port)
            # The last to take over stderr gives it back first.
            for run in reversed(runs):
                run.end(120)
            for run in runs:
                assert run.require_success()["setBy"], "handed off with tokens of later"
                assert "nauthorized" not in run.output, "and nothing was refused on the way"
            assert "Cluster/c1" in trees[-1], "the tree was drawn"
            assert not [tree for tree in trees if "nauthorized" in tree], "and could be read to the end"
    finally:
        for tenant in tenants:
            tenant.close()
        for endpoint in endpoints:
            endpoint.close()
