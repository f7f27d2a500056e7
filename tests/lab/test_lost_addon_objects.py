"""What somebody deletes of an add-on in the tenant cluster: status misses it, and its advice brings it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab.kubeconfig import client_of
from tests.support.interruptions import require_absence, sections
from tests.support.lab import Lab
from tests.support.project import ROOT, Project

STACK = "tools"
OBJECTS = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tools"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting", "namespace": "tools"}},
]
LOSSES = {
    "/api/v1/namespaces/tools/configmaps/greeting": ("greetings", "ConfigMap tools/greeting"),
    "/apis/apps/v1/namespaces/kube-system/daemonsets/lab-network": ("network", "DaemonSet kube-system/lab-network"),
}
"""Objects of an add-on of manifests and of one of a chart: the add-on, and the object in words."""


@pytest.fixture(scope="module")
def project(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    stack_project = Project.make(tmp_path_factory.mktemp("project"), lab.environment())
    chart = {"name": "network", "chart": str(ROOT / "lab/charts/network"), "namespace": "kube-system"}
    addons = [chart, {"name": "greetings", "objects": OBJECTS}]
    stack_project.configure(STACK, **{**sections(lab, STACK), "addons": addons, "network": {"plugin": "custom"}})
    stack_project.script_here("up", "--stack", STACK, "--timeout", "300").ok()
    yield stack_project
    stack_project.script_here("destroy", "--yes", "--stack", STACK).ok()
    require_absence(lab, f"{STACK}-", STACK)


def status(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(project.script_here("status", "--json", "--stack", STACK).ok())[STACK]
    return document


def test_a_lost_object_of_an_add_on_is_missed_and_the_advice_brings_it_back(project: Project) -> None:
    assert status(project)["differences"] == [], "nothing is lost"
    kubeconfig = yaml.safe_load(project.script_here("kubeconfig", "--stack", STACK).ok())
    with client_of(kubeconfig) as client:
        for path in LOSSES:
            client.delete(path).raise_for_status()
        differences = status(project)["differences"]
        reasons = {(item["subject"], item["reason"]) for item in differences}
        for addon, text in LOSSES.values():
            expected = (f"AddOn/{addon}", f"{text}, which it has installed, does not exist in the tenant cluster")
            assert expected in reasons, differences
        assert len(differences) == len(LOSSES), f"and nothing else: {differences}"
        assert all("`pulumi up --refresh`" in item["action"] for item in differences), "the advice"
        output = project.up(STACK, "--refresh").ok()
        for path in LOSSES:
            assert client.get(path).is_success, f"it brings {path} back:\n{output}"
    assert status(project)["differences"] == [], "and nothing is missed any longer"
