"""An engine that dies or is stopped hard: what it leaves, and what is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import toolchain
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet
from tests.support.interruptions import kill, start, wait_for
from tests.support.lab import eventually
from tests.support.project import ROOT, Project

STACK = "dead"

METAL = {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"}

GROUPS = ("pulumi-resource-kubernetes", "pulumi-language-python", "pulumi.dynamic")
"""A part of the command of each of an engine's plugins; those of a program in a folder."""


@pytest.fixture
def slow(management: ManagementPlane) -> Iterator[Fleet]:
    """Control planes that don't answer yet: the hand-off waits."""
    make_data_store(management)
    with Fleet(management, delay=3600) as fleet:
        yield fleet


@pytest.fixture
def project(slow: Fleet, tmp_path: Path) -> Project:
    (tmp_path / "lab" / "pulumi").mkdir(parents=True)
    # As `. .lab/env` sets it in a shell.
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/lab/pulumi", "PULUMI_CONFIG_PASSPHRASE": "test"}
    project = Project.make(tmp_path / "project", {**toolchain.pulumi_environment(), **backend})
    project.configure(
        STACK,
        cluster={"name": STACK, "namespace": slow.namespace},
        metal=METAL,
        handoff={"timeoutSeconds": 600},
        management={"kubeconfigPath": str(slow.management.kubeconfig)},
    )
    return project


def engine_of(process: subprocess.Popen[str]) -> psutil.Process:
    """The engine that a command has started."""
    (engine,) = (child for child in psutil.Process(process.pid).children() if child.name() == "pulumi")
    return engine


def plugins_of(engine: psutil.Process, *groups: str) -> list[psutil.Process]:
    """All that it has started."""
    plugins = engine.children(recursive=True)
    commands = " ".join(" ".join(plugin.cmdline()) for plugin in plugins)
    for group in groups:
        assert group in commands, f"this test looks at the plugins: {commands}"
    return plugins


def rest(process: subprocess.Popen[str], seconds: float = 60) -> str:
    """What a command prints until its end."""
    assert process.stdout is not None
    output = process.stdout.read()
    process.wait(seconds)
    return output


def survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def at_the_hand_off(project: Project) -> tuple[subprocess.Popen[str], psutil.Process, list[psutil.Process]]:
    process = start(project, "up", "--no-wait", "--stack", STACK)
    wait_for(process, ": dial:")
    engine = engine_of(process)
    return process, engine, plugins_of(engine, *GROUPS)


def require_quiet(output: str) -> None:
    """See that nothing of the libraries' own reaches the terminal."""
    for noise in ("Traceback", "Warning", "event stream", "RpcError", "StatusCode", "Exception", "never retrieved"):
        assert noise not in output, f"{noise!r} is no sentence for a user:\n{output}"


def test_a_killed_engine_leaves_no_plugin_is_named_and_up_goes_on(project: Project, slow: Fleet) -> None:
    process, engine, plugins = at_the_hand_off(project)
    engine.kill()
    output = rest(process)
    assert survivors(plugins) == [], "each would hold the management cluster's credentials for minutes"
    assert process.returncode == 5, output
    assert f"the engine (pulumi, process {engine.pid}) was killed by signal 9 (SIGKILL)\n" in output, output
    assert f"last seen: {slow.namespace}/{STACK}: dial:" in output, f"how far it was:\n{output}"
    assert f"`kamaji-equinix up --stack {STACK}` again: it clears the lock" in output, f"what to do:\n{output}"
    require_quiet(output)
    slow.delay = 0.0
    again = project.script_here("up", "--no-wait", "--stack", STACK).ok()
    assert "cleared the lock of a dead update" in again, f"as was said:\n{again}"
    project.script_here("destroy", "--yes", "--stack", STACK).ok()


def test_a_crashed_engine_leaves_no_plugin(project: Project) -> None:
    process, engine, plugins = at_the_hand_off(project)
    engine.send_signal(signal.SIGSEGV)
    output = rest(process)
    assert survivors(plugins) == [], "whatever ends it"
    assert "the engine (pulumi" in output, output
    assert "crashed" in output, f"Go's runtime reports the signal, or dies by it:\n{output}"
    assert "goroutine" not in output, f"its stacks are for the log:\n{output[:2000]}"
    require_quiet(output)


