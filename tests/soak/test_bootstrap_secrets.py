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
from tests.support.interruptions import require_gone
from tests.support.lab import Lab, nodes
from tests.support.markers import marker, shown
from tests.support.project import CommandResult, Project, dev_sections
from tests.support.stack_outputs import stack_outputs

STACK = "sealed"
BOOTSTRAP = "workerPools[0].bootstrap"
MACHINES = "cluster.x-k8s.io/v1beta1/machines"
VERSION = "1.33.0"


@dataclass
class Sealed:
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
        done = self.project.script(*arguments, "--stack", STACK)
        self.texts[name] = done.output
        return done

    def device(self) -> dict[str, Any]:
        (found,) = self.lab.devices(STACK)
        return found

    def secrets(self) -> dict[str, dict[str, str]]:
        """The Secrets of the pool: names and keys' encoded values."""
        with self.lab.management() as client:
            found = client.get("/api/v1/namespaces/default/secrets", params={"labelSelector": "pool=a"})
            return {item["metadata"]["name"]: item["data"] for item in found.raise_for_status().json()["items"]}

    def templates(self) -> str:
        found = self.lab.items("bootstrap.cluster.x-k8s.io/v1beta1/kubeadmconfigtemplates")
        return json.dumps([item for item in found if item["metadata"]["name"].startswith(STACK)])


def ended(text: str) -> str:
    """A file's content as the kubeadm bootstrap provider writes it, secret or not: a block of YAML, which ends a line."""
    return text.rstrip("\n") + "\n"


def booted(lab: Lab, device: dict[str, Any]) -> CloudConfig:
    """What cloud-init makes of the device's user data."""
    (disk,) = lab.state.rglob(f"disks/{device['id']}/device.json")
    return cloudinit.read(json.loads(disk.read_text())["userdata"], {"v1": {"instance-id": device["id"]}})


@pytest.fixture(scope="module")
def sealed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    found = Sealed(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()))
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
    found.project.pulumi("stack", "init", STACK).ok()
    found.project.configure(STACK, **sections)
    found.store("commands[0]", f"{install}\nlogin --password=MARK")
    found.store("postCommands[0]", "notify 'MARK' \"$HOSTNAME\"")
    found.store("files[0].content", "[host]\n  token = 'MARK'\n\nlast: line")
    try:
        with Arguments() as arguments:
            found.script("check", "check").ok()
            found.script("preview", "preview").ok()
            found.script("up", "up", "--timeout", "300").ok()
        found.texts["arguments"] = "\n".join(arguments.seen)
        yield found
    finally:
        found.project.script("destroy", "--yes", "--stack", STACK)


def test_a_machine_joins_from_secret_commands_and_has_the_secret_file(sealed: Sealed) -> None:
    device = sealed.device()
    config = booted(sealed.lab, device)
    command = config.files["/run/kamaji-equinix/commands.0"]
    assert command.mode == 0o600, "only root reads it"
    assert command.content == f"rm -f {command.path}\n{sealed.places['commands[0]']}\n", "exactly as it was stored"
    assert config.files["/etc/registry/hosts.toml"].content == ended(sealed.places["files[0].content"]), (
        "to its last line"
    )
    assert config.commands[:2] == (f". {command.path}", "echo plain"), "in their order"
    assert config.commands[-1] == ". /run/kamaji-equinix/postCommands.0", "the last one after kubeadm join"
    found = nodes(stack_outputs(sealed.project, STACK)["kubeconfig"])
    assert found == {device["hostname"]: True}, "the machine is a Ready node"


def test_the_templates_and_what_the_provider_makes_of_them_hold_no_secret(sealed: Sealed) -> None:
    texts = {"templates": sealed.templates()}
    for kind in ("kubeadmconfigs", "kubeadmconfigtemplates"):
        texts[kind] = json.dumps(sealed.lab.items(f"bootstrap.cluster.x-k8s.io/v1beta1/{kind}"))
        assert "/run/kamaji-equinix/commands.0" in texts[kind], "looked at where it would be"
    assert not shown(sealed.markers, texts), "they name a Secret"
    assert len(sealed.secrets()) == 1, "which is the pool's"


def test_status_and_preview_and_a_second_up_show_nothing_of_it(sealed: Sealed) -> None:
    sealed.script("status", "status").ok()
    sealed.script("status as JSON", "status", "--json").ok()
    sealed.script("kubeconfig", "kubeconfig").ok()
    sealed.script("render", "render").ok()
    assert "updated" not in sealed.script("second up", "up", "--json", "--timeout", "300").ok(), "nothing changed"
    assert not shown(sealed.markers, sealed.texts), "in no output"


def test_another_secret_rolls_the_machine(sealed: Sealed) -> None:
    before, former = sealed.device(), set(sealed.secrets())
    sealed.store("files[0].content", "[host]\n  token = 'MARK'\n")
    sealed.script("preview of another", "preview").ok()
    sealed.script("roll", "up", "--timeout", "300").ok()
    after = sealed.device()
    assert after["id"] != before["id"], "another machine"
    file = booted(sealed.lab, after).files["/etc/registry/hosts.toml"].content
    assert file == ended(sealed.places["files[0].content"]), "which has the new file"
    assert set(sealed.secrets()) - former, "from another Secret: one never changes"
    assert not shown(sealed.markers, {"templates": sealed.templates(), **sealed.texts}), "hidden all the way"


def test_the_first_secret_goes_once_no_machine_set_needs_it(sealed: Sealed) -> None:
    before, first = sealed.device(), set(sealed.secrets())
    sealed.store("commands[0]", sealed.places["commands[0]"].rpartition("=")[0] + "=MARK")
    sealed.script("second roll", "up", "--timeout", "300").ok()
    assert sealed.device()["id"] != before["id"], "another machine"
    # Cluster API keeps the last MachineSet of a MachineDeployment, and with it its template.
    sealed.script("up after it", "up", "--timeout", "300").ok()
    left = set(sealed.secrets())
    assert len(left) <= 2, f"the one in use, and that of the MachineSet before: {left}"
    assert len(first & left) <= 1, f"of {first} one is left at most: {left}"
    assert left - first, "the new one is a Secret of its own"
    assert not shown(sealed.markers, {"templates": sealed.templates(), **sealed.texts}), "hidden all the way"


def test_a_destroy_leaves_no_secret(sealed: Sealed) -> None:
    sealed.script("destroy", "destroy", "--yes").ok()
    require_gone(sealed.lab, STACK)
    assert sealed.secrets() == {}, "the pool's Secret goes with the cluster"
    left = [name for name in sealed.lab.secrets("default") if name.startswith(STACK)]
    assert left == [], "and so does all else of it"
    state = sealed.project.pulumi("stack", "export", "--stack", STACK).ok()
    backend = Path(sealed.project.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    files = {str(path): path.read_text(errors="replace") for path in backend.rglob("*") if path.is_file()}
    assert not shown(sealed.markers, {**sealed.texts, "state": state, **files}), "nor in the state and its history"
