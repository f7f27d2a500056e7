"""Secrets of a pool's bootstrap reach its machines through the real kubeadm bootstrap provider, and nobody else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.components.manifests.profiles import ubuntu_containerd

from lab.simulation import cloudinit
from lab.simulation.cloudinit import CloudConfig
from tests.support.arguments import Arguments
from tests.support.interruptions import require_absence
from tests.support.lab import Lab, nodes
from tests.support.markers import leaks, marker
from tests.support.project import CommandResult, Project, dev_sections
from tests.support.stack_outputs import stack_outputs

STACK = "sealed"
BOOTSTRAP = "workerPools[0].bootstrap"
VERSION = "1.33.0"


@dataclass
class SecretStack:
    """A stack whose pool has secret files and commands.

    Attributes:
        markers: in each secret that was ever stored.
        texts: what the runs printed, by run.
    """

    lab: Lab
    project: Project
    markers: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def store(self, place: str, form: str) -> str:
        """Store a text with a new marker as a secret; the text."""
        self.markers.append(marker())
        text = form.replace("MARK", self.markers[-1])
        command = ["pulumi", "config", "set", "--path", "--secret", f"kamaji-equinix:{BOOTSTRAP}.{place}"]
        subprocess.run(
            [*command, "--stack", STACK],
            cwd=self.project.folder,
            env=self.project.environment,
            input=f"{text}\n",
            text=True,
            check=True,
        )
        self.places[place] = text
        return text

    def script(self, name: str, *arguments: str) -> CommandResult:
        """Run the console script and keep what it prints."""
        result = self.project.script(*arguments, "--stack", STACK)
        self.texts[name] = result.output
        return result

    def device(self) -> dict[str, Any]:
        (device,) = self.lab.devices(STACK)
        return device

    def secrets(self) -> dict[str, dict[str, str]]:
        """The Secrets of the pool: names and keys' encoded values."""
        with self.lab.management() as client:
            answer = client.get("/api/v1/namespaces/default/secrets", params={"labelSelector": "pool=a"})
            return {item["metadata"]["name"]: item["data"] for item in answer.raise_for_status().json()["items"]}

    def templates(self) -> str:
        templates = self.lab.items("bootstrap.cluster.x-k8s.io/v1beta1/kubeadmconfigtemplates")
        return json.dumps([item for item in templates if item["metadata"]["name"].startswith(STACK)])


def end_line(text: str) -> str:
    """A file's content as the kubeadm bootstrap provider writes it, secret or not: a block of YAML, which ends a line."""
    return text.rstrip("\n") + "\n"


def cloud_config(lab: Lab, device: dict[str, Any]) -> CloudConfig:
    """What cloud-init makes of the device's user data."""
    (disk,) = lab.state.rglob(f"disks/{device['id']}/device.json")
    return cloudinit.read(json.loads(disk.read_text())["userdata"], {"v1": {"instance-id": device["id"]}})


@pytest.fixture(scope="module")
def secret_stack(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretStack]:
    instance = SecretStack(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()))
    sections = dev_sections(lab.kubeconfig)
    sections["cluster"] = {**sections["cluster"], "name": STACK}
    sections["controlPlane"] = {**sections["controlPlane"], "name": f"{STACK}-plane"}
    # All that makes a node of the machine is secret, too: it joins only if the secret commands are run as they stand.
    install = "\n".join(ubuntu_containerd(VERSION))
    bootstrap = {
        "commands": ["", "echo plain"],
        "postCommands": [""],
        "files": [{"path": "/etc/registry/hosts.toml", "content": "", "permissions": "0600"}],
    }
    sections["workerPools"] = [{"name": "a", "replicas": 1, "bootstrap": bootstrap}]
    instance.project.pulumi("stack", "init", STACK).ok()
    instance.project.configure(STACK, **sections)
    instance.store("commands[0]", f"{install}\nlogin --password=MARK")
    instance.store("postCommands[0]", "notify 'MARK' \"$HOSTNAME\"")
    instance.store("files[0].content", "[host]\n  token = 'MARK'\n\nlast: line")
    try:
        with Arguments() as arguments:
            instance.script("check", "check").ok()
            instance.script("preview", "preview").ok()
            instance.script("up", "up", "--timeout", "300").ok()
        instance.texts["arguments"] = "\n".join(arguments.command_lines)
        yield instance
    finally:
        instance.project.script("destroy", "--yes", "--stack", STACK)


