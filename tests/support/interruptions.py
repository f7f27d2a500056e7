"""Commands that are interrupted or killed while they work."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.lab import Lab, eventually
from tests.support.project import Project, dev_sections


def sections(lab: Lab, name: str) -> dict[str, Any]:
    settings = dev_sections(lab.kubeconfig)
    settings["cluster"] = {**settings["cluster"], "name": name}
    settings["controlPlane"] = {**settings["controlPlane"], "name": f"{name}-plane"}
    settings["workerPools"] = [{**settings["workerPools"][0], "replicas": 1}]
    return settings


def start(project: Project, *command: str) -> subprocess.Popen[str]:
    """The console script in a process group of its own, as a terminal would start it."""
    return project.start(sys.executable, "-m", "kamaji_equinix.automation", *command)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL for the command, the engine, its plugins and the program, as a machine that goes down would do."""
    children = psutil.Process(process.pid).children(recursive=True)
    for victim in [psutil.Process(process.pid), *children]:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    process.communicate(timeout=60)


def wait_for(process: subprocess.Popen[str], text: str, seconds: float = 90) -> str:
    """Read a process's output until a text comes."""
    deadline = time.monotonic() + seconds
    output = ""
    assert process.stdout is not None
    for line in process.stdout:
        output += line
        if text in line:
            return output
        assert time.monotonic() < deadline, f"{text!r} did not come:\n{output}"
    raise AssertionError(f"{text!r} did not come before the end:\n{output}")


def kill_and_mend(lab: Lab, folder: Path, seed: int, *, stack: Stack | None = None) -> None:
    """Kill `up` or `destroy` at a random moment; the next ones must complete and leave nothing behind.

    Args:
        lab: where.
        folder: for the project.
        seed: of the operation, the moment and what comes after it.
        stack: what is killed; by default one of Packet machines.
    """
    kind = stack or PACKET
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    project = Project.make(folder, lab.environment())
    name = f"killed{seed}"
    kind.write(project, lab, name)
    operation = chance.choice(["up", "destroy"])
    if operation == "destroy":
        project.script("up", "--stack", name, "--no-wait").ok()
    process = start(project, operation, "--stack", name, *(["--yes"] if operation == "destroy" else []))
    moment = chance.uniform(0, kind.up_seconds if operation == "up" else kind.destroy_seconds)
    time.sleep(moment)
    kill(process)
    rerun = chance.random() < 0.5
    print(f"seed {seed}: {operation} killed after {moment:.1f} s, then {'up and ' if rerun else ''}destroy", flush=True)
    if rerun:
        project.script("up", "--stack", name, "--timeout", "300").ok()
    with kind.watch(lab):
        project.script("destroy", "--yes", "--stack", name).ok()
    kind.require_absence(lab, name)


def require_absence(lab: Lab, *clusters: str) -> None:
    """See that nothing is left of clusters; what another test left behind is that test's failure alone."""
    eventually(
        lambda: [lab.devices(name) for name in clusters], lambda rest: not any(rest), 60, "all devices given back"
    )
    # The garbage collector follows the Cluster, which the engine waits for, a moment later.
    eventually(
        lambda: [lab.leftovers(name) for name in clusters],
        lambda rest: not any(rest),
        30,
        "all objects of Cluster API and Kamaji gone",
    )


@dataclass(frozen=True)
class Stack:
    """A kind of stack that is killed.

    Attributes:
        write: writes its configuration.
        require_absence: sees that nothing of it is left.
        up_seconds: how long its `up` takes, about.
        destroy_seconds: how long its `destroy` takes.
        watch: watches what becomes of it while the last `destroy` runs, and judges that.
    """

    write: Callable[[Project, Lab, str], None]
    require_absence: Callable[[Lab, str], None]
    up_seconds: float
    destroy_seconds: float
    watch: Callable[[Lab], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext


PACKET = Stack(lambda project, lab, name: project.configure(name, **sections(lab, name)), require_absence, 20, 8)
