"""A killed engine leaves its lock; it is cleared, and the next update goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kamaji_equinix.automation.engine.lock import reported_locks
from kamaji_equinix.automation.errors import Locked
from kamaji_equinix.automation.repair import locks
from kamaji_equinix.automation.repair.lock_wait import require_no_lock
from pulumi.automation import CommandResult, ConcurrentUpdateError
from pulumi.automation.errors import create_command_error

import toolchain
from tests.support.locks import clear_locks

PROGRAM = """\
import os, time
import pulumi

pulumi.export("value", 1)
if os.path.exists("hang"):
    open("running", "w").close()
    time.sleep(60)
"""


class Project:
    """A project with one stack on a file backend, whose program hangs while a file `hang` is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "program"
        self.state = folder / "state"
        self.folder.mkdir()
        self.state.mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (self.folder / "__main__.py").write_text(PROGRAM)
        self.backend = f"file://{self.state}"
        self.environment = {
            **os.environ,
            **toolchain.pulumi_environment(),
            "PULUMI_BACKEND_URL": self.backend,
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_PYTHON_CMD": sys.executable,
        }
        self.run("stack", "init", "dev")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pulumi to its end."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        """Run an update to its end."""
        return self.run("up", "--yes", "--skip-preview", "--stack", "dev")

    def start(self) -> subprocess.Popen[bytes]:
        """Begin an update and wait until its program hangs."""
        (self.folder / "hang").touch()
        (self.folder / "running").unlink(missing_ok=True)
        engine = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while not (self.folder / "running").exists():
            assert engine.poll() is None, "the update runs"
            assert time.monotonic() < deadline, "the update's program has begun"
            time.sleep(0.05)
        return engine

    def lock_files(self) -> list[Path]:
        """The locks on the stack."""
        return list((self.state / ".pulumi" / "locks").rglob("*.json"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def end(engine: subprocess.Popen[bytes], project: Project) -> None:
    """Kill an engine and everything that it started, reap it."""
    os.killpg(engine.pid, signal.SIGKILL)
    engine.wait()
    (project.folder / "hang").unlink(missing_ok=True)


def test_after_a_kill_of_the_engine_the_lock_is_cleared_and_the_next_update_succeeds(project: Project) -> None:
    engine = project.start()
    end(engine, project)
    assert len(project.lock_files()) == 1, "the killed engine left its lock"
    refusal = project.up()
    assert refusal.returncode != 0, "pulumi refuses an update because of it"
    (lock,) = reported_locks(refusal.stdout + refusal.stderr)
    assert lock.pid == engine.pid, "its refusal names the dead process, and is understood"
    message = locks.clear_stale_lock(project.backend, "shop", "dev")
    assert message is not None, "the lock is cleared"
    assert f"process {engine.pid}" in message, "and whose it was is told"
    assert not project.lock_files(), "nothing is left of it"
    process = project.up()
    assert process.returncode == 0, f"the next update goes on: {process.stdout}{process.stderr}"


def test_the_lock_of_a_running_update_is_respected(project: Project) -> None:
    engine = project.start()
    try:
        assert locks.clear_stale_lock(project.backend, "shop", "dev") is None, "a running update keeps its lock"
        with pytest.raises(Locked, match=f"process {engine.pid}"):
            locks.require_free(project.backend, "shop", "dev")
        cancels: list[bool] = []
        refusal = project.up()
        with pytest.raises(Locked, match=f"process {engine.pid}"):
            clear_locks(refusal.stdout + refusal.stderr, "dev", lambda: cancels.append(True))
        assert not cancels, "nothing cancels a running update"
        assert project.lock_files(), "its lock is still there"
    finally:
        end(engine, project)


def test_whether_a_stack_is_free_is_asked_without_changing_it(project: Project) -> None:
    def init() -> None:
        process = project.run("stack", "init", "dev")
        raise create_command_error(CommandResult(process.stdout, process.stderr, process.returncode))

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in project.folder.parent.rglob("*") if path.is_file()}

    project.up()
    before = files()
    require_no_lock(init)
    assert files() == before, "neither the state nor the project's files changed"
    engine = project.start()
    try:
        with pytest.raises(ConcurrentUpdateError, match=f"pid {engine.pid}"):
            require_no_lock(init)
    finally:
        end(engine, project)


def test_the_lock_that_pulumi_reports_can_be_cancelled_where_its_files_cannot_be_read(project: Project) -> None:
    end(project.start(), project)
    refusal = project.up()
    message = clear_locks(
        refusal.stdout + refusal.stderr, "dev", lambda: project.run("cancel", "--yes", "--stack", "dev")
    )
    assert "dead update" in message, "it is told"
    assert not project.lock_files(), "pulumi cancel removed the lock"


def test_the_command_line_clears_a_dead_lock_and_names_a_living_one(project: Project) -> None:
    def command() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kamaji_equinix.automation.repair.locks", "--stack", "dev"],
            cwd=project.folder,
            env=project.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    engine = project.start()
    try:
        refusal = command()
        assert refusal.returncode == Locked.exit_code, "a living lock has an exit code of its own"
        assert f"process {engine.pid}" in refusal.stderr, "and its holder is named"
    finally:
        end(engine, project)
    success = command()
    assert success.returncode == 0, success.stderr
    assert "cleared the lock" in success.stdout, "a dead one is cleared"
    assert command().stdout == "", "a second time there is nothing to do"
