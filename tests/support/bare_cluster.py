"""A management cluster from nothing, with the commands of docs/management-cluster.md in a shell beside it."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from kamaji_equinix.components.checks import installation, preflight
from kamaji_equinix.components.checks.preflight import Report
from kamaji_equinix.components.settings.load import load_stack

import toolchain
from lab import crds
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.document_code import commands
from tests.support.lab import eventually
from tests.support.provider_repositories import CERT_MANAGER, KUBECTL, repositories
from tests.support.settings_cases import configuration

PAGE = "management-cluster.md"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
MERGE = {"Content-Type": "application/merge-patch+json"}
GROUPS = [group for group in installation.installs("v1beta1") if group != "kamaji.clastix.io"]
"""API groups that clusterctl brings, but for the infrastructure provider's."""


@dataclass
class Bare:
    """An API server that began with nothing but what stands in for cert-manager, and a shell beside it."""

    plane: ManagementPlane
    http: httpx.Client
    environment: dict[str, str]

    def run(self, command: str, *, code: int = 0) -> None:
        """Run a command as the page's reader does."""
        # clusterctl makes a namespace to try cert-manager in, and takes one that still goes for a cert-manager that fails.
        self.await_absence("/api/v1/namespaces/cert-manager-test")
        process = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert process.returncode == code, f"{command}: {process.stdout}{process.stderr}"
        self.inject_authorities()

    def inject_authorities(self) -> None:
        """What cert-manager does for conversion webhooks: without a certificate Kubernetes does not serve their CRDs."""
        authority = base64.b64encode(self.plane.ca_pem.encode()).decode()
        patch = {"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": authority}}}}}
        for item in self.http.get(CRDS).raise_for_status().json()["items"]:
            if item["spec"].get("conversion", {}).get("strategy") == "Webhook":
                path = f"{CRDS}/{item['metadata']['name']}"
                self.http.patch(path, json=patch, headers=MERGE).raise_for_status()

    def await_absence(self, path: str) -> None:
        deadline = time.monotonic() + 60
        while self.http.get(path).status_code != httpx.codes.NOT_FOUND:
            assert time.monotonic() < deadline, f"{path} does not go away"
            time.sleep(0.2)

    def check(self, **extra: Any) -> Report:
        """What `kamaji-equinix check` asks."""
        raw = configuration(management={"kubeconfigPath": str(self.plane.kubeconfig)}, **extra)
        return preflight.check_stack(load_stack(raw))

    def lacks(self, *texts: str) -> Report:
        """What `check` says once it finds exactly these problems: the server's discovery is a moment behind."""
        return eventually(
            self.check,
            lambda report: [obstacle.text for obstacle in report.obstacles] == list(texts),
            30,
            f"the problems {texts}",
        )

    def remove_crds(self, *groups: str) -> list[str]:
        """Take the CRDs of API groups away, and wait until they are no longer served."""
        names = [
            item["metadata"]["name"]
            for item in self.http.get(CRDS).raise_for_status().json()["items"]
            if item["spec"]["group"] in groups
        ]
        for name in names:
            self.http.delete(f"{CRDS}/{name}").raise_for_status()
        for name in names:
            self.await_absence(f"{CRDS}/{name}")
        return names

    def provider_deployments(self) -> dict[str, str]:
        """Paths of the providers' Deployments, by provider."""
        label = "cluster.x-k8s.io/provider"
        answer = self.http.get("/apis/apps/v1/deployments", params={"labelSelector": label}).raise_for_status().json()
        return {
            item["metadata"]["labels"][label]: DEPLOYMENTS.format(item["metadata"]["namespace"])
            + f"/{item['metadata']['name']}"
            for item in answer["items"]
        }

    def start_controllers(self) -> None:
        """Say of each Deployment that it runs: there is no node here."""
        for path in self.provider_deployments().values():
            status = {"status": {"replicas": 1, "availableReplicas": 1, "readyReplicas": 1}}
            self.http.patch(f"{path}/status", json=status, headers=MERGE).raise_for_status()

    def install(self) -> None:
        """Run the page's commands of clusterctl, and bring what helm would: Kamaji's CRDs. There is no DataStore yet."""
        lines = commands(PAGE, "clusterctl init")
        assert lines, "the page runs clusterctl"
        for command in lines:
            self.run(command)
        self.apply_kamajis_crds()
        self.lacks("DataStore default does not exist")

    def apply_kamajis_crds(self) -> None:
        """Bring the CRDs of Kamaji's chart, as helm would."""
        for path in (toolchain.module_folder("github.com/clastix/kamaji") / "charts/kamaji/crds").glob("*.yaml"):
            crds.apply(self.http, yaml.safe_load(path.read_text()))

    def complete(self) -> None:
        """All that a stack needs, with controllers that run."""
        make_data_store(self.plane)
        self.start_controllers()
        assert self.lacks().notes == (), "nothing is amiss"

    def lose_deployment(self, provider: str) -> None:
        """Take a provider's Deployment away, and bring it back with the command that `check` prints."""
        version = self.check().controllers[provider]
        path = self.provider_deployments()[provider]
        self.http.delete(path).raise_for_status()
        self.await_absence(path)
        report = self.lacks(f"{provider} {version} was installed by clusterctl, but its Deployment is gone")
        (command,) = remedies(report)
        # Its CRDs hold a placeholder for a certificate, which Kubernetes does not take instead of a real one.
        self.run(command, code=1 if provider == "infrastructure-packet" else 0)
        self.start_controllers()
        assert self.lacks().notes == (), f"{provider} is back"

    def lose_crds(self, group: str) -> None:
        """Take the CRDs of an API group away, and bring them back with the command that `check` prints."""
        names = self.remove_crds(group)
        report = eventually(self.check, lambda report_: "not installed" in str(report_), 30, "the CRDs are missed")
        assert [name for name in names if name in str(report)], f"one that the stack uses is named: {report}"
        (command,) = remedies(report)
        self.run(command)
        self.start_controllers()
        self.lacks()


def remedies(report: Report) -> list[str]:
    """The commands of clusterctl that a report names."""
    return re.findall(r"clusterctl [^`\n]+", str(report))


@contextmanager
def bare_cluster(folder: Path) -> Iterator[Bare]:
    """An API server that knows Kubernetes and, of cert-manager, what clusterctl asks for."""
    plane = ManagementPlane(folder / "plane", install_crds=False, controller_manager=True)
    try:
        plane.start()
        with plane.client() as client:
            for definition in CERT_MANAGER:
                crds.apply(client, definition)
            programs, home = folder / "bin", folder / "home"
            for directory in (programs, home):
                directory.mkdir()
            (programs / "clusterctl").symlink_to(toolchain.program("clusterctl"))
            (programs / "kubectl").symlink_to(KUBECTL)
            config = home / ".config" / "cluster-api" / "clusterctl.yaml"
            config.parent.mkdir(parents=True)
            config.write_text(repositories(folder / "repositories").read_text())
            environment = {
                **os.environ,
                "PATH": f"{programs}:{os.environ['PATH']}",
                "HOME": str(home),
                "XDG_CONFIG_HOME": str(home / ".config"),
                "KUBECONFIG": str(plane.kubeconfig),
                "CLUSTERCTL_DISABLE_VERSIONCHECK": "true",
                # The page's reader has exported it.
                "PACKET_API_KEY": "key-of-nobody",
            }
            yield Bare(plane, client, environment)
    finally:
        plane.stop()
