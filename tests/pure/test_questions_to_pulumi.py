"""Each process of pulumi costs more than its answer: the same question is asked once, and again after a change."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from kamaji_equinix.automation.engine.answers import Workspace
from kamaji_equinix.automation.engine.installation import installed
from kamaji_equinix.automation.engine.process import Engine
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.engine.workspace import configure
from kamaji_equinix.automation.errors import ToolMissing
from kamaji_equinix.automation.repair.upkeep import Upkeep
from pulumi import automation


class Program:
    """A ``pulumi`` on PATH that tells its version, and how often it was asked."""

    def __init__(self, folder: Path, version: str) -> None:
        self._calls = folder / "calls"
        self.path = folder / "pulumi"
        self.install(version)

    def install(self, version: str) -> None:
        """Put another file in its place, as a package manager does."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"#!/bin/sh\necho asked >> {self._calls}\necho {version}\n")
        fresh.chmod(0o755)
        fresh.replace(self.path)

    @property
    def questions(self) -> int:
        """How often it was asked."""
        return len(self._calls.read_text().splitlines()) if self._calls.exists() else 0


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Program(tmp_path, "v3.259.0")


def test_the_same_pulumi_is_asked_for_its_version_once(program: Program) -> None:
    versions = {str(Engine().version) for _ in range(3)}
    assert versions == {"3.259.0"}, "each object knows it"
    assert program.questions == 1, "a fleet has an object for each stack"


def test_a_pulumi_that_was_replaced_is_asked_again(program: Program) -> None:
    Engine()
    program.install("v3.300.0")
    assert str(Engine().version) == "3.300.0", "a process that lives long sees the upgrade"


def test_another_pulumi_on_path_is_asked_for_its_own_version(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Engine()
    (tmp_path / "other").mkdir()
    Program(tmp_path / "other", "v3.301.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'other'}{os.pathsep}{os.environ['PATH']}")
    assert str(Engine().version) == "3.301.0", "PATH decides"


def test_a_pulumi_that_is_too_old_is_refused_each_time_until_it_is_upgraded(program: Program) -> None:
    program.install("v2.25.0")
    for _ in range(2):
        with pytest.raises(ToolMissing, match="Install Pulumi"):
            Engine()
    program.install("v3.259.0")
    assert str(Engine().version) == "3.259.0", "the advice was followed"


def test_no_pulumi_on_path_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        installed()
    with pytest.raises(ToolMissing, match="Install Pulumi"):
        Engine()


class Command(automation.PulumiCommand):
    """Answers ``pulumi config``, and counts."""

    def __init__(self) -> None:
        self.command, self.version = "pulumi", None
        self.commands: list[list[str]] = []

    def run(self, args: list[str], *_: object, **__: object) -> automation.CommandResult:
        """Take a command."""
        self.commands.append(args)
        config = {"kamaji-equinix:management": {"value": f"answer {len(self.commands)}", "secret": True}}
        return automation.CommandResult(json.dumps(config), "", 0)


class Writer(Engine):
    """Takes what is written."""

    def __init__(self) -> None:
        super().__init__(Command())

    def run(self, *_: Any, **__: Any) -> automation.CommandResult:
        """Take a command."""
        return automation.CommandResult("", "", 0)


def stack_of(command: Command, folder: Path) -> automation.Stack:
    project = automation.ProjectSettings("kamaji-equinix", runtime="python")
    workspace = Workspace(work_dir=str(folder), pulumi_command=command, program=lambda: None, project_settings=project)
    return automation.Stack.select("dev", workspace)


def test_a_stacks_configuration_is_read_once_and_again_after_it_was_written(tmp_path: Path) -> None:
    stack = stack_of(command := Command(), tmp_path)
    command.commands.clear()

    def read() -> Mapping[str, automation.ConfigValue]:
        return stack.get_all_config()

    assert read() == read(), "one answer"
    assert len(command.commands) == 1, "from one process"
    configure(stack, Writer(), {"cluster": {"name": "a"}})
    assert read()["kamaji-equinix:management"].value == "answer 2", "what was written is read"


def test_a_run_that_waited_for_the_stack_reads_its_configuration_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, engine = stack_of(Command(), tmp_path), Writer()
    monkeypatch.setattr(engine, "pause", lambda _seconds: None)
    upkeep = Upkeep(stack, engine, "", list, Mock(), Translator("dev", None), None, wait_for_lock=60)
    answers: list[str] = []

    def run() -> str:
        answers.append(stack.get_all_config()["kamaji-equinix:management"].value)
        if len(answers) == 1:
            raise automation.ConcurrentUpdateError(automation.CommandResult("", "[409] Conflict: in progress", 255))
        return answers[-1]

    assert upkeep.run_unlocked("refresh", run) != answers[0], (
        "its file may have changed while another run had the stack"
    )
