"""The virtual environment, and what make says on the way to it."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.seed import ROOT
from toolchain import bootstrap


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  Downloading rich-15.0.0-py3-none-any.whl (310 kB)", "downloading rich 15.0.0 310 kB"),
        (
            "  Downloading grpcio-1.85.3-cp311-cp311-manylinux_2_28_x86_64.whl (7.4 MB)",
            "downloading grpcio 1.85.3 7.4 MB",
        ),
        ("Installing collected packages: a, b, c", "installing 3 packages"),
        ("Requirement already satisfied: rich", ""),
        ("", ""),
    ],
)
def test_of_what_pip_says_only_downloads_and_the_installation_are_told(line: str, message: str) -> None:
    assert bootstrap.event(line) == message, f"{line!r} is told as {bootstrap.event(line)!r}"


@pytest.mark.parametrize(
    ("stamps", "current"),
    [((), ""), (("lab",), "lab"), (("dev",), "lab dev"), (("old lab", "old dev"), "")],
)
def test_an_environment_for_the_tests_is_one_for_the_lab_too(
    stamps: tuple[str, ...], current: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "pyproject.toml"
    source.touch()
    monkeypatch.setattr(bootstrap, "INPUTS", [source])
    monkeypatch.setattr(bootstrap, "STAMPS", {"lab": tmp_path / "lab", "dev": tmp_path / "dev"})
    for stamp in stamps:
        path = tmp_path / stamp.removeprefix("old ")
        path.touch()
        if stamp.startswith("old "):
            os.utime(path, (1, 1))
    assert " ".join(extra for extra in ("lab", "dev") if bootstrap.current(extra)) == current, f"stamps: {stamps}"


def test_a_python_without_venv_is_told_with_the_command_that_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "STAMPS", {"lab": tmp_path / "lab", "dev": tmp_path / "dev"})
    # What an import of a module that is not there does.
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert bootstrap.main("lab") == 1, "it failed"
    output = capsys.readouterr()
    assert output.err.count("\n") == 1, f"one line: {output.err}"
    assert "sudo apt-get install python3-venv" in output.err, output.err
    assert output.out == "", f"stdout may be meant for a pipe: {output.out}"


def test_an_old_python_is_told_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "STAMPS", {"lab": tmp_path / "lab", "dev": tmp_path / "dev"})
    monkeypatch.setattr(sys, "version_info", (3, 8, 10))
    assert bootstrap.main("lab") == 1, "it failed"
    assert "is Python 3.8, but this program needs 3.10 or newer" in capsys.readouterr().err
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    assert bootstrap.main("dev") == 1, "the packages of the tests can't be installed"
    assert "is Python 3.10, but the tests need 3.11 or newer" in capsys.readouterr().err


def test_the_bootstrap_can_be_read_by_a_python_that_is_too_old() -> None:
    ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 7))


def test_make_without_python_says_what_installs_it() -> None:
    process = subprocess.run(
        [shutil.which("make") or "make", "-B", ".venv/lab"],
        cwd=ROOT,
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode != 0, process.stdout
    assert "sudo apt-get install python3 python3-venv" in process.stderr, process.stderr


def test_no_target_prints_its_own_command_where_its_output_may_go_into_a_pipe() -> None:
    make = ["make", "help", "render", "PY=true", "-o", ".venv/lab"]
    process = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "kamaji_equinix.components.render" not in process.stdout, (
        f"only what the command itself says: {process.stdout}"
    )
    assert "make: " not in process.stdout, f"nor a word of make's: {process.stdout}"
