"""One bucket as the backend of several machines, with a real S3 server, the real engine and the console script."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from kamaji_equinix.automation.errors import Locked

import toolchain
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import CLUSTERS, Fleet
from tests.support.interruptions import kill, start, wait_for
from tests.support.lab import eventually
from tests.support.project import CommandResult, Project
from tests.support.s3 import SECRET, Bucket

NAME = "kamaji-equinix"
PASSPHRASE = f"passphrase-{secrets.token_hex(8)}"
ANSWERS_NEVER = 3600.0
NO_CHANGE = {"same", "read"}


@pytest.fixture
def machine(bucket: Bucket, tmp_path: Path) -> Project:
    """One of the machines that share the bucket."""
    return Project.make(
        tmp_path / "machine",
        {**toolchain.pulumi_environment(), **bucket.variables, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE},
    )


def configure(machine: Project, fleet: Fleet, stack: str) -> None:
    machine.configure(
        stack,
        cluster={"name": stack, "namespace": fleet.namespace},
        metal={"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        workerPools=[{"name": "a", "replicas": 1, "machineType": "c3.small.x86"}],
        management={"kubeconfigPath": str(fleet.management.kubeconfig)},
    )


def up(machine: Project, stack: str, *extra: str) -> CommandResult:
    return machine.script_here("up", "--no-wait", "--stack", stack, *extra)


def result(command: CommandResult) -> dict[str, Any]:
    """The JSON with which an output ends."""
    document: dict[str, Any] = json.loads(command.ok()[command.output.index("\n{\n") :])
    return document


def require_whole(machine: Project, stack: str) -> dict[str, Any]:
    """The stack's state, which must hold no unfinished operation and each object once."""
    deployment: dict[str, Any] = json.loads(machine.pulumi("stack", "export", "--stack", stack).ok())["deployment"]
    assert not deployment.get("pending_operations"), f"nothing is left unfinished: {deployment['pending_operations']}"
    urns = [resource["urn"] for resource in deployment.get("resources", [])]
    assert len(urns) == len(set(urns)), f"each object once: {sorted(urns)}"
    return deployment


def names(fleet: Fleet) -> set[str]:
    return {item["metadata"]["name"] for item in fleet.http.get(CLUSTERS.format(fleet.namespace)).json()["items"]}


def test_a_stack_lives_in_a_bucket_from_its_first_up_to_its_destroy(
    bucket: Bucket, machine: Project, fleet: Fleet, tmp_path: Path
) -> None:
    configure(machine, fleet, "shared")
    first = result(up(machine, "shared", "--json"))
    assert first["changes"]["create"] > 0, f"the first up creates: {first}"
    require_whole(machine, "shared")
    # Another machine has a checkout of its own, and nothing else in common.
    other = Project.make(tmp_path / "other", machine.environment)
    for file in machine.folder.glob("Pulumi.shared.yaml"):
        (other.folder / file.name).write_text(file.read_text())
    rerun = result(up(other, "shared", "--json"))
    assert set(rerun["changes"]) <= NO_CHANGE, f"another machine finds nothing to do: {rerun}"
    assert fleet.secret in other.script_here("kubeconfig", "--stack", "shared").ok(), (
        "and reads the outputs with the passphrase"
    )
    contents = bucket.objects()
    assert any("stacks/" in key for key in contents), f"the state is in the bucket: {sorted(contents)}"
    for secret in (fleet.secret, PASSPHRASE, SECRET, "client-key-data"):
        keys = [key for key, content in contents.items() if secret.encode() in content]
        assert not keys, f"{secret.split('-')[0]}… is in clear in {keys}"
    other.script_here("destroy", "--yes", "--stack", "shared").ok()
    assert "shared" not in names(fleet), "it is gone"
    assert not require_whole(machine, "shared").get("resources"), "and the first machine sees that"
    assert not bucket.locks(NAME, "shared"), "no lock stays behind"


