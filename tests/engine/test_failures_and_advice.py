"""Failures of the real engine: what is advised after each, and the advice followed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from kamaji_equinix.automation import ClusterStack, EngineFailed, Event, ResourceChanged

import toolchain
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.fleet import Fleet
from tests.support.interruptions import start, wait_for
from tests.support.project import Project

STACK = "advised"

GO_ON = "  next: Running it again goes on from here.\n"


@pytest.fixture
def project(project_behind_proxy: Callable[[str], Project]) -> Project:
    return project_behind_proxy(STACK)


def test_a_refused_object_is_corrected_first_and_a_busy_server_asked_again(project: Project, proxy: FaultProxy) -> None:
    proxy.faults.append(Fault("PATCH", f"/clusters/{STACK}", 422, "Invalid", "spec.x: Invalid value: 1", times=50))
    refusal = project.script_here("up", "--no-wait", "--stack", STACK)
    assert refusal.code == 5, refusal.output
    assert GO_ON not in refusal.output, f"it would be refused again:\n{refusal.output}"
    assert "next: The API server refuses this: change the setting" in refusal.output, refusal.output
    proxy.faults[:] = [
        Fault(
            *("PATCH", f"/clusters/{STACK}", 503, "ServiceUnavailable"),
            message="the server is currently unable to handle the request",
            times=50,
        )
    ]
    overload = project.script_here("up", "--no-wait", "--stack", STACK)
    assert overload.output.endswith(GO_ON), f"nothing else is needed:\n{overload.output}"
    proxy.faults.clear()
    project.script_here("up", "--no-wait", "--stack", STACK).ok()
    project.script_here("destroy", "--yes", "--stack", STACK).ok()


def test_a_plugin_that_was_killed_needs_nothing_but_another_run(project: Project, fleet: Fleet) -> None:
    fleet.delay = 3600.0
    process = start(project, "up", "--no-wait", "--stack", STACK)
    wait_for(process, ": dial:")
    (engine,) = psutil.Process(process.pid).children()
    for plugin in engine.children(recursive=True):
        if "pulumi.dynamic" in plugin.cmdline():
            plugin.kill()
    assert process.stdout is not None
    output = process.stdout.read()
    process.wait(60)
    assert output.endswith(GO_ON), f"as is true:\n{output}"
    assert "Exception calling" not in output, f"gRPC's words are no user's:\n{output}"
    fleet.delay = 0.0
    project.script_here("up", "--no-wait", "--stack", STACK).ok()
    project.script_here("destroy", "--yes", "--stack", STACK).ok()


def test_an_import_whose_engine_is_killed_leaves_the_stack_as_it_was_and_is_repeated(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backend").mkdir()
    for name, value in toolchain.pulumi_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/backend")
    settings = {
        "cluster": {"name": "adopted", "namespace": fleet.namespace},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "management": {"kubeconfig": fleet.management.kubeconfig.read_text()},
    }
    ClusterStack("maker", settings, passphrase="x").up()
    victims: list[psutil.Process] = []

    def listen(event: Event) -> None:
        if isinstance(event, ResourceChanged) and event.kind == "Cluster" and event.state == "done" and not victims:
            victims.extend(child for child in psutil.Process().children() if "up" in child.cmdline())
            victims[0].kill()

    stack = ClusterStack("adopter", settings, passphrase="x", on_event=listen)
    with pytest.raises(EngineFailed, match=r"killed by signal 9 \(SIGKILL\)") as error_info:
        stack.import_existing()
    assert str(error_info.value).endswith("next: Import again: the stack is as it was before."), f"{error_info.value}"
    assert not stack.destroy().changes.get("delete"), "a destroy would delete the part of a living cluster that it has"
    assert stack.import_existing().clusters["adopted"].endpoint, "as was advised"
    stack.destroy(remove=True)