def test_ctrl_c_twice_leaves_no_plugin_and_no_lock(project: Project, tmp_path: Path) -> None:
    process, engine, plugins = at_the_hand_off(project)
    began = time.monotonic()
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(1)
    output = rest(process)
    assert process.returncode == 130, output
    assert survivors([engine, *plugins]) == [], "nothing works on"
    assert time.monotonic() - began < 20, "the second is for those who don't want to wait"
    assert "was stopped by Ctrl-C; the next up or destroy goes on from there" in output, output
    assert not list((tmp_path / "lab").rglob("locks/**/*.json")), "it has written its state"
    require_quiet(output)


INLINE = """
import json, sys
from kamaji_equinix.automation import ClusterStack, HandoffProgress, OperationError, on_all

dialling = set()

def listen(event):
    if isinstance(event, HandoffProgress) and event.phase == "dial" and event.stack not in dialling:
        dialling.add(event.stack)
        print(event.stack, "dials", flush=True)

stacks = [ClusterStack(name, settings, passphrase="x", on_event=listen) for name, settings in json.load(sys.stdin).items()]
print(on_all(stacks, lambda stack: stack.up()), flush=True)
"""


def test_one_killed_engine_of_a_fleet_is_readable_and_stops_no_other(slow: Fleet, tmp_path: Path) -> None:
    (tmp_path / "backend").mkdir()
    environment = {**os.environ, **toolchain.pulumi_environment(), "PULUMI_BACKEND_URL": f"file://{tmp_path}/backend"}
    settings = {
        name: {
            "cluster": {"name": name, "namespace": slow.namespace},
            "metal": METAL,
            "management": {"kubeconfig": slow.management.kubeconfig.read_text()},
        }
        for name in ("north", "south")
    }
    process = subprocess.Popen(
        [sys.executable, "-c", INLINE],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(settings))
        process.stdin.close()
        for _ in settings:
            wait_for(process, " dials")
        engines = [child for child in psutil.Process(process.pid).children() if child.name() == "pulumi"]
        (south,) = (engine for engine in engines if "south" in engine.cmdline())
        (north,) = (engine for engine in engines if "north" in engine.cmdline())
        plugins, others = plugins_of(south, GROUPS[0], GROUPS[2]), plugins_of(north, GROUPS[0], GROUPS[2])
        south.kill()
        eventually(
            lambda: survivors(plugins), lambda plugins_left: not plugins_left, 20, "the plugins of the dead engine gone"
        )
        assert survivors(others) == others, "nobody else's process is touched"
        slow.delay = 0.0
        output = rest(process)
    finally:
        if process.poll() is None:
            kill(process)
    lines = output.splitlines()
    (line,) = (line for line in lines if line.startswith("south: failed after"))
    assert line.endswith(f"the engine (pulumi, process {south.pid}) was killed by signal 9 (SIGKILL)"), output
    assert any(line.startswith("north: succeeded") for line in lines), output
    require_quiet(output)


def test_lab_down_ends_the_plugins_of_a_plain_pulumi_that_was_killed(project: Project, tmp_path: Path) -> None:
    project.pulumi("stack", "init", STACK).ok()
    process = project.start("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK)
    wait_for(process, "dial")
    engine = psutil.Process(process.pid)
    plugins = plugins_of(engine, *GROUPS)
    stranger = subprocess.Popen(["sleep", "60"], env=project.environment)
    try:
        first_output = lab_down(tmp_path)
        assert "ended the plugins" not in first_output, f"the engine still works: {first_output}"
        assert f"pulumi (process {engine.pid}) still works on a stack of this lab" in first_output, first_output
        assert survivors(plugins) == plugins, "so its plugins are left alone"
        os.kill(engine.pid, signal.SIGKILL)
        process.wait(10)
        assert survivors(plugins), "this test kills an engine whose plugins outlive it"
        output = lab_down(tmp_path)
        assert survivors(plugins) == [], "a lab that is gone leaves nothing that writes into it"
        for name in ("pulumi-resource-kubernetes (", "pulumi-language-python (", "the dynamic provider ("):
            assert name in output, f"each is named:\n{output}"
        assert stranger.poll() is None, "another program of a shell that has read .lab/env is not touched"
    finally:
        stranger.kill()
        stranger.wait()
        for plugin in survivors(plugins):
            plugin.kill()


def lab_down(tmp_path: Path) -> str:
    return subprocess.run(
        [sys.executable, "-m", "lab", "--state", str(tmp_path / "lab"), "down"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
