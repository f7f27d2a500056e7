"""The console script's own words: version, completion, and the question before a destroy."""

from __future__ import annotations

import io
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from kamaji_equinix.automation import cli
from kamaji_equinix.automation.cli import operations
from kamaji_equinix.automation.errors import ConfigurationError, StackMissing
from kamaji_equinix.automation.events import Listener, MachinesChange
from kamaji_equinix.automation.results import ClusterResult
from pydantic import SecretStr


class Terminal(io.StringIO):
    """Text that is typed, or read, at a terminal."""

    def isatty(self) -> bool:
        return True


class Stack:
    """A stack with one cluster."""

    def __init__(self, name: str, *, on_event: Listener, **_: object) -> None:
        self.name, self.on_event = name, on_event

    def clusters(self) -> dict[str, ClusterResult]:
        if self.name == "none":
            raise StackMissing("there is none")
        return {"a": ClusterResult("a", "tenants", "192.0.2.1:6443", "kamaji", {"web": "a-web"}, SecretStr("x"))}

    def deletions(self) -> tuple[MachinesChange, ...]:
        change = MachinesChange(
            stack=self.name, cluster="tenants/a", pool="web", deleted=3, reason="its Cluster is deleted"
        )
        self.on_event(change)
        return (change,)


def run_destroy(monkeypatch: pytest.MonkeyPatch, stack: str, answer: str) -> tuple[bool, str]:
    """Whether a destroy went on, and what the terminal showed."""
    stacks: list[str] = []
    screen = Terminal()
    monkeypatch.setattr(operations, "ClusterStack", Stack)
    monkeypatch.setattr(
        operations, "engine", lambda options, *_: stacks.append(options.stack) or type("R", (), {"output": "x"})
    )
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setattr("sys.stderr", screen)
    code = cli.main(["destroy", "--stack", stack])
    assert (code == 0) == bool(stacks), "an answer that does not fit is a mistake"
    return bool(stacks), screen.getvalue()


def test_destroy_shows_what_goes_and_wants_the_stacks_name(monkeypatch: pytest.MonkeyPatch) -> None:
    success, text = run_destroy(monkeypatch, "prod", "prod\n")
    assert success, "as it was confirmed"
    assert "Cluster tenants/a, API server 192.0.2.1:6443, pools: web" in text, f"what goes: {text}"
    assert "warning: machines of tenants/a, pool web: 3 will be deleted" in text, f"and how many machines: {text}"


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "yes\n", "dev\n"])
def test_any_other_answer_deletes_nothing(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    success, text = run_destroy(monkeypatch, "prod", answer)
    assert not success, "nor does the end of the input"
    assert "nothing was deleted" in text, "and it says so"


def test_a_stack_that_is_not_there_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_destroy(monkeypatch, "none", "") == (True, ""), "the operation says that there is none"


def test_without_a_terminal_destroy_wants_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("prod\n"))
    assert cli.main(["destroy", "--stack", "prod"]) == ConfigurationError.exit_code, "a mistake of the caller's"
    assert "--yes" in capsys.readouterr().err, "with the way out"


def test_destroy_has_no_default_stack(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["destroy", "--yes"])
    assert "--stack" in capsys.readouterr().err, "what is lacking is named"


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0, "no mistake"
    assert capsys.readouterr().out.strip() == f"kamaji-equinix {metadata.version('kamaji-equinix')}", "name and version"


def test_bash_completes_commands_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--print-completion", "bash"])
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)

    def complete(*words: str) -> set[str]:
        line = " ".join(words)
        ask = f"source {script}; COMP_WORDS=({line!s} ''); COMP_CWORD={len(words)}; "
        last = words[-1] if words[-1].startswith("-") else ""
        ask = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; " if last else ask
        call = "$(complete -p kamaji-equinix | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
        text = subprocess.run(
            ["bash", "-c", f'{ask}{call}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
            capture_output=True,
            text=True,
            check=True,
        )
        return set(text.stdout.split())

    assert {"up", "destroy", "status"} <= complete("kamaji-equinix"), "the commands"
    assert "--yes" in complete("kamaji-equinix", "destroy", "--y"), "the options of one"


@pytest.mark.parametrize("place", ["nowhere/log", "."])
@pytest.mark.parametrize("command", ["up", "refresh", "import", "destroy --yes"])
def test_a_log_that_can_not_be_written_is_said_before_anything_is_begun(
    command: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main([*command.split(), "--stack", "x", "--cwd", str(tmp_path), "--log", str(tmp_path / place)])
    assert code == ConfigurationError.exit_code, "a mistake of the user's"
    assert "can't be written" in capsys.readouterr().err, "in words"


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "soon", "", "1e999"])
@pytest.mark.parametrize(
    "option", ["up --timeout", "status --timeout", "up --wait-for-lock", "refresh --wait-for-lock"]
)
def test_no_number_of_seconds_is_said_before_anything_is_begun(
    option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command, name = option.split()
    with pytest.raises(SystemExit):
        cli.main([command, "--stack", "x", f"{name}={number}"])
    assert "must be a number of seconds" in capsys.readouterr().err, "in words"


@pytest.mark.parametrize("before", ["enable", "disable"])
def test_an_import_of_the_api_leaves_the_garbage_collector_as_it_was(before: str) -> None:
    code = f"import gc; gc.{before}(); import kamaji_equinix.automation; print(gc.isenabled(), gc.get_freeze_count())"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split() == [str(before == "enable"), "0"], "a caller's memory is its own"


def test_an_import_that_fails_leaves_the_collector_as_it_was() -> None:
    code = (
        "import gc, sys; sys.modules['pulumi.automation'] = None\n"
        "try: import kamaji_equinix.automation\n"
        "except ImportError: print(gc.isenabled())"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split() == ["True"], (
        "a program that goes on without this package still has its garbage collected"
    )