def state_of_a_run_that_only_waits(bucket: Bucket, stack: str) -> dict[str, bytes]:
    """The state once the run has nothing under way but its hand-off; before that it goes on writing beside it."""

    def look() -> tuple[set[str], set[str], dict[str, bytes]]:
        objects = bucket.objects(".pulumi/stacks/")
        (text,) = (content for path, content in objects.items() if path.endswith(f"/{stack}.json"))
        latest = json.loads(text)["checkpoint"]["latest"]
        pending = {step["resource"]["urn"] for step in latest.get("pending_operations") or ()}
        types = {resource["type"].rpartition(":")[2] for resource in latest.get("resources") or ()}
        return {urn.split("::")[2].rpartition(":")[2] for urn in pending}, types, objects

    beside = {
        "KamajiControlPlane",
        "PacketCluster",
        "PacketMachineTemplate",
        "KubeadmConfigTemplate",
        "WorkerPoolTemplates",
    }
    eventually(
        look, lambda view: view[0] == {"ControlPlaneEndpoint"} and beside <= view[1], 90, "only the hand-off runs"
    )
    # A component's outputs are written after its last part, by no step that could be waited for.
    last: list[dict[str, bytes]] = []

    def still() -> bool:
        last.append(look()[2])
        return len(last) > 6 and all(each == last[-1] for each in last[-6:])

    eventually(still, bool, 90, "the run writes no more")
    return last[-1]


def test_the_second_of_two_runs_is_refused_with_who_holds_the_stack(
    bucket: Bucket, machine: Project, management: ManagementPlane
) -> None:
    make_data_store(management)
    with Fleet(management, delay=ANSWERS_NEVER) as fleet:
        configure(machine, fleet, "twice")
        first = start(machine, "up", "--no-wait", "--stack", "twice")
        try:
            wait_for(first, "dial")
            (lock,) = bucket.locks(NAME, "twice").values()
            engines = {child.pid for child in psutil.Process(first.pid).children(recursive=True)}
            assert lock["pid"] in engines, f"the lock names the first run's engine: {lock}"
            before = state_of_a_run_that_only_waits(bucket, "twice")
            second = up(machine, "twice")
            assert second.code == Locked.exit_code, f"the second run is refused:\n{second.output}"
            for text in (
                f"{lock['username']}@{socket.gethostname()}, process {lock['pid']}, since 20",
                "pulumi cancel --yes --stack twice",
            ):
                assert text in second.output, f"the refusal misses {text!r}:\n{second.output}"
            assert "Traceback" not in second.output, f"and is no crash:\n{second.output}"
            assert bucket.objects(".pulumi/stacks/") == before, "the refused run has written nothing into the state"
            machine.script_here("preview", "--stack", "twice").ok()
            assert bucket.objects(".pulumi/stacks/") == before, (
                "nor has a preview, which looks at a stack that is locked"
            )
            assert first.poll() is None, "the first run goes on"
            assert len(bucket.locks(NAME, "twice")) == 1, "its lock is where it was"
            fleet.delay = 0
            output, _ = first.communicate(timeout=120)
        finally:
            kill_if_running(first)
        assert first.returncode == 0, f"the first run ends well:\n{output}"
        require_whole(machine, "twice")
        assert set(result(up(machine, "twice", "--json"))["changes"]) <= NO_CHANGE, "and has done everything"


def test_a_run_that_may_wait_for_the_lock_goes_on_when_the_stack_is_free(
    bucket: Bucket, machine: Project, management: ManagementPlane
) -> None:
    make_data_store(management)
    with Fleet(management, delay=ANSWERS_NEVER) as fleet:
        configure(machine, fleet, "queue")
        runs = [start(machine, "up", "--no-wait", "--stack", "queue")]
        try:
            wait_for(runs[0], "dial")
            (lock,) = bucket.locks(NAME, "queue").values()
            runs.append(start(machine, "up", "--no-wait", "--stack", "queue", "--wait-for-lock", "120"))
            output = wait_for(runs[1], "waits for it")
            assert f"process {lock['pid']}" in output, f"who is waited for: {output}"
            assert len(bucket.locks(NAME, "queue")) == 1, "the lock of the first run is where it was"
            fleet.delay = 0
            outputs = [run.communicate(timeout=120)[0] for run in runs]
        finally:
            for run in runs:
                kill_if_running(run)
        assert [run.returncode for run in runs] == [0, 0], "both end well:\n" + "\n---\n".join(outputs)
        require_whole(machine, "queue")
        assert set(result(up(machine, "queue", "--json"))["changes"]) <= NO_CHANGE, "and everything was done once"


