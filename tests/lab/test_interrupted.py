"""Ctrl-C and kills while a cluster comes up: the next command goes on from there, and nothing stays behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.interrupting import gone, kill, sections, started, wait_for
from tests.support.lab import Lab
from tests.support.project import Project


@pytest.fixture
def project(lab: Lab, tmp_path: Path) -> Project:
    assert lab.command("set", "--gate").returncode == 0, "the hand-off is this program's own"
    return Project.make(tmp_path / "project", lab.environment())


def test_ctrl_c_during_the_hand_off_leaves_a_state_from_which_up_goes_on(lab: Lab, project: Project) -> None:
    project.configure("interrupted", **sections(lab, "interrupted"))
    process = started(project, "up", "--stack", "interrupted", "--timeout", "300")
    wait_for(process, "waits until /readyz answers")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130, "the shell is told that Ctrl-C ended it"
    project.script("up", "--stack", "interrupted", "--timeout", "300").ok()
    project.script("destroy", "--stack", "interrupted").ok()
    gone(lab)


def test_a_killed_engine_and_plugin_leave_a_state_that_destroy_clears(lab: Lab, project: Project) -> None:
    project.configure("killed", **sections(lab, "killed"))
    process = started(project, "up", "--stack", "killed", "--timeout", "300")
    wait_for(process, "waits until /readyz answers")
    kill(process)
    done = project.script("destroy", "--stack", "killed")
    assert "lock" in done.ok(), f"the dead engine's lock is cleared, and said so:\n{done.output}"
    gone(lab)