def test_a_machine_joins_from_secret_commands_and_has_the_secret_file(secret_stack: SecretStack) -> None:
    device = secret_stack.device()
    config = cloud_config(secret_stack.lab, device)
    command = config.files["/run/kamaji-equinix/commands.0"]
    assert command.mode == 0o600, "only root reads it"
    assert command.content == f"rm -f {command.path}\n{secret_stack.places['commands[0]']}\n", (
        "exactly as it was stored"
    )
    assert config.files["/etc/registry/hosts.toml"].content == end_line(secret_stack.places["files[0].content"]), (
        "to its last line"
    )
    assert config.commands[:2] == (f". {command.path}", "echo plain"), "in their order"
    assert config.commands[-1] == ". /run/kamaji-equinix/postCommands.0", "the last one after kubeadm join"
    states = nodes(stack_outputs(secret_stack.project, STACK)["kubeconfig"])
    assert states == {device["hostname"]: True}, "the machine is a Ready node"


def test_the_templates_and_what_the_provider_makes_of_them_hold_no_secret(secret_stack: SecretStack) -> None:
    texts = {"templates": secret_stack.templates()}
    for kind in ("kubeadmconfigs", "kubeadmconfigtemplates"):
        texts[kind] = json.dumps(secret_stack.lab.items(f"bootstrap.cluster.x-k8s.io/v1beta1/{kind}"))
        assert "/run/kamaji-equinix/commands.0" in texts[kind], "looked at where it would be"
    assert not leaks(secret_stack.markers, texts), "they name a Secret"
    assert len(secret_stack.secrets()) == 1, "which is the pool's"


def test_status_and_preview_and_a_second_up_show_nothing_of_it(secret_stack: SecretStack) -> None:
    secret_stack.script("status", "status").ok()
    secret_stack.script("status as JSON", "status", "--json").ok()
    secret_stack.script("kubeconfig", "kubeconfig").ok()
    secret_stack.script("render", "render").ok()
    assert "updated" not in secret_stack.script("second up", "up", "--json", "--timeout", "300").ok(), "nothing changed"
    assert not leaks(secret_stack.markers, secret_stack.texts), "in no output"


def test_another_secret_rolls_the_machine(secret_stack: SecretStack) -> None:
    before, former = secret_stack.device(), set(secret_stack.secrets())
    secret_stack.store("files[0].content", "[host]\n  token = 'MARK'\n")
    secret_stack.script("preview of another", "preview").ok()
    secret_stack.script("roll", "up", "--timeout", "300").ok()
    after = secret_stack.device()
    assert after["id"] != before["id"], "another machine"
    file = cloud_config(secret_stack.lab, after).files["/etc/registry/hosts.toml"].content
    assert file == end_line(secret_stack.places["files[0].content"]), "which has the new file"
    assert set(secret_stack.secrets()) - former, "from another Secret: one never changes"
    assert not leaks(secret_stack.markers, {"templates": secret_stack.templates(), **secret_stack.texts}), (
        "hidden all the way"
    )


def test_the_first_secret_goes_once_no_machine_set_needs_it(secret_stack: SecretStack) -> None:
    before, first = secret_stack.device(), set(secret_stack.secrets())
    secret_stack.store("commands[0]", secret_stack.places["commands[0]"].rpartition("=")[0] + "=MARK")
    secret_stack.script("second roll", "up", "--timeout", "300").ok()
    assert secret_stack.device()["id"] != before["id"], "another machine"
    # Cluster API keeps the last MachineSet of a MachineDeployment, and with it its template.
    secret_stack.script("up after it", "up", "--timeout", "300").ok()
    rest = set(secret_stack.secrets())
    assert len(rest) <= 2, f"the one in use, and that of the MachineSet before: {rest}"
    assert len(first & rest) <= 1, f"of {first} one is left at most: {rest}"
    assert rest - first, "the new one is a Secret of its own"
    assert not leaks(secret_stack.markers, {"templates": secret_stack.templates(), **secret_stack.texts}), (
        "hidden all the way"
    )


def test_a_destroy_leaves_no_secret(secret_stack: SecretStack) -> None:
    secret_stack.script("destroy", "destroy", "--yes").ok()
    require_absence(secret_stack.lab, STACK)
    assert secret_stack.secrets() == {}, "the pool's Secret goes with the cluster"
    rest = [name for name in secret_stack.lab.secrets("default") if name.startswith(STACK)]
    assert rest == [], "and so does all else of it"
    state = secret_stack.project.pulumi("stack", "export", "--stack", STACK).ok()
    backend = Path(secret_stack.project.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    files = {str(path): path.read_text(errors="replace") for path in backend.rglob("*") if path.is_file()}
    assert not leaks(secret_stack.markers, {**secret_stack.texts, "state": state, **files}), (
        "nor in the state and its history"
    )
