"""Markers as secrets and as plain values: a run of each kind shows and leaves the plain ones only."""

from __future__ import annotations

import base64
import json
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
from tests.support.markers import leaks, marker
from tests.support.project import Project

STACK = "marked"
BOOTSTRAP = "workerPools[0].bootstrap"
PLACES = {
    f"{BOOTSTRAP}.commands[1]": "login --password={}",
    f"{BOOTSTRAP}.postCommands[0]": "notify '{}'",
    f"{BOOTSTRAP}.files[1].content": "token: {}\nsecond: line\n",
}


@dataclass
class Traces:
    """What the runs printed and left behind.

    Attributes:
        secret: markers that were stored as secrets.
        plain: markers that were not.
        texts: by where they come from.
        secret_data: the Secrets of the pool, by name, decoded.
        templates: the KubeadmConfigTemplates that were there after each change.
        state: with its secrets in clear.
        credential: the tenant's own, which its kubeconfig holds.
    """

    secret: list[str]
    plain: list[str]
    texts: dict[str, str]
    secret_data: dict[str, dict[str, str]]
    templates: list[set[str]]
    state: str
    credential: str


def settings(fleet: Fleet, plain: list[str]) -> dict[str, Any]:
    first, second, third, fourth, fifth = plain
    return {
        "cluster": {"name": STACK, "namespace": fleet.namespace, "labels": {"team": first}},
        "controlPlane": {"network": {"serviceAnnotations": {"example.org/a": second}}},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "workerPools": [
            {
                "name": "a",
                "replicas": 0,
                "bootstrap": {
                    "commands": [f"echo {third}", ""],
                    "postCommands": [""],
                    "files": [{"path": "/etc/a", "content": fourth}, {"path": "/etc/b", "content": ""}],
                    "kubeletExtraArgs": {"node-ip": fifth},
                },
            }
        ],
    }


