"""Ctrl-C and kills while a cluster comes up: the next command goes on from there, and nothing stays behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.interruptions import kill, require_absence, sections, start, wait_for
from tests.support.lab import Lab
from tests.support.project import Project


@pytest.fixture
def project(lab: Lab, tmp_path: Path) -> Project:
    assert lab.command("set", "--gate").returncode == 0, "the hand-off is this program's own"
    return Project.make(tmp_path / "project", lab.environment())


def cluster(lab: Lab, name: str) -> dict[str, Any]:
    """The metadata of the one Cluster of a name."""
    (obj,) = (item for item in lab.items("cluster.x-k8s.io/v1beta1/clusters") if item["metadata"]["name"] == name)
    metadata: dict[str, Any] = obj["metadata"]
    return metadata


def test_ctrl_c_during_the_hand_off_leaves_a_state_from_which_up_goes_on(lab: Lab, project: Project) -> None:
    project.configure("interrupted", **sections(lab, "interrupted"))
    process = start(project, "up", "--stack", "interrupted", "--timeout", "300")
    wait_for(process, "waits until /readyz answers")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130, "the shell is told that Ctrl-C ended it"
    project.script_here("up", "--stack", "interrupted", "--timeout", "300").ok()
    project.script_here("destroy", "--yes", "--stack", "interrupted").ok()
    require_absence(lab, "interrupted")


def test_ctrl_c_during_a_destroy_leaves_a_state_from_which_up_makes_the_cluster_anew(
    lab: Lab, project: Project
) -> None:
    project.configure("undone", **sections(lab, "undone"))
    project.script_here("up", "--stack", "undone", "--no-wait").ok()
    before = cluster(lab, "undone")
    process = start(project, "destroy", "--yes", "--stack", "undone")
    wait_for(process, "Cluster/undone: delete started")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130, "the shell is told that Ctrl-C ended it"
    output = project.script_here("up", "--stack", "undone", "--no-wait").ok()
    after = cluster(lab, "undone")
    assert "deletionTimestamp" not in after, f"an up that takes it for unchanged builds around nothing:\n{output}"
    # Where the signal came before the engine had asked for the deletion, it lives on.
    if after["uid"] != before["uid"]:
        assert "an earlier run that was interrupted has deleted these" in output, (
            f"the run says what it mends:\n{output}"
        )
    project.script_here("destroy", "--yes", "--stack", "undone").ok()
    require_absence(lab, "undone")


def test_a_terminal_that_closes_leaves_no_process_behind(lab: Lab, project: Project) -> None:
    project.configure("hungup", **sections(lab, "hungup"))
    process = start(project, "up", "--stack", "hungup", "--timeout", "300")
    wait_for(process, "waits until /readyz answers")
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGHUP)
    process.communicate(timeout=60)
    _, living = psutil.wait_procs(family, timeout=15)
    assert not living, "the engine has a session of its own, which the terminal does not reach"
    project.script_here("destroy", "--yes", "--stack", "hungup").ok()
    require_absence(lab, "hungup")


def test_living_clusters_are_taken_into_a_stack_that_does_not_exist_yet(lab: Lab, project: Project) -> None:
    project.configure("found", **sections(lab, "found"))
    project.script_here("up", "--stack", "found", "--no-wait").ok()
    project.pulumi("stack", "rm", "found", "--force", "--yes", "--preserve-config").ok()
    result = project.script_here("import", "--stack", "found")
    assert "conflict" not in result.ok(), (
        f"another field manager applies what Cluster API's webhooks have completed:\n{result.output}"
    )
    preview = project.script_here("preview", "--stack", "found").ok()
    assert "15 unchanged" in preview, f"and then it is as after up:\n{preview}"
    project.script_here("destroy", "--yes", "--stack", "found").ok()
    require_absence(lab, "found")


def test_a_killed_engine_and_plugin_leave_a_state_that_destroy_clears(lab: Lab, project: Project) -> None:
    project.configure("killed", **sections(lab, "killed"))
    process = start(project, "up", "--stack", "killed", "--timeout", "300")
    wait_for(process, "waits until /readyz answers")
    kill(process)
    result = project.script_here("destroy", "--yes", "--stack", "killed")
    assert "lock" in result.ok(), f"the dead engine's lock is cleared, and said so:\n{result.output}"
    require_absence(lab, "killed")
