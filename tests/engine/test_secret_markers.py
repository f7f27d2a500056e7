"""Markers as secrets and as plain values: a run of each kind shows and leaves the plain ones only."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kamaji_equinix.automation import ClusterStack, Event
from pydantic import SecretStr

from lab.plane import ManagementPlane
from tests.support.arguments import Arguments
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet
from tests.support.markers import marker, shown
from tests.support.project import Project

STACK = "marked"
BOOTSTRAP = "workerPools[0].bootstrap"
PLACES = {
    f"{BOOTSTRAP}.commands[1]": "login --password={}",
    f"{BOOTSTRAP}.postCommands[0]": "notify '{}'",
    f"{BOOTSTRAP}.files[1].content": "token: {}\nsecond: line\n",
}


@dataclass
class Left:
    """What the runs printed and left behind.

    Attributes:
        secret: markers that were stored as secrets.
        plain: markers that were not.
        texts: by where they come from.
        held: the Secrets of the pool, by name, decoded.
        templates: the KubeadmConfigTemplates that were there after each change.
        state: with its secrets in clear.
    """

    secret: list[str]
    plain: list[str]
    texts: dict[str, str]
    held: dict[str, dict[str, str]]
    templates: list[set[str]]
    state: str


def settings(fleet: Fleet, plain: list[str]) -> dict[str, Any]:
    one, two, three, four, five = plain
    return {
        "cluster": {"name": STACK, "namespace": fleet.namespace, "labels": {"team": one}},
        "controlPlane": {"network": {"serviceAnnotations": {"example.org/a": two}}},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "workerPools": [
            {
                "name": "a",
                "replicas": 0,
                "bootstrap": {
                    "commands": [f"echo {three}", ""],
                    "postCommands": [""],
                    "files": [{"path": "/etc/a", "content": four}, {"path": "/etc/b", "content": ""}],
                    "kubeletExtraArgs": {"node-ip": five},
                },
            }
        ],
    }


def store(project: Project, path: str, text: str) -> None:
    command = ["pulumi", "config", "set", "--path", "--secret", f"kamaji-equinix:{path}", "--stack", STACK]
    subprocess.run(command, cwd=project.folder, env=project.environment, input=f"{text}\n", text=True, check=True)


@pytest.fixture(scope="module", autouse=True)
def engine(project: Project) -> Iterator[None]:
    """Let the API find pulumi."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", project.environment["PATH"])
        yield


