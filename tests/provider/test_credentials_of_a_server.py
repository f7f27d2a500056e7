"""On a real API server: it takes this program's client for whom it takes kubectl, and waits outlive their tokens."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.kube.management import Credentials, connect, kubeconfig_text

from lab.plane import ManagementPlane
from tests.support.credentials.runs import kubectl
from tests.support.kamaji_objects import Tenant
from tests.support.short_tokens import CACHED, REVIEW, ServiceAccount, outlive

REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture(scope="module")
def account(management: ManagementPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceAccount]:
    """A service account whose token lives for an hour."""
    tenant = Tenant(management)
    yield ServiceAccount(management, tenant.namespace, tmp_path_factory.mktemp("account"), 3600)
    tenant.close()


ACTING: dict[str, dict[str, Any]] = {
    "itself": {},
    "somebody": {"as": "bob"},
    "with groups": {"as": "bob", "as-groups": ["b", "a", "system:authenticated"]},
    "with a uid": {"as": "bob", "as-uid": "1-2-3"},
    "with extra": {"as": "bob", "as-user-extra": {"scopes": ["view", "edit"], "acme.org/project": ["a"]}},
    "with odd extra": {"as": "bob", "as-user-extra": {"a/b%c": ["1"], "UPPER": ["ä"], "x y": ["2"]}},
    "a service account": {"as": "system:serviceaccount:default:bob"},
    "a name outside of ASCII": {"as": "jürgen"},
}


@pytest.mark.parametrize("login", ["certificate", "certificate files", "token file", "plugin"])
@pytest.mark.parametrize("acting", ACTING)
def test_the_server_takes_the_client_for_whom_it_takes_kubectl(
    login: str, acting: str, management: ManagementPlane, account: ServiceAccount, tmp_path: Path
) -> None:
    document = yaml.safe_load((account.by_plugin if login == "plugin" else account.by_file).read_text())
    user = document["users"][0]["user"]
    if "tokenFile" in user:
        user["tokenFile"] = str(account.by_file.parent / "token")
    if login.startswith("certificate"):
        admin = yaml.safe_load(management.kubeconfig.read_text())["users"][0]["user"]
        user = document["users"][0]["user"] = admin
    if login == "certificate files":
        for name in ("client-certificate", "client-key"):
            (tmp_path / name).write_bytes(base64.b64decode(user.pop(f"{name}-data")))
            user[name] = name
    user.update(ACTING[acting])
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    settings = Credentials(kubeconfig_path=str(path))
    expected = whoami(path)
    assert expected["username"], "kubectl is somebody"
    identity = connect(settings).post(REVIEWS, REVIEW)["status"]["userInfo"]
    assert identity == expected, "the same user, groups, uid and extra"
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "kubeconfig").write_text(str(kubeconfig_text(settings)))
    assert whoami(folder / "kubeconfig") == expected, "and the same with the kubeconfig that is handed on"


def whoami(kubeconfig: Path) -> Any:
    process = subprocess.run(
        [kubectl(), "--kubeconfig", kubeconfig, "auth", "whoami", "-o", "json"],
        env={"PATH": os.environ["PATH"], "HOME": str(kubeconfig.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)["status"]["userInfo"]


def test_rights_are_those_of_the_user_that_is_acted_as(management: ManagementPlane, tmp_path: Path) -> None:
    document = yaml.safe_load(management.kubeconfig.read_text())
    document["users"][0]["user"].update({"as": "bob", "as-groups": ["nobodies"]})
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    with pytest.raises(ApiError, match='User "bob" cannot list resource "secrets"'):
        connect(Credentials(kubeconfig_path=str(path))).get("/api/v1/secrets")


def test_handoffs_and_waits_outlive_their_tokens(management: ManagementPlane, tmp_path: Path) -> None:
    outlive(management, tmp_path, life=3, waits=CACHED + 5)
