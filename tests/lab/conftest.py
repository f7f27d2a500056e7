"""One lab for the whole tier: Kamaji's webhook port is fixed, so there can't be two. It ends before labs of others begin."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import processes
from tests.support.generation import generation
from tests.support.lab import Lab
from tests.support.project import ROOT


@pytest.fixture(autouse=True)
def runs(lab: Lab) -> None:
    """The lab again as a test finds it, where the one before it failed amid a crash that it had made."""
    state = lab.state_file()
    processes_ = [state["supervisor"], *state["processes"]]
    if any(entry.get("exit") is not None or processes.alive(entry) is None for entry in processes_):
        rerun = lab.command("up")
        assert rerun.returncode == 0, f"the lab does not come back:\n{rerun.stdout}"


@pytest.fixture(scope="module", autouse=True)
def clears(lab: Lab) -> Iterator[None]:
    """The lab without the clusters that a test of a module has left when it failed: the next modules would fail for them."""
    before = lab.clusters()
    yield
    lab.remove(lab.clusters() - before)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running lab whose load balancers answer some seconds after they have an address."""
    state: Path = tmp_path_factory.mktemp("lab") / "state"
    instance = Lab(state)
    instance.up("--load-balancer-delay", "6", "--network", "provided", "--contract", generation().contract)
    yield instance
    stop = subprocess.run(
        [sys.executable, "-m", "lab", "--state", str(state), "down"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert stop.returncode == 0, f"the lab does not stop:\n{stop.stdout}{stop.stderr}"