@pytest.fixture(scope="module")
def left(project: Project, management: ManagementPlane, tmp_path_factory: pytest.TempPathFactory) -> Left:
    temporary = tmp_path_factory.mktemp("temporary")
    project.environment |= {"TMPDIR": str(temporary), "PULUMI_EXPERIMENTAL": "true"}
    secret, plain, events = [marker() for _ in range(10)], [marker() for _ in range(5)], list[Event]()
    texts: dict[str, str] = {}
    templates: list[set[str]] = []
    make_data_store(management)
    with Fleet(management) as fleet, management.client() as client, Arguments() as arguments:
        project.pulumi("stack", "init", STACK).ok()
        project.configure(STACK, **settings(fleet, plain))
        for (path, form), text in zip(PLACES.items(), secret, strict=False):
            store(project, path, form.format(text))
        store(project, "management.kubeconfig", management.kubeconfig.read_text() + f"# {secret[3]}\n")
        plan = project.folder / "plan.json"
        saved = ("--save-plan", str(plan))
        texts["preview"] = project.pulumi("preview", "--diff", *saved, "--stack", STACK).ok()
        texts["plan"] = plan.read_text()
        texts["script's up"] = project.script("up", "--json", "--no-wait", "--stack", STACK).ok()
        templates.append(names(client, fleet))
        store(project, f"{BOOTSTRAP}.commands[1]", f"login --password={secret[4]}")
        stack = ClusterStack(STACK, folder=project.folder, environment=project.environment, on_event=events.append)
        changed = stack.up()
        texts |= {"result": repr(changed), "events": "\n".join(map(repr, events)), "output": changed.output}
        templates.append(names(client, fleet))
        texts["refresh"] = project.pulumi("refresh", "--yes", "--diff", "--stack", STACK).ok()
        texts["plain up"] = project.up(STACK, "--diff").ok()
        texts["state"] = project.pulumi("stack", "export", "--stack", STACK).ok()
        state = project.pulumi("stack", "export", "--show-secrets", "--stack", STACK).ok()
        history = ("stack", "history", "--json", "--full-dates", "--stack", STACK)
        texts["history"] = project.pulumi(*history).ok()
        texts |= objects(client, fleet.namespace)
        held = {
            item["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text in item["data"].items()}
            for item in client.get(f"/api/v1/namespaces/{fleet.namespace}/secrets").json()["items"]
            if item["metadata"].get("labels", {}).get("pool") == "a"
        }
        # Wrong in one place, while another is a secret that was right before.
        store(project, f"{BOOTSTRAP}.postCommands[0]", "echo {{ .Foo }} " + secret[5])
        store(project, "controlPlane.registry", secret[6])
        store(project, "cluster.paused", secret[7])
        for name, done in {
            "refused preview": project.pulumi("preview", "--stack", STACK),
            "refused script": project.script("preview", "--json", "--stack", STACK),
        }.items():
            assert done.code != 0, f"{name} ends with an error: {done.output}"
            texts[name] = done.output
        texts["destroy"] = project.pulumi("destroy", "--yes", "--stack", STACK).ok()
        texts["stack's file"] = (project.folder / f"Pulumi.{STACK}.yaml").read_text()
    texts["arguments"] = "\n".join(sorted(arguments.seen))
    backend = Path(project.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    for folder, what in ((backend, "backend"), (temporary, "temporary")):
        texts |= {
            f"{what} {path.name}": path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()
        }
    return Left(secret, plain, texts, held, templates, state)


def names(client: httpx.Client, fleet: Fleet) -> set[str]:
    where = f"/apis/bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{fleet.namespace}/kubeadmconfigtemplates"
    return {item["metadata"]["name"] for item in client.get(where).json()["items"]}


def objects(client: httpx.Client, namespace: str) -> dict[str, str]:
    """All objects of a namespace but Secrets, as the API server gives them."""
    groups = ["/api/v1"]
    groups += [f"/apis/{group['preferredVersion']['groupVersion']}" for group in client.get("/apis").json()["groups"]]
    found = {}
    for group in groups:
        for resource in client.get(group).json()["resources"]:
            if resource["namespaced"] and "list" in resource["verbs"] and resource["name"] != "secrets":
                found[f"{resource['name']} of the API"] = client.get(
                    f"{group}/namespaces/{namespace}/{resource['name']}"
                ).text
    return found


def test_secret_markers_are_found_nowhere_in_clear(left: Left) -> None:
    texts = {where: text for where, text in left.texts.items() if not where.startswith("temporary kubeconfig")}
    assert not shown(left.secret, texts), "neither printed nor left"
    # What pulumi-kubernetes leaves of plain `pulumi` runs: docs/secrets.md says what to do about it.
    copies = {where: text for where, text in left.texts.items() if where not in texts}
    assert not shown([text for text in left.secret if text != left.secret[3]], copies), (
        "the management's kubeconfig alone"
    )


def test_plain_markers_are_shown_and_the_objects_hold_them(left: Left) -> None:
    """Guards the test above: it would find nothing where nothing was looked at."""
    for where in ("preview", "plan", "state", "kubeadmconfigtemplates of the API"):
        for text in left.plain[2:]:
            assert text in left.texts[where], f"{text} is missing in the {where}"
    assert left.plain[0] in left.texts["clusters of the API"], "a label is no secret"
    for text in left.secret[1:5]:
        assert text in left.state or any(text in str(held) for held in left.held.values()), "each secret was used"


def test_the_secret_goes_to_the_machines_by_a_secret_whose_change_rolls_them(left: Left) -> None:
    assert len(left.held) == 1, f"the one before goes with its template: {left.held.keys()}"
    contents = [held for held in left.held.values() if left.secret[4] in held.get("commands.1", "")]
    assert len(contents) == 1, f"the Secret of the pool: {left.held.keys()}"
    assert contents[0]["files.1"] == f"token: {left.secret[2]}\nsecond: line\n", "to the last line break"
    assert left.templates[1] - left.templates[0], "another secret is another template, which machines roll to"


def test_a_wrong_secret_is_refused_with_its_path_and_its_rule(left: Left) -> None:
    for where in ("refused preview", "refused script"):
        for words in (
            f"{BOOTSTRAP}.postCommands[0] is a secret: line 1, column 6",
            "controlPlane.registry: is stored as a secret, but it would end in clear",
            "cluster.paused: is stored as a secret, but it would end in clear",
        ):
            assert words in " ".join(left.texts[where].split()), f"{words!r} in {left.texts[where]}"


def test_the_state_holds_the_secrets_data_as_ciphertext_and_its_name_in_clear(left: Left) -> None:
    resources = json.loads(left.texts["state"])["deployment"]["resources"]
    (secret,) = [
        item
        for item in resources
        if item["type"] == "kubernetes:core/v1:Secret" and "inputs" in item and item["inputs"].get("data")
    ]
    assert "ciphertext" in secret["inputs"]["data"], "pulumi-kubernetes makes one secret of all data"
    assert secret["inputs"]["metadata"]["name"] in left.held, "what is no secret can be read in the state"


def test_secrets_of_a_caller_are_written_encrypted(project: Project, management: ManagementPlane, left: Left) -> None:
    """What other code passes as SecretStr, into a folder's stack file."""
    with Fleet(management) as fleet:
        given, text = settings(fleet, left.plain), marker()
        given["cluster"]["name"] = "called"
        given["workerPools"][0]["bootstrap"] = {"commands": [SecretStr(f"login {text}")]}
        given["management"] = {"kubeconfig": management.kubeconfig.read_text()}
        with Arguments() as arguments:
            stack = ClusterStack("called", given, folder=project.folder, environment=project.environment)
            planned, done = stack.preview(), stack.up()
        assert planned.changed, "a preview"
        file = (project.folder / "Pulumi.called.yaml").read_text()
        assert list(
            yaml.safe_load(file)["config"]["kamaji-equinix:clusters"][0]["workerPools"][0]["bootstrap"]["commands"][0]
        ) == ["secure"], "encrypted in its place"
        assert not shown(
            [text], {"file": file, "arguments": "\n".join(arguments.seen), "output": planned.output + done.output}
        ), "and hidden"
        stack.destroy()
