"""Ctrl-C and kills while a cluster comes up: the next command goes on from there, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import Lab, eventually
from tests.support.project import Project, dev_sections


@pytest.fixture
def project(lab: Lab, tmp_path: Path) -> Project:
    assert lab.command("set", "--gate").returncode == 0, "the hand-off is this program's own"
    return Project.make(tmp_path / "project", lab.environment())


def sections(lab: Lab, name: str) -> dict[str, Any]:
    found = dev_sections(lab.kubeconfig)
    found["cluster"] = {**found["cluster"], "name": name}
    found["controlPlane"] = {**found["controlPlane"], "name": f"{name}-plane"}
    found["workerPools"] = [{**found["workerPools"][0], "replicas": 1}]
    return found


def started(project: Project, stack: str) -> subprocess.Popen[str]:
    """``up`` in a process group of its own, as a terminal would start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "kamaji_equinix.automation", "up", "--stack", stack, "--timeout", "300"],
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[str], text: str, seconds: float = 90) -> str:
    """Read a process's output until a text comes."""
    deadline = time.monotonic() + seconds
    seen = ""
    assert process.stdout is not None
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
        assert time.monotonic() < deadline, f"{text!r} did not come:\n{seen}"
    raise AssertionError(f"{text!r} did not come before the end:\n{seen}")


def gone(lab: Lab) -> None:
    metal = lab.metal()
    try:
        eventually(metal.devices, lambda devices: not devices, 60, "all devices given back")
    finally:
        metal.close()
    assert lab.leftovers() == [], "no object of Cluster API or Kamaji stays behind"


def test_ctrl_c_during_the_hand_off_leaves_a_state_from_which_up_goes_on(lab: Lab, project: Project) -> None:
    project.configure("interrupted", **sections(lab, "interrupted"))
    process = started(project, "interrupted")
    wait_for(process, "waits until /readyz answers")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130, "the shell is told that Ctrl-C ended it"
    project.script("up", "--stack", "interrupted", "--timeout", "300").ok()
    project.script("destroy", "--stack", "interrupted").ok()
    gone(lab)


def test_a_killed_engine_and_plugin_leave_a_state_that_destroy_clears(lab: Lab, project: Project) -> None:
    project.configure("killed", **sections(lab, "killed"))
    process = started(project, "killed")
    wait_for(process, "waits until /readyz answers")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    done = project.script("destroy", "--stack", "killed")
    assert "lock" in done.ok(), f"the dead engine's lock is cleared, and said so:\n{done.output}"
    gone(lab)
