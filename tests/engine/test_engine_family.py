"""The processes that a command of pulumi leaves, in the hard cases: they end with it, and nobody else's do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import psutil
import pytest
from kamaji_equinix.automation.engine import family
from kamaji_equinix.automation.engine.death import EngineDied
from kamaji_equinix.automation.engine.process import Cancellation, Engine
from pulumi import automation

from tests.support.lab import eventually

COMMAND = """#!{python}
import json, os, signal, subprocess, sys, time

stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
parent = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True).wait()"
plugins = [
    subprocess.Popen(["sleep", "600"], preexec_fn=os.setpgrp),
    subprocess.Popen([sys.executable, "-c", stubborn], preexec_fn=os.setpgrp, stdout=subprocess.PIPE),
    subprocess.Popen([sys.executable, "-c", parent], preexec_fn=os.setpgrp),
]
plugins[1].stdout.readline()
time.sleep(0.5)
with open(sys.argv[-1] + ".part", "w") as file:
    json.dump([os.getpid(), *(plugin.pid for plugin in plugins)], file)
os.rename(sys.argv[-1] + ".part", sys.argv[-1])
if "ends" not in sys.argv:
    time.sleep(600)
"""
"""A command that starts plugins as pulumi does, each in a process group of its own: one ignores SIGTERM, one waits for a
program in another session, as for one that gives credentials."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "pulumi"
    path.write_text(COMMAND.format(python=sys.executable))
    path.chmod(0o700)

    class Command(automation.PulumiCommand):
        def __init__(self) -> None:
            self.command, self.version = str(path), None

    yield Engine(Command())
    # Where the test has failed.
    for process in survivors([psutil.Process(pid) for pid in pids(tmp_path / "pids") if psutil.pid_exists(pid)]):
        for victim in [*process.children(recursive=True), process]:
            victim.kill()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the caller's own."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        yield process
        process.kill()


def pids(path: Path) -> list[int]:
    numbers: list[int] = json.loads(path.read_text()) if path.exists() else []
    return numbers


def members(path: Path) -> list[psutil.Process]:
    """The command's processes, the one in another session included."""
    eventually(path.exists, bool, 20, "the command has started its plugins")
    command, *plugins = [psutil.Process(pid) for pid in pids(path)]
    return [command, *plugins, *plugins[2].children()]


def survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def run_and(
    path: Path, engine: Engine, act: object, *arguments: str
) -> tuple[list[psutil.Process], BaseException | None]:
    """Run the command in this thread while another acts on its processes."""
    batches: list[list[psutil.Process]] = []

    def watch() -> None:
        batches.append(members(path))
        if callable(act):
            act(batches[0])

    thread = threading.Thread(target=watch)
    thread.start()
    error: BaseException | None = None
    try:
        engine.run([*arguments, str(path)], str(path.parent), {})
    except BaseException as raised:  # noqa: BLE001 - handed to the test
        error = raised
    thread.join()
    return batches[0], error


def test_a_killed_command_takes_all_that_it_has_started_along(
    engine: Engine, tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    processes, error = run_and(tmp_path / "pids", engine, lambda processes: processes[0].kill())
    assert isinstance(error, EngineDied), f"its kind: {error!r}"
    assert (error.pid, error.number) == (processes[0].pid, signal.SIGKILL), "which process, by which signal"
    assert len(processes) == 5, f"also the one in another session: {processes}"
    assert survivors(processes) == [], "also the one that ignores SIGTERM"
    assert stranger.poll() is None, "a process of the caller's is none of the engine's"


def test_a_command_whose_caller_is_stopped_does_not_work_on(engine: Engine, tmp_path: Path) -> None:
    def leave(*_: object) -> None:
        raise SystemExit(3)

    before = signal.signal(signal.SIGUSR1, leave)
    try:
        processes, error = run_and(tmp_path / "pids", engine, lambda _: os.kill(os.getpid(), signal.SIGUSR1))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert isinstance(error, SystemExit), f"the caller's handler decides: {error!r}"
    assert survivors(processes) == [], "nobody would be there to end it"


def test_ctrl_c_is_ctrl_c_where_no_operation_runs(engine: Engine, tmp_path: Path) -> None:
    processes, error = run_and(tmp_path / "pids", engine, lambda _: os.kill(os.getpid(), signal.SIGINT))
    assert isinstance(error, KeyboardInterrupt), f"no failure of the engine's: {error!r}"
    assert survivors(processes) == [], "and all has ended"


def test_ctrl_c_twice_is_no_failure_of_the_engine(engine: Engine, tmp_path: Path) -> None:
    cancellation = Cancellation()

    def twice(_: list[psutil.Process]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        # A second one before the first was handled would be the same signal.
        eventually(lambda: cancellation.requested, bool, 30, "the first is handled")
        os.kill(os.getpid(), signal.SIGINT)

    with engine.stoppable(cancellation, None):
        processes, _ = run_and(tmp_path / "pids", engine, twice)
    assert cancellation.requested, "the first requests it"
    assert engine.is_interrupted, "so the operation is reported as stopped"
    assert survivors(processes) == [], "and all has ended"


@pytest.fixture
def impatient() -> Iterator[None]:
    """Lets Ctrl-C hit the run of a command alone, not the test."""

    def hit(_number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code is Engine.run.__code__:
                raise KeyboardInterrupt
            frame = frame.f_back

    before = signal.signal(signal.SIGINT, hit)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("in_operation", [True, False], ids=["in an operation", "between operations"])
@pytest.mark.parametrize("pause", [0.02, 0.1, 0.5])
def test_no_ctrl_c_cuts_the_end_of_what_is_left_short(
    engine: Engine, tmp_path: Path, pause: float, in_operation: bool
) -> None:
    def again_and_again(processes: list[psutil.Process]) -> None:
        deadline = time.monotonic() + 30
        while survivors(processes) and time.monotonic() < deadline:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(pause)

    with engine.stoppable(Cancellation(), None) if in_operation else contextlib.nullcontext():
        processes, error = run_and(tmp_path / "pids", engine, again_and_again)
    assert error is not None, "the command has not succeeded"
    eventually(lambda: survivors(processes), lambda rest: not rest, 10, "whoever is impatient leaves nothing either")


def test_a_command_that_ends_by_itself_leaves_nothing_either(engine: Engine, tmp_path: Path) -> None:
    processes, error = run_and(tmp_path / "pids", engine, None, "ends")
    assert error is None, f"it has succeeded: {error!r}"
    assert survivors(processes) == [], "its result is there, nobody needs them any more"


def test_an_engine_that_leaves_nothing_costs_nothing() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as process:
        process.wait()
        began = time.process_time()
        family.end(process.pid)
    assert time.process_time() - began < 0.5, "each command of pulumi would take that longer"
