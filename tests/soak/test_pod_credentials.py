"""A pod's service account, by kubectl and by this program's client; the folder of its files stands in a mount namespace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.plane import ManagementPlane
from tests.conftest import ROOT
from tests.support.credentials.runs import kubectl
from tests.support.kamaji_objects import Tenant
from tests.support.short_tokens import REVIEW, ServiceAccount

CLIENT = f"""
import sys
from kamaji_equinix.components.kube.management import Credentials, connect
user = connect(Credentials(context=sys.argv[1] or None)).post(
    "/apis/authentication.k8s.io/v1/selfsubjectreviews", {REVIEW!r})["status"]["userInfo"]
print(user["username"])
"""

FOLDER = "/run/secrets/kubernetes.io/serviceaccount"


@pytest.mark.parametrize(
    ("kubeconfig", "context", "user"),
    [
        ("none", "", "operator"),
        ("missing", "", "operator"),
        ("empty", "", "operator"),
        ("other", "", "lab-admin"),
        ("other", "lab", "lab-admin"),
        ("none", "lab", ""),
        ("missing", "lab", ""),
        ("other", "elsewhere", ""),
    ],
)
def test_a_pod_acts_as_kubectl_would_in_it(
    kubeconfig: str, context: str, user: str, management: ManagementPlane, tmp_path: Path
) -> None:
    tenant = Tenant(management)
    account = ServiceAccount(management, tenant.namespace, tmp_path, 3600)
    (tmp_path / "ca.crt").write_text(management.ca_pem)
    (tmp_path / "empty").write_text("")
    paths = {"missing": tmp_path / "missing", "empty": tmp_path / "empty", "other": management.kubeconfig}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(management.port),
        **({"KUBECONFIG": str(paths[kubeconfig])} if kubeconfig in paths else {}),
    }
    options = ["--context", context] if context else []
    by_kubectl = inside(tmp_path, environment, [kubectl(), *options, "auth", "whoami", "-o", "json"])
    by_client = inside(tmp_path, environment, [sys.executable, "-c", CLIENT, context])
    tenant.close()
    assert account.first, "the account was there"
    if not user:
        assert (by_kubectl.returncode, by_client.returncode) != (0, 0), "a context is not ignored"
        assert by_client.returncode, by_client.stdout
        assert by_kubectl.returncode, by_kubectl.stdout
        return
    assert by_client.returncode == 0, by_client.stderr
    assert by_kubectl.returncode == 0, by_kubectl.stderr
    name = json.loads(by_kubectl.stdout)["status"]["userInfo"]["username"]
    assert by_client.stdout.strip() == name, "the same user"
    assert name.rpartition(":")[2] == user, "the one that was meant"


def inside(folder: Path, environment: dict[str, str], command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command where the files of a service account are those of a folder."""
    script = (
        f'mount -t tmpfs tmpfs /run && mkdir -p {FOLDER} && cp {folder}/token {folder}/ca.crt {FOLDER} && exec "$@"'
    )
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", *command],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
