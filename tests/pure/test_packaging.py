"""What is installed, and where the pins are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_requirements_and_project_pin_the_same_versions() -> None:
    pins = {line for line in PROJECT["project"]["dependencies"] if "==" in line}
    lines = [line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    required = [line for line in lines if line and not line.startswith(("#", "-e"))]
    assert set(required) <= pins, "two places pin different versions"
    assert {line.partition("==")[0] for line in required} == {
        "pulumi",
        "pulumi-kubernetes",
        "pulumi-equinix-metal",
        "pyyaml",
    }, "what the program is made of"
    assert "-e ." in lines, "Pulumi's state refers to the provider by its installed module path"


def test_every_package_of_the_program_is_installed() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    for folder in ("components", "automation"):
        for path in (ROOT / folder).rglob("__init__.py"):
            package = ".".join(("kamaji_equinix", *path.parent.relative_to(ROOT).parts))
            assert package in listed, f"the wheel would lack {package}"


def test_the_program_is_short() -> None:
    lines = (ROOT / "__main__.py").read_text().splitlines()
    assert len(lines) < 60, "it only reads settings, declares and exports"


@pytest.mark.parametrize("folder", ["lab", "toolchain"])
def test_lab_and_toolchain_know_nothing_of_the_program(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text()
        assert "kamaji_equinix.components" not in text, f"{path.name} would test the program with itself"
        assert not re.search(r"^\s*(import|from) pulumi\b", text, re.M), f"{path.name} needs no engine's SDK"


def test_only_the_seam_names_packet() -> None:
    allowed = {"packet.py", "infrastructure.py", "tenant_cluster.py", "project.py"}
    for path in (ROOT / "components").rglob("*.py"):
        if path.name in allowed:
            continue
        code = [line for line in path.read_text().splitlines() if "PacketMachine" in line or "PacketCluster" in line]
        written = [line for line in code if '"Packet' in line or "'Packet" in line]
        assert not written, f"{path.name} would have to change for another infrastructure provider: {written}"
