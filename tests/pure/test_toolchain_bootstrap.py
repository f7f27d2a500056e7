"""The creation of the virtual environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from toolchain import bootstrap


def test_no_package_reaches_a_pulumi_of_the_machine_while_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, shield = tmp_path / "machine", tmp_path / "shield"
    for folder in (machine, shield):
        folder.mkdir()
    pulumi = machine / "pulumi"
    pulumi.write_text("#!/bin/sh\necho 'no network' >&2; exit 1\n")
    pulumi.chmod(0o700)
    monkeypatch.setenv("PATH", f"{machine}:/usr/bin:/bin")
    # As the setup.py of pulumi-equinix-metal starts it; only its PATH differs.
    command = ["sh", "-c", "pulumi plugin install resource equinix-metal 3.2.1"]
    assert subprocess.call(command) != 0, "the machine's own pulumi fails without a network"
    assert subprocess.call(command, env=bootstrap.environment(shield)) == 0, "a package's set-up must not fail for it"
    git = subprocess.run(["git", "--version"], env=bootstrap.environment(shield), check=False)
    assert git.returncode == 0, "all other programs of PATH stay there"


def test_what_is_run_again_and_again_has_its_bytecode_though_python_is_told_to_keep_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    bootstrap.compile_used(bootstrap.Progress())
    kept = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.pyc")}
    for part in (
        "/pulumi/dynamic/dynamic.",
        "/grpc/__init__.",
        "/pulumi_kubernetes/helm/v4/Chart.",
        "/pydantic/main.",
    ):
        assert any(part in path for path in kept), f"{part} would be compiled anew by each process"
    assert not [path for path in kept if "/pulumi_kubernetes/core/" in path], "what no run imports costs nothing"


def test_packages_that_cannot_be_imported_are_told_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "USED", ("nowhere",))
    with pytest.raises(bootstrap.BootstrapError, match="nowhere") as error:
        bootstrap.compile_used(bootstrap.Progress())
    assert "Remove .venv" in str(error.value), "a broken installation is made anew"
