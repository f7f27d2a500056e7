"""The simulated Metal API over HTTPS: certificates, connections, device states, faults switched from outside."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab.metal import BootOptions, Control, Fault
from lab.metal.cli import main
from lab.metal.control import ControlError
from lab.simulation.join import client_context
from tests.support.devices import KEY, PROJECT, Metal, eventually, metal, order


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Metal]:
    with metal(tmp_path) as running:
        yield running


def states(api: Metal, identity: str, seconds: float, *, last: str = "") -> list[str]:
    """The states that a device goes through in a time, or until the last one."""
    states: list[str] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and last not in states:
        state = api.get(identity)["state"]
        if state not in states[-1:]:
            states.append(state)
        time.sleep(0.02)
    return states


def test_its_certificate_is_for_the_real_host_name(api: Metal) -> None:
    with socket.create_connection(("127.0.0.1", api.api.port), timeout=5) as plain:
        client_context(api.authority.pem).wrap_socket(plain, server_hostname="api.equinix.com").close()
    with (
        socket.create_connection(("127.0.0.1", api.api.port), timeout=5) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        client_context(api.authority.pem).wrap_socket(plain, server_hostname="example.com")


def test_it_listens_on_loopback_only(api: Metal) -> None:
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", api.api.port), timeout=2)


def test_a_device_goes_from_queued_to_active(api: Metal) -> None:
    with api.api_boot(seconds=5.0):
        device = api.create()
        assert states(api, device["id"], 30, last="active") == ["queued", "provisioning", "active"], (
            "the states of the real API"
        )


def test_errors_are_json_as_the_sdk_needs(api: Metal) -> None:
    answer = api.http.get("/devices/none")
    assert answer.headers["content-type"].startswith("application/json"), "the SDK decodes nothing else"
    assert answer.json() == {"errors": ["Not found"]}, "and takes the texts from there"
    with api.client("wrong") as stranger:
        assert stranger.get(f"/projects/{PROJECT}/devices").status_code == 401, "a wrong token is told"


def test_a_connection_serves_many_requests_also_after_errors(api: Metal) -> None:
    for _ in range(5):
        assert api.http.post(f"/projects/{PROJECT}/devices", json={}).status_code == 422, "refused"
        assert api.http.get(f"/projects/{PROJECT}/devices").status_code == 200, "answered"


def test_a_silent_client_keeps_nobody_out(api: Metal) -> None:
    with socket.create_connection(("127.0.0.1", api.api.port)), api.client(KEY) as other:
        assert other.get(f"/projects/{PROJECT}/devices").status_code == 200, "the handshake is in a thread of its own"


def test_a_cut_answer_ends_within_its_head(api: Metal) -> None:
    api.control.set_faults(PROJECT, [Fault("create-cut", count=1)])
    with pytest.raises(httpx.RemoteProtocolError):
        api.http.post(f"/projects/{PROJECT}/devices", json=order())
    assert len(api.control.devices()) == 1, "the device is bought all the same"


def test_a_slow_queue_holds_a_device(api: Metal) -> None:
    api.control.set_faults(PROJECT, [Fault("slow-queue", count=1, seconds=5.0)])
    slow, fast = api.create("slow"), api.create("fast")
    eventually(lambda: "active" in {api.get(slow["id"])["state"], api.get(fast["id"])["state"]}, "one is active")
    queue = [d for d in (slow, fast) if api.get(d["id"])["state"] == "queued"]
    assert len(queue) == 1, "one device was held"
    eventually(lambda: api.get(queue[0]["id"])["state"] == "active", "active")


def test_devices_stay_in_provisioning_until_the_fault_is_cleared(api: Metal) -> None:
    api.control.set_faults(PROJECT, [Fault("stays-provisioning")])
    device = api.create()
    assert states(api, device["id"], 1.5)[-1] == "provisioning", "it gets no further"
    api.control.clear_faults(PROJECT)
    eventually(lambda: api.get(device["id"])["state"] == "active", "active")


def test_one_device_stays_in_provisioning_for_good(api: Metal) -> None:
    api.control.set_faults(PROJECT, [Fault("stays-provisioning", count=1)])
    identities = [api.create(f"w{number}")["id"] for number in range(2)]
    eventually(lambda: "active" in [api.get(identity)["state"] for identity in identities], "one is active")
    time.sleep(0.5)
    assert sorted(api.get(identity)["state"] for identity in identities) == ["active", "provisioning"], (
        "the other is stuck"
    )


@pytest.mark.parametrize("by", ["fault", "option"])
def test_a_device_can_fail(api: Metal, by: str) -> None:
    if by == "fault":
        api.control.set_faults(PROJECT, [Fault("fails", count=1)])
    with api.api_boot(fails=by == "option"):
        device = api.create()
        eventually(lambda: api.get(device["id"])["state"] == "failed", "failed")
    assert api.overview(device["id"])["stage"] == "", "it never boots"
    assert api.control.faults(PROJECT) == [], "the fault is used up"


def test_faults_and_journal_are_reached_from_the_command_line(
    api: Metal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    (state / "pki").mkdir(parents=True)
    (state / "state.json").write_text(f'{{"metal": {api.api.port}}}')
    (state / "pki" / "ca.crt").write_text(api.authority.pem)
    (state / "pki" / "metal-api-key").write_text(KEY)

    def run(*words: str) -> str:
        assert main(["--state", str(state), *words]) == 0, f"{words} failed: {capsys.readouterr().err}"
        return capsys.readouterr().out

    assert run("fault", PROJECT, "create-error", "--status", "503", "--count", "1").startswith(
        "create-error: count 1"
    ), "set"
    assert api.http.post(f"/projects/{PROJECT}/devices", json=order()).status_code == 503, "it strikes"
    device = api.create("shown")
    assert device["id"] in run("devices"), "the device is listed"
    assert "503  POST" in run("calls"), "the call is listed"
    run("fault", PROJECT, "fails")
    run("clear", PROJECT)
    assert run("faults", PROJECT) == "", "all faults are gone"
    assert main(["--state", str(state), "fault", PROJECT, "slow-queue"]) == 1, "nonsense is refused"
    assert "seconds above 0" in capsys.readouterr().err, "and why"


def test_a_lab_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=f"no lab with a Metal API runs in {tmp_path}"):
        Control.of_lab(tmp_path)


def test_devices_are_still_there_after_a_restart(tmp_path: Path) -> None:
    with metal(tmp_path, BootOptions(seconds=1.0)) as first:
        device_ = first.create()
    with metal(tmp_path, BootOptions(seconds=1.0)) as second:
        assert [device["id"] for device in second.control.devices()] == [device_["id"]], "it is still billed"
        eventually(lambda: second.get(device_["id"])["state"] == "active", "active: it goes on where it was")
        assert second.problem(device_["id"], 30) == "it has no user data", "and boots"


def test_stopping_closes_the_port(tmp_path: Path) -> None:
    with metal(tmp_path) as running:
        port = running.api.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=2)
    assert running.api.port == port, "the port that it had stays known"
