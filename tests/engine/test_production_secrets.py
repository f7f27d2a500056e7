"""The production example with credentials that are known here: none stands in clear in what it leaves or prints."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import crds
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet
from tests.support.project import ROOT, Project

STACK, NAMESPACE = "production", "tenant-production"


@dataclass
class Traces:
    """What a run of the example printed and left behind.

    Attributes:
        secrets: by what they are.
        texts: by where they come from.
        clear_state: the state with its secrets in clear, as only who has the passphrase sees it.
    """

    secrets: dict[str, str]
    texts: dict[str, str]
    clear_state: str


def kubeconfig(plane: ManagementPlane, markers: dict[str, str]) -> str:
    """The plane's kubeconfig with the example's context, and a second user with seeded credentials of every kind."""
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["contexts"][0]["name"] = config["current-context"] = "management"
    key = "".join(f"{markers['key']}\n" for _ in range(2))
    pem = f"-----BEGIN PRIVATE KEY-----\n{key}-----END PRIVATE KEY-----\n"
    other = {"token": markers["token"], "username": "seeded", "password": markers["password"]}
    encoded = base64.b64encode(pem.encode()).decode()
    config["users"].append({"name": "seeded", "user": {**other, "client-key-data": encoded}})
    text: str = yaml.safe_dump(config)
    return text


@pytest.fixture(scope="module")
def traces(project: Project, management: ManagementPlane) -> Traces:
    markers = {kind: f"{kind}-{secrets.token_hex(12)}" for kind in ("token", "password", "key", "registry")}
    example, plugin = (ROOT / f"Pulumi.{STACK}.yaml").read_text(), "kamaji-equinix:network:\n    plugin: cilium\n"
    assert plugin in example, "its nodes become Ready"
    # Its tenant is played, so nothing can be installed into it.
    (project.folder / f"Pulumi.{STACK}.yaml").write_text(example.replace(plugin, plugin.replace("cilium", "none")))
    make_data_store(management, STACK)
    with Fleet(management) as fleet, management.client() as client:
        fleet.namespace = NAMESPACE
        crds.apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        metadata = {"name": "registry-credentials", "namespace": NAMESPACE}
        content = {"hosts.toml": f"authorization = {markers['registry']}"}
        crds.apply(client, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content})
        project.pulumi("stack", "init", STACK).ok()
        command = [
            "pulumi",
            "config",
            "set",
            "--secret",
            "--path",
            "kamaji-equinix:management.kubeconfig",
            "--stack",
            STACK,
        ]
        stdin = kubeconfig(management, markers)
        subprocess.run(command, cwd=project.folder, env=project.environment, input=stdin, text=True, check=True)
        texts = {
            "preview": project.pulumi("preview", "--diff", "--stack", STACK).ok(),
            "preview as JSON": project.pulumi("preview", "--json", "--stack", STACK).ok(),
            "up": project.up(STACK, "--diff").ok(),
            "outputs": project.pulumi("stack", "output", "--json", "--stack", STACK).ok(),
            "state": project.pulumi("stack", "export", "--stack", STACK).ok(),
            "refresh": project.pulumi("refresh", "--yes", "--diff", "--stack", STACK).ok(),
            "state after a refresh": project.pulumi("stack", "export", "--stack", STACK).ok(),
            "stack's file": (project.folder / f"Pulumi.{STACK}.yaml").read_text(),
        }
        render = (sys.executable, "-m", "kamaji_equinix.components.render", "--stack", STACK)
        texts["rendered files"] = project.run(*render).ok()
        clear_state = project.pulumi("stack", "export", "--show-secrets", "--stack", STACK).ok()
        active = yaml.safe_load(management.kubeconfig.read_text())["users"][0]["user"]["client-key-data"]
        values = {**markers, "tenant's kubeconfig": fleet.secret, "administrator's key": pem_line(active)}
    backend = Path(project.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    texts |= {f"backend's {path.name}": path.read_text() for path in sorted(backend.rglob("*.json*"))}
    return Traces(values, texts, clear_state)


def pem_line(encoded: str) -> str:
    """A line from the middle of a key."""
    return base64.b64decode(encoded).decode().splitlines()[3]


def forms(secret: str) -> Iterator[str]:
    """A text as it is, and as it would look within something encoded as base64, once and twice, at any offset."""
    layer = [secret]
    yield secret
    for _ in range(2):
        layer = [
            base64.b64encode(b"x" * offset + text.encode()).decode()[(0, 4, 4)[offset] : -4]
            for text in layer
            for offset in range(3)
        ]
        yield from layer


def test_no_secret_stands_in_clear(traces: Traces) -> None:
    for owner, secret in traces.secrets.items():
        for form in forms(secret):
            for source, text in traces.texts.items():
                assert form not in text, f"the {owner} stands in the {source}"


def test_the_secrets_are_there_for_who_may_see_them(traces: Traces) -> None:
    """Guards the test above: it would find nothing where nothing was used."""
    resources = json.loads(traces.clear_state)["deployment"]["resources"]
    provider: dict[str, Any] = next(item for item in resources if item["type"] == "pulumi:providers:kubernetes")
    for owner in ("token", "password", "administrator's key", "tenant's kubeconfig"):
        hits = [form for form in forms(traces.secrets[owner]) if form in traces.clear_state]
        assert hits, f"the {owner} was not used by the run"
    assert "plaintext" in json.dumps(provider["inputs"]["kubeconfig"]), "the provider's credentials are a secret"
    assert traces.secrets["registry"] not in traces.clear_state, "a machine's secret content stays in its Secret"


def test_the_forms_of_a_secret_are_found_at_any_offset() -> None:
    for offset in range(5):
        text = "a" * offset + "needle-in-a-haystack" + "b" * 7
        once = base64.b64encode(text.encode()).decode()
        twice = base64.b64encode(once.encode()).decode()
        for encoded in (text, once, twice):
            assert any(form in encoded for form in forms("needle-in-a-haystack")), f"offset {offset}: {encoded}"


def test_the_rendered_files_name_the_secret_instead(traces: Traces) -> None:
    lines = traces.texts["rendered files"].splitlines()
    manifests = "\n".join(line for line in lines if not line.startswith("warning: "))
    documents = [document for document in yaml.safe_load_all(manifests) if document]
    kinds = {document["kind"] for document in documents}
    assert "Secret" not in kinds, "no Secret is rendered"
    templates = [document for document in documents if document["kind"] == "KubeadmConfigTemplate"]
    sources = [
        file.get("contentFrom") for item in templates for file in item["spec"]["template"]["spec"].get("files", [])
    ]
    assert {"secret": {"name": "registry-credentials", "key": "hosts.toml"}} in sources, (
        "the machine reads it by itself"
    )
