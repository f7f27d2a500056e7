"""Building the programs that are missing."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from . import locate, pins
from .go import go
from .locks import exclusive
from .pins import BY_NAME, Program, cache_folder
from .sources import module_folder

TAIL = 15
"""Lines of a build's log that an error quotes."""

UNREACHABLE = re.compile(
    r"dial tcp|lookup \S+ on |proxyconnect|i/o timeout|403 Forbidden|404 Not Found|lookup disabled by GOPROXY"
)
"""What go writes where a module can't be downloaded."""


class BuildFailed(Exception):
    """A program could not be built."""


def missing(names: Iterable[str] | None = None) -> list[Program]:
    """The programs that have to be built, in the order of building."""
    wanted = set(names) if names is not None else set(BY_NAME)
    if unknown := wanted - set(BY_NAME):
        raise KeyError(f"unknown program {', '.join(sorted(unknown))}; there are {', '.join(BY_NAME)}")
    if locate.machines_pulumi():
        # A Pulumi of the machine's own fetches its own plugins.
        wanted.discard("pulumi-resource-kubernetes")
    return [program for program in BY_NAME.values() if program.name in wanted and locate.find(program.name) is None]


def ensure(names: Iterable[str] | None, report: Callable[[str], None]) -> None:
    """Build what is missing.

    A file appears in the cache only when it is whole; what a run has built, the next one finds. Two runs at once share
    the work: the second waits for a program that the first is building.

    Args:
        names: which programs; None for all.
        report: takes the lines of progress.

    Raises:
        BuildFailed: names the log and quotes its end.
        GoMissing: nothing can be built on this machine.
        MissingProgram: KUBEBUILDER_ASSETS names a program that doesn't run.
        KeyError: no program of that name is pinned.
    """
    names = None if names is None else set(names)
    for name in ("etcd", "kube-apiserver"):
        if (names is None or name in names) and (own := locate.machines_own(name)):
            report(f"{name}: {own}, {locate.told_version(own, '--version')} (KUBEBUILDER_ASSETS)")
    todo = missing(names)
    if not todo:
        return
    command = go(report)
    began = time.monotonic()
    report(f"building {len(todo)} programs into {cache_folder()}; from nothing this takes about 20 minutes on 2 cores")
    for position, program in enumerate(todo, 1):
        label = f"[{position}/{len(todo)}] {program.name} {program.version}"
        waiting = functools.partial(report, f"{label}: another process builds it; waiting")
        with exclusive(program.file_name, waiting) as lock:
            if locate.find(program.name):
                continue
            report(f"{label}: building ({time.monotonic() - began:.0f} s so far)")
            build(program, command, lock)
    report(f"the toolchain is complete ({time.monotonic() - began:.0f} s)")


def build(program: Program, command: Path, lock: int) -> None:
    """Build one program.

    Args:
        program: which.
        command: the go command.
        lock: descriptor of the program's lock. ``go`` inherits it, so that the lock outlives a killed parent for as long
            as there is somebody who writes.

    Raises:
        BuildFailed: names the log and quotes its end.
    """
    cache = cache_folder()
    work = cache / "work" / program.group
    prepare(program, work)
    part = cache / f".{program.file_name}.part"
    # go build refuses to replace a file that doesn't look like a program, as a killed run may have left it.
    part.unlink(missing_ok=True)
    # An interrupted go doesn't always remove what it keeps in the system's temporary folder, and a killed one never does.
    temporary = cache / "work" / f"{program.file_name}.tmp"
    remove(temporary)
    temporary.mkdir(parents=True)
    log = cache / "logs" / f"{program.file_name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [command, "build", "-trimpath", "-ldflags", linker_flags(program), "-o", part, program.package],
            cwd=work,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment(), "GOTMPDIR": str(temporary)},
            # A group of its own: an interrupt ends go and the compilers that it started.
            start_new_session=True,
            pass_fds=(lock,),
        )
        try:
            code = process.wait()
        except BaseException:
            stop(process)
            part.unlink(missing_ok=True)
            raise
        finally:
            remove(temporary)
    if code != 0:
        part.unlink(missing_ok=True)
        text = log.read_text(errors="replace")
        end = "\n".join(f"    {line}" for line in text.splitlines()[-TAIL:])
        raise BuildFailed(
            f"building {program.name} {program.version} failed (go exited with {code}); {log} ends:\n{end}{advice(text)}"
        )
    part.rename(cache / program.file_name)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End ``go`` and its compilers, which are of its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def remove(folder: Path) -> None:
    """Remove a temporary folder; a compiler that was just killed may still be creating files in it."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def advice(log: str) -> str:
    """What to do about a failed build, where its log tells; with a line break in front."""
    if UNREACHABLE.search(log):
        return (
            "\nA Go module could not be downloaded: check the network and GOPROXY, "
            f"or put the built programs into {cache_folder()}."
        )
    if "no space left on device" in log:
        return "\nThe disk is full: a build from nothing needs about 12 GB for Go's caches (GOMODCACHE, GOCACHE)."
    return ""


def prepare(program: Program, work: Path) -> None:
    """Lay out the folder that a program is built in: its pins, and files that upstream generates."""
    shutil.copytree(pins.PINS / program.group, work, dirs_exist_ok=True)
    if program.name == "pulumi-resource-kubernetes":
        # What the release build of pulumi-kubernetes embeds: its schema with the version, and the compacted mapping.
        generated = module_folder("github.com/pulumi/pulumi-kubernetes/provider/v4") / "cmd" / program.name
        schema = json.loads((generated / "schema.json").read_text())
        schema["version"] = program.version.removeprefix("v")
        (work / "schema-embed.json").write_text(json.dumps(schema))
        mapping = json.loads((generated / "terraform-mapping.json").read_text())
        (work / "terraform-mapping-embed.json").write_text(json.dumps(mapping, separators=(",", ":")))


def linker_flags(program: Program) -> str:
    """Flags for the linker: no symbol tables, and the versions that the program tells."""
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in program.variables)])


def environment() -> dict[str, str]:
    """Environment of a build.

    GOGC=400 lets the compiler collect less garbage: a fifth of a cold build's time. CGO_ENABLED=0 halves the build of the
    Kubernetes plugin and makes the programs static.
    """
    return {**os.environ, "GOGC": "400", "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off"}
