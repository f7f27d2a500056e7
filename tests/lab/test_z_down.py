"""The end of the lab; last in its folder."""

from __future__ import annotations

import time

import psutil
import pytest

from lab import processes
from tests.support.lab import Lab


@pytest.fixture(autouse=True)
def runs() -> None:
    """These end the lab: nothing brings it back before them."""


@pytest.fixture(scope="module", autouse=True)
def clears() -> None:
    """Nor is there a lab afterwards that could be cleared."""


def is_younger(pid: int | None, moment: float) -> bool:
    """Whether a process has begun after a moment, in seconds since the epoch."""
    try:
        return pid is not None and psutil.Process(pid).create_time() > moment
    except psutil.NoSuchProcess:
        return True


def test_down_leaves_no_process_and_no_port(lab: Lab) -> None:
    state = lab.state_file()
    entries = [state["supervisor"], *state["processes"]]
    pids = {entry["pid"] for entry in entries}
    ports = {
        connection.laddr.port
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.pid in pids
    }
    assert len(ports) >= 5, f"the lab listens on several ports, or this test looks for nothing: {ports}"
    start, began = time.monotonic(), time.time()
    process = lab.command("down")
    seconds = time.monotonic() - start
    assert process.returncode == 0, process.stdout
    assert seconds < 60, f"stopping took {seconds:.0f} s"
    alive = [entry for entry in entries if processes.alive(entry)]
    assert alive == [], "every process has ended"
    listening = {
        connection.laddr.port
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr.port in ports
        # A free port may be another program's soon, as those of the tests beside this one.
        and not is_younger(connection.pid, began)
    }
    assert listening == set(), "every port is free"
    assert not lab.kubeconfig.exists(), "credentials go with the lab"


def test_down_is_harmless_where_nothing_runs(lab: Lab) -> None:
    process = lab.command("down")
    assert process.returncode == 0, process.stdout
