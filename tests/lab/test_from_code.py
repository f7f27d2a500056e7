"""Clusters from code, on the lab: the page about it, and the example with nothing but the wheel installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import document_code
from tests.support.interruptions import require_absence
from tests.support.lab import Lab
from tests.support.project import ROOT


def test_the_page_about_the_first_cluster(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in lab.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "management.kubeconfig").write_text(lab.kubeconfig.read_text())
    document_code.run("from-code.md")
    output = capsys.readouterr().out
    assert re.search(r"blue answers at 127\.0\.0\.\d+:6443, handed off by pulumi", output), f"it came up:\n{output}"
    assert "**********" in output, f"a kubeconfig does not print itself:\n{output}"
    assert "PRIVATE KEY" not in output, "in no form"
    assert "client-key-data" in (tmp_path / "blue.kubeconfig").read_text(), "but who asks for it gets it"
    require_absence(lab, "blue")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter of its own outside of the checkout, with the built wheel and what that requires."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("kamaji_equinix-*.whl")
    run(sys.executable, "-m", "venv", str(folder / "venv"))
    interpreter = folder / "venv" / "bin" / "python"
    # Without the bytecode of the Kubernetes SDK's thousands of modules, of which a run imports few.
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-compile", str(wheel))
    return interpreter


def run(*command: str, **environment: str) -> str:
    """Run a command outside of the checkout; its output."""
    base = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI", "PYTHON", "KUBECONFIG"))}
    process = subprocess.run(
        command,
        cwd="/",
        env={**base, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, f"{' '.join(command)}:\n{process.stdout}"
    return process.stdout


def test_the_wheel_holds_the_program_and_a_console_script(python: Path) -> None:
    output = run(str(python.parent / "kamaji-equinix"), "--help")
    for command in ("up", "preview", "status", "kubeconfig", "render", "destroy", "import"):
        assert command in output, f"{command} is missing:\n{output}"
    origin = run(str(python), "-c", "import kamaji_equinix.components.stack as s; print(s.__file__)")
    assert str(python.parents[1]) in origin, "the program is the installed one"


def test_the_example_brings_two_clusters_up_in_parallel_scales_one_and_destroys_both(
    lab: Lab, python: Path, tmp_path: Path
) -> None:
    assert lab.command("set", "--gate").returncode == 0, "the hand-off is this program's own"
    (tmp_path / "backend").mkdir()
    environment = {key: value for key, value in lab.environment().items() if key in ("PATH", "PULUMI_HOME")}
    output = run(
        str(python),
        str(ROOT / "examples" / "from-code" / "two_clusters.py"),
        "--management-kubeconfig",
        str(lab.kubeconfig),
        "--backend",
        f"file://{tmp_path}/backend",
        # The lab's nodes have a network, and a lab has no way to upstream's charts.
        *("--network-plugin", "none"),
        PULUMI_CONFIG_PASSPHRASE="test",
        PULUMI_SKIP_UPDATE_CHECK="1",
        **environment,
    )
    for text in (
        "blue: default/blue: dial",
        "green: default/green: ready",
        "2 of 2 stacks succeeded",
        "green has 2 nodes",
    ):
        assert text in output, f"{text!r} is not told:\n{output}"
    assert "PRIVATE KEY" not in output, "no secret in what it prints"
    require_absence(lab, "blue", "green")
