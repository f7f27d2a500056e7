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