@pytest.fixture(scope="module", autouse=True)
def engine(project: Project) -> Iterator[None]:
    """Let the API find pulumi."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", project.environment["PATH"])
        yield


@pytest.fixture(scope="module")
def traces(project: Project, management: ManagementPlane, tmp_path_factory: pytest.TempPathFactory) -> Traces:
    temporary = tmp_path_factory.mktemp("temporary")
    project.environment |= {"TMPDIR": str(temporary), "PULUMI_EXPERIMENTAL": "true"}
    secret, plain = [marker() for _ in range(10)], [marker() for _ in range(5)]
    texts: dict[str, str] = {}
    templates: list[set[str]] = []
    make_data_store(management)
    arguments = Arguments()
    with Fleet(management) as fleet, management.client() as client:
        project.pulumi("stack", "init", STACK).ok()
        project.configure(STACK, **settings(fleet, plain))
        values = {path: form.format(text) for (path, form), text in zip(PLACES.items(), secret, strict=False)}
        access = management.kubeconfig.read_text() + f"# {secret[3]}\n"
        project.store(STACK, {**values, "management.kubeconfig": access})
        with arguments:
            come_up(project, texts)
        templates.append(names(client, fleet))
        project.store(STACK, {f"{BOOTSTRAP}.commands[1]": f"login --password={secret[4]}"})
        with arguments:
            live(project, texts)
        templates.append(names(client, fleet))
        state = project.pulumi("stack", "export", "--show-secrets", "--stack", STACK).ok()
        texts |= objects(client, fleet.namespace)
        secret_data = {
            item["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text in item["data"].items()}
            for item in client.get(f"/api/v1/namespaces/{fleet.namespace}/secrets").json()["items"]
            if item["metadata"].get("labels", {}).get("pool") == "a"
        }
        with arguments:
            be_imported(project, texts)
        # Wrong in one place, while another is a secret that was right before.
        wrong = {f"{BOOTSTRAP}.postCommands[0]": "echo {{ .Foo }} " + secret[5]}
        project.store(STACK, {**wrong, "controlPlane.registry": secret[6], "cluster.paused": secret[7]})
        with arguments:
            go_away(project, texts)
    texts["arguments"] = "\n".join(sorted(arguments.command_lines))
    texts |= files(temporary, "temporary")
    return Traces(secret, plain, texts, secret_data, templates, state, fleet.secret)


def come_up(project: Project, texts: dict[str, str]) -> None:
    """A creation by the script."""
    log = project.folder / "log"
    texts["script's up"] = project.script("up", "--json", "--no-wait", "--log", str(log), "--stack", STACK).ok()
    texts["log of up"] = log.read_text()


def live(project: Project, texts: dict[str, str]) -> None:
    """A change by plain Pulumi, planned, and all that only looks."""
    plan = project.folder / "plan.json"
    texts["preview"] = project.pulumi("preview", "--diff", "--save-plan", str(plan), "--stack", STACK).ok()
    texts["plan"] = plan.read_text()
    # The engine may find its plan violated: it holds what an API server's dry-run made up.
    texts["up with a plan"] = project.up(STACK, "--plan", str(plan)).output
    texts["refresh and plain up"] = project.up(STACK, "--refresh", "--diff").ok()
    for words in ("check", "status", "status --json", "kubeconfig", "render"):
        texts[words] = project.script_here(*words.split(), "--stack", STACK).ok()
    texts["state"] = project.pulumi("stack", "export", "--stack", STACK).ok()
    texts["history"] = project.pulumi("stack", "history", "--json", "--full-dates", "--stack", STACK).ok()
    texts |= files(backend_of(project), "backend")


def be_imported(project: Project, texts: dict[str, str]) -> None:
    """The stack is lost, and its cluster taken into another."""
    log = project.folder / "log"
    project.pulumi("stack", "rm", STACK, "--force", "--yes", "--preserve-config").ok()
    texts["import"] = project.script("import", "--json", "--log", str(log), "--stack", STACK).ok()
    texts["log of import"] = log.read_text()


def go_away(project: Project, texts: dict[str, str]) -> None:
    """Runs with wrong settings, which end with an error, and the end."""
    for words in ("preview --json", "check", "render"):
        result = project.script_here(*words.split(), "--stack", STACK)
        assert result.code != 0, f"{words} ends with an error: {result.output}"
        texts[f"refused {words}"] = result.output
    preview = project.pulumi("preview", "--stack", STACK)
    assert preview.code != 0, f"plain Pulumi ends with an error: {preview.output}"
    texts["refused plain preview"] = preview.output
    # With its preview: there is no --skip-preview.
    texts["destroy"] = project.pulumi("destroy", "--yes", "--diff", "--stack", STACK).ok()
    texts["stack's file"] = (project.folder / f"Pulumi.{STACK}.yaml").read_text()
    texts |= files(backend_of(project), "backend at the end")


def backend_of(project: Project) -> Path:
    return Path(project.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))


def files(folder: Path, owner: str) -> dict[str, str]:
    """All files of a folder."""
    return {
        f"{owner} {path.name} in {path.parent.relative_to(folder)}": path.read_text(errors="replace")
        for path in folder.rglob("*")
        if path.is_file()
    }


def names(client: httpx.Client, fleet: Fleet) -> set[str]:
    url = f"/apis/bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{fleet.namespace}/kubeadmconfigtemplates"
    return {item["metadata"]["name"] for item in client.get(url).json()["items"]}


def objects(client: httpx.Client, namespace: str) -> dict[str, str]:
    """All objects of a namespace but Secrets, as the API server gives them."""
    groups = ["/api/v1"]
    groups += [f"/apis/{group['preferredVersion']['groupVersion']}" for group in client.get("/apis").json()["groups"]]
    texts = {}
    for group in groups:
        for resource in client.get(group).json()["resources"]:
            if resource["namespaced"] and "list" in resource["verbs"] and resource["name"] != "secrets":
                texts[f"{resource['name']} of the API"] = client.get(
                    f"{group}/namespaces/{namespace}/{resource['name']}"
                ).text
    return texts


def test_secret_markers_are_found_nowhere_in_clear(traces: Traces) -> None:
    texts = {source: text for source, text in traces.texts.items() if not source.startswith("temporary kubeconfig")}
    assert not leaks(traces.secret, texts), "neither printed nor left"
    assert traces.credential in texts.pop("kubeconfig"), "the tenant's own, where it was asked for"
    assert not leaks([traces.credential], texts), "and nowhere else"
    # What pulumi-kubernetes leaves of plain `pulumi` runs: docs/secrets.md says what to do about it.
    copies = {source: text for source, text in traces.texts.items() if source not in texts}
    assert not leaks([text for text in traces.secret if text != traces.secret[3]], copies), (
        "the management's kubeconfig alone"
    )


def test_plain_markers_are_shown_and_the_objects_hold_them(traces: Traces) -> None:
    """Guards the test above: it would find nothing where nothing was looked at."""
    for source in ("plan", "state", "render", "kubeadmconfigtemplates of the API"):
        for text in traces.plain[2:]:
            assert text in traces.texts[source], f"{text} is missing in the {source}"
    assert traces.plain[0] in traces.texts["clusters of the API"], "a label is no secret"
    for text in traces.secret[1:5]:
        assert text in traces.state or any(text in str(data) for data in traces.secret_data.values()), (
            "each secret was used"
        )


def test_the_secret_goes_to_the_machines_by_a_secret_whose_change_rolls_them(traces: Traces) -> None:
    assert len(traces.secret_data) == 1, f"the one before goes with its template: {traces.secret_data.keys()}"
    contents = [data for data in traces.secret_data.values() if traces.secret[4] in data.get("commands.1", "")]
    assert len(contents) == 1, f"the Secret of the pool: {traces.secret_data.keys()}"
    assert contents[0]["files.1"] == f"token: {traces.secret[2]}\nsecond: line\n", "to the last line break"
    assert traces.templates[1] - traces.templates[0], "another secret is another template, which machines roll to"


def test_a_wrong_secret_is_refused_with_its_path_and_its_rule(traces: Traces) -> None:
    for source in ("refused plain preview", "refused preview --json", "refused check"):
        for words in (
            f"{BOOTSTRAP}.postCommands[0] is a secret: line 1, column 6",
            "controlPlane.registry: is stored as a secret, but here it could be read",
            "cluster.paused: is stored as a secret, but here it could be read",
        ):
            assert words in " ".join(traces.texts[source].split()), f"{words!r} in {traces.texts[source]}"


def test_the_state_holds_the_secrets_data_as_ciphertext_and_its_name_in_clear(traces: Traces) -> None:
    resources = json.loads(traces.texts["state"])["deployment"]["resources"]
    (secret,) = [
        item
        for item in resources
        if item["type"] == "kubernetes:core/v1:Secret" and "inputs" in item and item["inputs"].get("data")
    ]
    assert "ciphertext" in secret["inputs"]["data"], "pulumi-kubernetes makes one secret of all data"
    assert secret["inputs"]["metadata"]["name"] in traces.secret_data, "what is no secret can be read in the state"


def test_secrets_of_a_caller_are_written_encrypted(
    project: Project, management: ManagementPlane, traces: Traces
) -> None:
    """What other code passes as SecretStr, into a folder's stack file."""
    with Fleet(management) as fleet:
        sections, text = settings(fleet, traces.plain), marker()
        sections["cluster"]["name"] = "called"
        sections["workerPools"][0]["bootstrap"] = {"commands": [SecretStr(f"login {text}")]}
        sections["management"] = {"kubeconfig": management.kubeconfig.read_text()}
        events = list[Event]()
        with Arguments() as arguments:
            stack = ClusterStack(
                "called", sections, folder=project.folder, environment=project.environment, on_event=events.append
            )
            preview, result = stack.preview(), stack.up()
        assert preview.changed, "a preview"
        file = (project.folder / "Pulumi.called.yaml").read_text()
        assert list(
            yaml.safe_load(file)["config"]["kamaji-equinix:clusters"][0]["workerPools"][0]["bootstrap"]["commands"][0]
        ) == ["secure"], "encrypted in its place"
        texts = {
            "file": file,
            "arguments": "\n".join(arguments.command_lines),
            "output": preview.output + result.output,
        }
        texts |= {"results": repr((preview, result)), "events": "\n".join(map(repr, events))}
        assert not leaks([text], texts), "and hidden"
        assert len(events) > len(result.clusters), "there were events to look at"
        stack.destroy()
