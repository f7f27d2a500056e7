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
    packages = set(PROJECT["tool"]["setuptools"]["packages"])
    for folder in ("components", "automation"):
        for path in (ROOT / folder).rglob("__init__.py"):
            package = ".".join(("kamaji_equinix", *path.parent.relative_to(ROOT).parts))
            assert package in packages, f"the wheel would lack {package}"


def test_the_program_is_short() -> None:
    lines = (ROOT / "__main__.py").read_text().splitlines()
    assert len(lines) < 60, "it only reads settings, declares and exports"


WITH_PULUMI = {"stack", "program", "resources", "endpoint", "rollout", "answer", "dynamic", "sdk"}
"""What registers with the engine, what the engine starts, and the gaps of Pulumi's SDK."""


def test_all_the_rest_is_held_to_know_nothing_of_pulumi() -> None:
    contracts = {entry["name"]: entry for entry in PROJECT["tool"]["importlinter"]["contracts"]}
    contract = contracts["Only the program, its resources and the doors know Pulumi"]
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "components").iterdir() if path.suffix in ("", ".py")}
    rest = {f"kamaji_equinix.components.{room}" for room in rooms - WITH_PULUMI if not room.startswith("__")}
    assert set(contract["source_modules"]) == rest, "a room that is new is in neither list"
    assert not any(entry.get("ignore_imports") for entry in contracts.values()), "an exception is a hole in the wall"


@pytest.mark.parametrize("folder", ["lab", "toolchain"])
def test_lab_and_toolchain_know_nothing_of_the_program(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text()
        assert "kamaji_equinix.components" not in text, f"{path.name} would test the program with itself"
        assert not re.search(r"^\s*(import|from) pulumi\b", text, re.M), f"{path.name} needs no engine's SDK"


PROVIDER_MODULES = (
    "providers/packet.py",
    "providers/cpem.py",
    "resources/packet.py",
    "settings/metal/",
    "providers/metal3.py",
    "providers/metal3_data.py",
    "providers/metal3_hosts.py",
    "providers/metal3_pools.py",
    "settings/metal3/",
    "tree/servers/metal3.py",
    "tree/servers/metal3_data.py",
    "tree/servers/metal3_nodes.py",
    "capi/ip_addresses.py",
)
"""Of the providers that this package brings."""

NAMES = re.compile(
    r"Packet|(?<![\w.])packet(?![\w])|packet(?:cluster|machine)|[Ee]quinix(?<!kamaji.[Ee]quinix)|EMLB"
    r"|[Mm]etal3|CAPM3|BareMetal|baremetal"
    r"|\bcapp\b|\bMetal\b|(?<![bB]are )(?<![bB]are-)\bmetal\b"
)


def test_nothing_but_the_providers_own_modules_names_it() -> None:
    for folder in ("components", "automation"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT / folder).as_posix()
            if folder == "components" and name.startswith(PROVIDER_MODULES):
                continue
            lines = [line.strip() for line in path.read_text().splitlines() if NAMES.search(line)]
            assert not lines, f"{folder}/{name} would have to change for another provider: {lines}"


def test_each_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(folders) >= 8, "all tiers are looked at"
    bare = sorted(folder.name for folder in folders if not (folder / "__init__.py").is_file())
    assert not bare, f"pytest keeps what the tests of these share, such as a lab, until its own end: {bare}"