def test_of_two_runs_that_begin_together_never_both_work_and_the_state_stays_whole(
    bucket: Bucket, machine: Project, fleet: Fleet
) -> None:
    configure(machine, fleet, "together")
    machine.pulumi("stack", "init", "together").ok()
    runs = [start(machine, "up", "--no-wait", "--stack", "together") for _ in range(2)]
    most = 0
    while any(run.poll() is None for run in runs):
        # A lock is written before the others are looked for, so two may be there for a moment, but not for long.
        keys = set(bucket.locks(NAME, "together"))
        time.sleep(5)
        most = max(most, len(keys & set(bucket.locks(NAME, "together"))))
    outputs = [run.communicate()[0] for run in runs]
    codes = [run.returncode for run in runs]
    assert set(codes) <= {0, Locked.exit_code}, f"a run succeeds or is refused, {codes}:\n" + "\n---\n".join(outputs)
    assert most <= 1, "two updates held the stack at once"
    for code, output in zip(codes, outputs, strict=True):
        if code:
            assert re.search(r"locked by another update \(\S+@\S+, process \d+, since", output), f"by whom:\n{output}"
    last = result(up(machine, "together", "--json"))
    assert set(last["changes"]) <= NO_CHANGE or codes == [Locked.exit_code] * 2, f"one of them did the work: {last}"
    require_whole(machine, "together")
    assert not bucket.locks(NAME, "together"), "no lock stays behind"


def test_the_lock_of_a_killed_run_is_cleared_by_the_next_which_says_so_and_goes_on(
    bucket: Bucket, machine: Project, management: ManagementPlane
) -> None:
    make_data_store(management)
    with Fleet(management, delay=ANSWERS_NEVER) as fleet:
        configure(machine, fleet, "killed")
        run = start(machine, "up", "--no-wait", "--stack", "killed")
        wait_for(run, "dial")
        ((key, lock),) = bucket.locks(NAME, "killed").items()
        kill(run)
        assert list(bucket.locks(NAME, "killed")) == [key], "the killed engine left its lock in the bucket"
        fleet.delay = 0
        update = up(machine, "killed")
        assert update.code == 0, f"the next run goes on:\n{update.output}"
        assert "cleared the lock of a dead update on stack killed" in update.output, (
            f"and says why it may:\n{update.output}"
        )
        assert f"process {lock['pid']}" in update.output, f"whose lock it was:\n{update.output}"
        require_whole(machine, "killed")
        assert not bucket.locks(NAME, "killed"), "nothing is left of it"
        machine.script_here("destroy", "--yes", "--stack", "killed").ok()
        assert "killed" not in names(fleet), "what both runs made is gone"


def test_a_lock_of_another_host_stays_and_is_named_with_the_command(
    bucket: Bucket, machine: Project, fleet: Fleet
) -> None:
    configure(machine, fleet, "foreign")
    machine.pulumi("stack", "init", "foreign").ok()
    # A process that is dead here may well live there.
    child = subprocess.Popen(["true"])
    child.wait()
    key = bucket.put_lock(
        NAME, "foreign", pid=child.pid, username="ann", hostname="runner-7", timestamp="2026-01-02T03:04:05.678901234Z"
    )
    update = up(machine, "foreign")
    assert update.code == Locked.exit_code, f"it is refused:\n{update.output}"
    for text in (f"ann@runner-7, process {child.pid}, since 2026-01-02", "pulumi cancel --yes --stack foreign"):
        assert text in update.output, f"the refusal misses {text!r}:\n{update.output}"
    assert list(bucket.locks(NAME, "foreign")) == [key], "the lock is still there"
    assert "foreign" not in names(fleet), "nothing was made"
    machine.pulumi("cancel", "--yes", "--stack", "foreign").ok()
    up(machine, "foreign").ok()


def kill_if_running(run: subprocess.Popen[str]) -> None:
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGINT)
        kill(run)
