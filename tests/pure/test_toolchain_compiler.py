"""With which flags the programs of a run are compiled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolchain import pins
from toolchain.compiler import BUSY, build_command, environment

GO = Path("go")


def flags(*names: str) -> list[str]:
    command = build_command(GO, [pins.BY_NAME[name] for name in names])
    assert command[:2] == (GO, "build"), "go itself comes first"
    (words,) = (str(word).removeprefix("-gcflags=all=").split() for word in command if "-gcflags" in str(word))
    return words


@pytest.mark.parametrize("name", sorted(BUSY))
def test_what_is_used_most_is_inlined_and_all_that_is_built_with_it(name: str) -> None:
    assert "-l" not in flags(name), "each use would take longer"
    assert flags("capp", name, "kamaji") == flags(name), "Go compiles what they share once for each set of flags"


def test_where_the_busy_ones_are_there_already_the_build_is_the_faster_one() -> None:
    rest = [program.name for program in pins.PROGRAMS if program.name not in BUSY]
    assert "-l" in flags(*rest), "as with KUBEBUILDER_ASSETS and a pulumi on PATH, or for the tests' second generation"


def test_no_program_has_debug_information() -> None:
    for names in (["capp"], ["pulumi"]):
        assert "-dwarf=false" in flags(*names), "the linker would drop it"


def test_each_busy_program_is_pinned() -> None:
    assert set(pins.BY_NAME) >= BUSY, "a name that is no program has no effect"


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 64])
def test_go_compiles_a_package_on_each_core_however_few_threads_a_compiler_has(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    variables = environment()
    assert f"-p={cores}" in variables["GOFLAGS"].split(), "by default Go compiles as many packages as GOMAXPROCS says"
    threads = int(variables["GOMAXPROCS"])
    assert threads >= 1, "Go takes 0 for its default, all cores"
    assert threads <= max(cores // 2, 1), "the other packages have the other cores"
