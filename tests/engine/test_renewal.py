"""Refresh and destroy where the credentials of the last up have ceased to work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import toolchain
from lab.plane import ManagementPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.fleet import CLUSTERS, Fleet
from tests.support.project import Project

STACK = "renewed"


@pytest.fixture(scope="module")
def management(collecting_management: ManagementPlane) -> ManagementPlane:
    """With the garbage collector."""
    return collecting_management


@pytest.fixture
def project(fleet: Fleet, proxy: FaultProxy, tmp_path: Path) -> Project:
    """A stack that came up by that way."""
    (tmp_path / "backend").mkdir()
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/backend", "PULUMI_CONFIG_PASSPHRASE": "test"}
    instance = Project.make(tmp_path / "project", {**toolchain.pulumi_environment(), **backend})
    configure(instance, fleet, proxy.kubeconfig)
    instance.script_here("up", "--no-wait", "--stack", STACK).ok()
    return instance


def configure(project: Project, fleet: Fleet, kubeconfig: Path, **extra: Any) -> None:
    project.configure(
        STACK,
        **{
            "cluster": {"name": STACK, "namespace": fleet.namespace},
            "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
            "handoff": {"timeoutSeconds": 60},
            "management": {"kubeconfigPath": str(kubeconfig)},
            **extra,
        },
    )


def resources(project: Project) -> list[str]:
    deployment = json.loads(project.pulumi("stack", "export", "--stack", STACK).ok())["deployment"]
    return sorted(resource["urn"] for resource in deployment.get("resources") or [])


def clusters(fleet: Fleet) -> list[str]:
    return [item["metadata"]["name"] for item in fleet.http.get(CLUSTERS.format(fleet.namespace)).json()["items"]]


def test_a_destroy_uses_the_credentials_of_today(
    project: Project, proxy: FaultProxy, fleet: Fleet, management: ManagementPlane
) -> None:
    proxy.close()
    configure(project, fleet, management.kubeconfig)
    before = resources(project)
    result = project.script_here("refresh", "--stack", STACK)
    assert result.code != 0, f"a refresh has those of the state: {result.output}"
    assert "`up` renews them" in result.output, f"it says what to do:\n{result.output}"
    assert resources(project) == before, "and forgets nothing"
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert clusters(fleet) == [], "a Cluster that stays goes on holding billed machines"
    assert resources(project) == [], "and nothing is left to do"


def test_a_destroy_needs_no_settings_but_the_credentials(
    project: Project, proxy: FaultProxy, fleet: Fleet, management: ManagementPlane
) -> None:
    proxy.close()
    configure(project, fleet, management.kubeconfig, metal={"metro": "nowhere at all"}, workerPools=5)
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert clusters(fleet) == [], "a mistake in a file keeps no server running"


def test_a_destroy_does_not_take_another_management_cluster_for_an_empty_one(
    project: Project, fleet: Fleet, tmp_path: Path
) -> None:
    other = ManagementPlane(tmp_path / "other", install_crds=False)
    try:
        other.start()
        configure(project, fleet, other.kubeconfig)
        project.script_here("destroy", "--yes", "--stack", STACK).ok()
    finally:
        other.stop()
    assert clusters(fleet) == [], "the state leads to the Cluster that it knows, and that one is deleted"


@pytest.mark.parametrize("operation", ["destroy", "refresh"])
def test_without_the_management_cluster_nothing_is_forgotten(
    project: Project, proxy: FaultProxy, fleet: Fleet, management: ManagementPlane, operation: str
) -> None:
    before = resources(project)
    proxy.close()
    result = project.script_here(operation, "--stack", STACK, *(["--yes"] if operation == "destroy" else []))
    assert result.code != 0, result.output
    assert "refuses connections" in result.output, f"why is said:\n{result.output}"
    assert "nothing was deleted or changed" in result.output, result.output
    assert resources(project) == before, "an engine that goes on drops what it takes for deleted with the Cluster"
    configure(project, fleet, management.kubeconfig)
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert clusters(fleet) == [], "it goes once the management cluster is back"


def test_a_stack_without_a_file_is_not_made(project: Project) -> None:
    result = project.script_here("up", "--stack", "mistyped")
    assert (result.code, "there is no Pulumi.mistyped.yaml" in result.output) == (2, True), result.output
    assert "mistyped" not in project.pulumi("stack", "ls").ok(), "no stack of that name"
    assert not (project.folder / "Pulumi.mistyped.yaml").exists(), "and no file"
    wrong = {**project.environment, "PULUMI_CONFIG_PASSPHRASE": "another"}
    attempt = Project(project.folder, wrong).script_here("up", "--stack", STACK)
    assert "incorrect passphrase" in attempt.output, attempt.output
    assert "Running it again" not in attempt.output, f"that would not help:\n{attempt.output}"
    assert "stdout" not in attempt.output, f"nor does the Automation API's wrapping:\n{attempt.output}"
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
