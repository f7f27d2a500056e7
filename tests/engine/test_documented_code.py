"""The pages about progress and errors: their code runs as it stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import toolchain
from lab.plane import ManagementPlane
from tests.support import document_code
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in toolchain.pulumi_environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "backend").mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/backend")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "test")


def settings(fleet: Fleet, name: str) -> dict[str, Any]:
    return {
        "cluster": {"name": name, "namespace": fleet.namespace},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "management": {"kubeconfig": fleet.management.kubeconfig.read_text()},
    }


def test_the_page_about_progress(management: ManagementPlane, capsys: pytest.CaptureFixture[str]) -> None:
    make_data_store(management)
    with Fleet(management) as fleet:
        document_code.run("progress.md", SETTINGS=settings(fleet, "told"))
    output = capsys.readouterr().out
    for text in ("create Cluster told", "address: waits for", "up succeeded", "destroy succeeded"):
        assert text in output, f"{text!r} is not shown:\n{output}"


def test_the_page_about_errors(management: ManagementPlane, capsys: pytest.CaptureFixture[str]) -> None:
    make_data_store(management)
    with Fleet(management, delay=3600) as fleet:
        document_code.run("errors.md", SETTINGS=settings(fleet, "failing"))
    output = capsys.readouterr().out
    for text in ("metal.facility", "stopped in phase dial after 1", "refuses connections", "by the operator"):
        assert text in output, f"{text!r} is not shown:\n{output}"


def test_the_pages_part_about_many_stacks(management: ManagementPlane, capsys: pytest.CaptureFixture[str]) -> None:
    make_data_store(management)
    with Fleet(management) as fleet:
        stacks = {name: settings(fleet, name) for name in ("north", "south")}
        stacks["nowhere"] = {**stacks["north"], "management": {"kubeconfig": "no kubeconfig"}}
        space: dict[str, Any] = {"FLEET": stacks}
        first, second = (code for code in document_code.blocks("fleets.md") if "on_all" in code or "gone" in code)
        exec(compile(first, "docs/fleets.md", "exec"), space)  # noqa: S102 - the project's own code
        output = capsys.readouterr().out
        for text in ("2 of 3 stacks succeeded", "nowhere", "north: succeeded", "preflight"):
            assert text in output, f"{text!r} is not shown:\n{output}"
        space["stacks"] = [stack for stack in space["stacks"] if stack.name != "nowhere"]
        exec(compile(second, "docs/fleets.md", "exec"), space)  # noqa: S102
