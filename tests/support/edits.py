"""Random lives of a stack's worker pools: edits, runs that are interrupted, and edits that are taken back."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil

from .interruptions import kill, start
from .project import Project

Pools = dict[str, dict[str, Any]]

FIRST: Pools = {"a": {"replicas": 1}, "b": {"replicas": 1}}
TYPES = ("c3.small.x86", "c3.medium.x86", "m3.large.x86")


@dataclass
class Life:
    """One stack's life.

    Attributes:
        project: with the stack.
        stack: its name.
        sections: its settings but for the pools.
        check: called after each `up` that ended with 0, with what was done so far.
        hold: called before each run with whether roll-outs are to stay unfinished.
        longest: seconds from a run's begin to its latest interruption.
    """

    project: Project
    stack: str
    sections: dict[str, Any]
    check: Callable[[str], object]
    hold: Callable[[bool], object]
    longest: float
    story: list[str] = field(default_factory=list)

    def run(self, seed: int, edits: int = 3) -> str:
        """Live it: every edit begins a run, most are interrupted, and the last one is whole.

        Returns:
            What was done.
        """
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        past: list[Pools] = [FIRST]
        self.story = [f"seed {seed}"]
        for _ in range(edits):
            pools = chance.choice(past) if chance.random() < 0.4 else edit(chance, past[-1])
            past.append(pools)
            self.hold(chance.random() < 0.7)
            self.configure(pools)
            if chance.random() < 0.7:
                self.interrupt(chance)
            else:
                self.whole()
        # The edit that was just made is taken back, on the state that it left.
        self.configure(past[-2])
        self.whole()
        self.hold(False)
        return "; ".join(self.story)

    def configure(self, pools: Pools) -> None:
        entries = [{"name": name, **pool} for name, pool in pools.items()]
        self.story.append(f"pools {entries}")
        self.project.configure(self.stack, **self.sections, workerPools=entries)

    def whole(self) -> None:
        """A run to its end."""
        result = self.project.script_here("up", "--stack", self.stack, "--no-wait")
        self.story.append("up")
        assert result.code == 0, f"{'; '.join(self.story)}\n{result.output}"
        self.check("; ".join(self.story))

    def interrupt(self, chance: random.Random) -> None:
        """A run that is interrupted at a random moment, or comes to its end before."""
        plain, signal_number = chance.random() < 0.5, chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        moment = chance.uniform(1, self.longest)
        process = (
            plainly(self.project, self.stack)
            if plain
            else start(self.project, "up", "--stack", self.stack, "--no-wait")
        )
        self.story.append(f"{'pulumi' if plain else 'script'} up, {signal_number.name} after {moment:.1f} s")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=moment)
        if process.poll() is None:
            interrupt(process, signal_number)
        if process.returncode == 0:
            self.story.append("which was at its end")
            self.check("; ".join(self.story))


def plainly(project: Project, stack: str) -> subprocess.Popen[str]:
    """``pulumi up`` as a user runs it."""
    words = ("--yes", "--skip-preview", "--non-interactive", "--color", "never", "--stack", stack)
    return project.start("pulumi", "up", *words)


def interrupt(process: subprocess.Popen[str], signal_number: signal.Signals) -> None:
    """A signal; those that it does not end die with it at last, as they do where a machine goes down."""
    if signal_number != signal.SIGKILL:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
            os.kill(process.pid, signal_number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
                psutil.wait_procs(family, timeout=10)
                return
    with contextlib.suppress(psutil.NoSuchProcess):
        kill(process)
    time.sleep(0.5)


def edit(chance: random.Random, pools: Pools) -> Pools:
    """One edit of a set of pools."""
    result = {name: dict(pool) for name, pool in pools.items()}
    name = chance.choice(sorted(result))
    kinds = ["type", "bootstrap", "replicas", "labels", "add", *(["remove"] if len(result) > 1 else [])]
    kind = chance.choice(kinds)
    if kind == "type":
        result[name]["machineType"] = chance.choice(TYPES)
    elif kind == "bootstrap":
        result[name]["bootstrap"] = {"postCommands": [f"echo {chance.randrange(3)}"]}
    elif kind == "replicas":
        result[name]["replicas"] = chance.randrange(1, 4)
    elif kind == "labels":
        result[name]["labels"] = {"team": chance.choice("xyz")}
    elif kind == "add":
        result[chance.choice("cde")] = {"replicas": 1, "machineType": chance.choice(TYPES)}
    else:
        del result[name]
    return result
