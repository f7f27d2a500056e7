"""The lab's own command line."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.generations import METAL3
from tests.support.lab import Lab, eventually
from tests.support.project import ROOT


def test_up_is_harmless_where_the_lab_runs(lab: Lab) -> None:
    before = {entry["name"]: entry["pid"] for entry in lab.state_file()["processes"]}
    start = time.monotonic()
    process = lab.command("up")
    seconds = time.monotonic() - start
    assert process.returncode == 0, process.stdout
    assert "runs" in process.stdout, f"it says so:\n{process.stdout}"
    after = {entry["name"]: entry["pid"] for entry in lab.state_file()["processes"]}
    assert {name: after[name] for name in before} == before, "no process was started anew"
    assert seconds < 15, f"it took {seconds:.0f} s to see that the lab runs"


def test_files_with_credentials_are_the_owners_alone(lab: Lab) -> None:
    assert lab.state.stat().st_mode & 0o077 == 0, "nobody else may look into the lab's folder"
    for path in (lab.kubeconfig, lab.folder.env, lab.state / "pki" / "ca.key", lab.state / "passphrase"):
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} holds credentials"


def test_what_carries_credentials_listens_on_loopback_only(lab: Lab) -> None:
    import psutil

    webhooks = {"kamaji", "capi-core", "capi-bootstrap-kubeadm", "capp", *METAL3}
    names = {entry["pid"]: entry["name"] for entry in lab.state_file()["processes"]}
    names[lab.state_file()["supervisor"]["pid"]] = "supervisor"
    assert webhooks - set(METAL3) <= set(names.values()), f"all of them run: {names}"
    count = 0
    for connection in psutil.net_connections("inet"):
        if connection.status != psutil.CONN_LISTEN or connection.pid not in names:
            continue
        count += 1
        name, (address, port) = names[connection.pid], connection.laddr
        if name in webhooks and port == webhook_port(connection.pid):
            # controller-runtime gives no choice of the address, and answers nothing but reviews of objects.
            continue
        assert address.startswith("127."), f"{name} listens on {address}:{port}"
    assert count >= 5, "or nothing was looked at"


def webhook_port(pid: int) -> int:
    """The port of a controller's webhook server; Kamaji's is fixed."""
    import psutil

    words = psutil.Process(pid).cmdline()
    return int(words[words.index("--webhook-port") + 1]) if "--webhook-port" in words else 9443


def test_a_second_lab_names_the_process_that_has_kamajis_port(lab: Lab, tmp_path: Path) -> None:
    second = Lab(tmp_path / "second")
    process = second.command("up")
    assert process.returncode == 1, "two labs can't share the port"
    assert "9443" in process.stdout, f"the port is named:\n{process.stdout}"
    assert "kamaji" in process.stdout, f"its holder is named:\n{process.stdout}"
    assert "Traceback" not in process.stdout, process.stdout
    assert not (tmp_path / "second" / "state.json").exists(), "nothing was started"


def test_a_crashed_process_is_named_with_the_end_of_its_log_and_up_mends_it(lab: Lab) -> None:
    entry = next(entry for entry in lab.state_file()["processes"] if entry["name"] == "capp")
    os.kill(entry["pid"], signal.SIGKILL)
    status = eventually(
        lambda: lab.command("status"), lambda process: process.returncode == 1, 15, "the crash is noticed"
    )
    line = next(line for line in status.stdout.splitlines() if line.startswith("capp"))
    only = lab.command("status", "--crashed").stdout
    assert only.startswith("capp"), f"`make status` says what is wrong, and nothing else, above the tree:\n{only}"
    assert "runs" not in only.splitlines()[0], only
    assert "CRASHED" in line, f"the crashed process is named:\n{status.stdout}"
    assert "capp.log" in line, f"its log is named:\n{status.stdout}"
    restart = lab.command("up")
    assert restart.returncode == 0, restart.stdout
    assert "capp crashed" in restart.stdout, f"it says what it mends:\n{restart.stdout}"
    assert lab.command("status").returncode == 0, "all runs again"
    assert lab.command("status", "--crashed").stdout == "", "and there is nothing to say"


def test_a_lab_that_was_killed_says_so_and_comes_back_under_its_address(lab: Lab) -> None:
    before, state = lab.kubeconfig.read_text(), lab.state_file()
    for entry in (state["supervisor"], *state["processes"]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(entry["pid"], signal.SIGKILL)
    status = eventually(
        lambda: lab.command("status", "--crashed"), lambda process: process.returncode == 1, 15, "the end is noticed"
    )
    assert "its supervisor was killed" in status.stdout, f"not as if it had never run:\n{status.stdout}"
    assert lab.command("up").returncode == 0, "it starts again"
    server = [line for line in before.splitlines() if "server:" in line]
    assert server == [line for line in lab.kubeconfig.read_text().splitlines() if "server:" in line], (
        "a stack's state, and kubeconfigs that were handed on, name the API server"
    )


def test_options_that_make_no_sense_are_refused(lab: Lab) -> None:
    for wrong in ("nan", "-1", "inf", "soon"):
        process = lab.command("set", f"--boot-seconds={wrong}")
        assert process.returncode == 2, f"{wrong} is no number of seconds: {process.stdout}"


def test_options_that_cannot_be_read_end_no_lab(lab: Lab) -> None:
    options = lab.folder.options
    good = options.read_text()
    options.write_text("{bad")
    try:
        status = eventually(lambda: lab.command("status"), lambda process: process.returncode == 1, 15, "it is noticed")
        assert "JSONDecodeError" in status.stdout, f"what is wrong is said:\n{status.stdout}"
    finally:
        options.write_text(good)
    eventually(lambda: lab.command("status"), lambda process: process.returncode == 0, 15, "it is mended")


def test_it_serves_after_that(lab: Lab) -> None:
    with lab.management() as client:
        assert client.get("/readyz").status_code == 200, "the management cluster answers"
        stores = client.get("/apis/kamaji.clastix.io/v1alpha1/datastores").json()["items"]
    assert [store["metadata"]["name"] for store in stores] == ["default"], "its data outlived the restart"


def test_ports_that_are_chosen_are_free_ones(lab: Lab) -> None:
    port = lab.state_file()["metal"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) == 0, "the simulated Metal API answers where the state file says"


def test_tests_that_need_a_lab_say_at_once_that_there_is_one(lab: Lab) -> None:
    assert lab.state_file()["supervisor"], "it runs"
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/lab"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == pytest.ExitCode.USAGE_ERROR, process.stdout + process.stderr
    assert "port 9443 is taken by" in process.stderr, process.stderr
    assert "`make down` ends a lab" in process.stderr, "what to do"
