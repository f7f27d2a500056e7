"""A worker's user data, made from a KubeadmConfigTemplate as Cluster API's kubeadm provider, capp and cloud-init make it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

from toolchain.compiler import build_command, environment
from toolchain.go import go
from toolchain.pins import CLUSTER_API, Source, cache_folder
from toolchain.sources import download

HERE = Path(__file__).parent
DEVICE = "e7a2d5f0-0000-4000-8000-123456789abc"


@dataclass(frozen=True)
class UserData:
    """A worker's user data on its way.

    Attributes:
        source: by the kubeadm provider.
        result: by capp to the Metal API.
        config: what cloud-init reads on the device.
    """

    source: str
    result: str
    config: dict[str, Any]

    @property
    def script(self) -> str:
        """The shell script that cloud-init makes of ``runcmd``."""
        return "\n".join(["#!/bin/sh", *self.config["runcmd"]]) + "\n"

    @property
    def join_configuration(self) -> dict[str, Any]:
        """What kubeadm reads."""
        for file in self.config["write_files"]:
            if file["path"] == "/run/kubeadm/kubeadm-join-config.yaml":
                configuration: dict[str, Any] = yaml.safe_load(file["content"])
                return configuration
        raise AssertionError("no join configuration among the files")


@cache
def program() -> tuple[Path, Path]:
    """The Go program, built, and the folder of the kubeadm provider's templates."""
    module = download(Source("sigs.k8s.io/cluster-api", CLUSTER_API, "cluster-api", ()))
    binary = cache_folder() / "work" / "userdata-test"
    binary.parent.mkdir(parents=True, exist_ok=True)
    # With the flags of the programs that the tests have built, Go has its own packages already.
    command = build_command(go(lambda _line: None), [])
    subprocess.run(
        [*command, "-o", binary, "main.go"], cwd=HERE, check=True, env={**environment(), "GO111MODULE": "off"}
    )
    return binary, module / "bootstrap/kubeadm/internal/cloudinit"


def make(template: dict[str, Any], version: str, secrets: dict[str, str] | None = None) -> UserData:
    """The user data of a worker with a v1beta1 KubeadmConfigTemplate.

    Args:
        template: the manifest.
        version: the Machine's version, with v.
        secrets: contents of the Secrets that its files name, as ``name/key``.

    Raises:
        ValueError: one of the two template engines refuses it; the text is the engine's.
    """
    spec = template["spec"]["template"]["spec"]
    registration = spec["joinConfiguration"]["nodeRegistration"]
    joining = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "JoinConfiguration", "nodeRegistration": registration}
    data = {
        "JoinConfiguration": yaml.safe_dump(joining, width=10**6),
        "PreKubeadmCommands": spec["preKubeadmCommands"],
        "PostKubeadmCommands": spec.get("postKubeadmCommands", []),
        "WriteFiles": [file_of(item, secrets or {}) for item in spec.get("files", [])],
        "Users": [user_of(item) for item in spec.get("users", [])] or None,
    }
    binary, templates = program()
    process = subprocess.run(
        [binary, templates],
        input=json.dumps({"Version": version, "Data": data}),
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise ValueError(process.stderr.strip())
    answer = json.loads(process.stdout)
    return UserData(answer["made"], answer["sent"], render(answer["sent"]))


def user_of(item: dict[str, Any]) -> dict[str, Any]:
    """A user as the kubeadm provider's template takes it: Go's names for the fields."""
    names = {"sshAuthorizedKeys": "SSHAuthorizedKeys"}
    return {names.get(key, key[0].upper() + key[1:]): value for key, value in item.items()}


def file_of(item: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """A file as the kubeadm provider's template takes it."""
    source = item.get("contentFrom", {}).get("secret")
    return {
        "Path": item["path"],
        "Encoding": item.get("encoding", ""),
        "Owner": item.get("owner", ""),
        "Permissions": item.get("permissions", ""),
        "Append": item.get("append", False),
        "Content": secrets[f"{source['name']}/{source['key']}"] if source else item["content"],
    }


def render(text_: str) -> dict[str, Any]:
    """What cloud-init reads: jinja2 with its options (cloudinit/templater.py), then YAML."""
    header, rest = text_.split("\n", 1)
    assert header == "## template: jinja", "cloud-init renders only what says so"
    try:
        text = jinja2.Template(rest, undefined=jinja2.StrictUndefined, trim_blocks=True).render(
            v1={"instance_id": DEVICE}
        )
    except jinja2.TemplateError as error:
        raise ValueError(f"jinja2: {error}") from error
    assert text.startswith("#cloud-config\n"), "cloud-init knows the format by its first line"
    document: dict[str, Any] = yaml.safe_load(text)
    return document
