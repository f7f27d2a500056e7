"""The commands that an advice names, as a reader would run them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

KUBECTL = Path(sys.executable).parent / "kubectl"


def run(kubeconfig: Path, command: str) -> str:
    """Run a ``kubectl`` command to the letter; returns what it prints."""
    program, *words = shlex.split(command)
    assert program == "kubectl", f"the only program that is advised: {command}"
    process = subprocess.run(
        [KUBECTL, "--kubeconfig", kubeconfig, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, f"{command}:\n{process.stdout}"
    return process.stdout
