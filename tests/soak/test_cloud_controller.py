"""A cloud controller on the lab: nodes wait for it, status says so, and with the right token it takes their taint away."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab.kubeconfig import client_of
from tests.support.interruptions import require_absence, sections
from tests.support.lab import Lab, eventually
from tests.support.project import Project
from tests.support.stack_outputs import stack_outputs

STACK = "clouded"
TAINT = "node.cloudprovider.kubernetes.io/uninitialized"


@pytest.fixture
def project(lab: Lab, tmp_path: Path) -> Project:
    lab.command("set", "--gate")
    instance = Project.make(tmp_path / "project", lab.environment())
    settings = sections(lab, STACK)
    settings["metal"] = {**settings["metal"], "cloudController": "cpem", "cpem": {}}
    instance.configure(STACK, **settings)
    instance.pulumi("stack", "init", STACK).ok()
    return instance


def token(project: Project, text: str) -> None:
    path = "kamaji-equinix:metal.cpem.apiToken"
    project.pulumi("config", "set", "--path", "--secret", path, text, "--stack", STACK).ok()


def taints(kubeconfig: str) -> list[str]:
    """Keys of the taints of all nodes."""
    with client_of(yaml.safe_load(kubeconfig)) as client:
        nodes = client.get("/api/v1/nodes").raise_for_status().json()["items"]
    return [taint["key"] for node in nodes for taint in node["spec"].get("taints") or []]


def test_a_node_waits_for_a_cloud_controller_that_can_look_at_its_device(lab: Lab, project: Project) -> None:
    token(project, "one-that-the-metal-api-does-not-know")
    project.up(STACK).ok()
    output = eventually(
        lambda: project.script("status", "--stack", STACK).output,
        lambda text: "no cloud controller has seen it" in text,
        180,
        "the taint is what blocks",
    )
    assert f"it has the taint {TAINT}" in output, f"by its name:\n{output}"
    kubeconfig = stack_outputs(project, STACK)["kubeconfig"]
    assert TAINT in taints(kubeconfig), "and it is there"
    token(project, (lab.state / "pki" / "metal-api-key").read_text())
    project.up(STACK).ok()
    eventually(lambda: taints(kubeconfig), lambda keys: TAINT not in keys, 120, "the taint is gone")
    update = project.script("up", "--stack", STACK, "--timeout", "300").ok()
    status = project.script("status", "--stack", STACK).ok()
    assert "Blocked" not in status, f"nothing blocks:\n{update}\n{status}"
    project.script("destroy", "--yes", "--stack", STACK).ok()
    require_absence(lab, STACK)
