"""Building the programs that are missing."""

from __future__ import annotations

import functools
import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from . import locate, pins, schedule
from .build_folder import prepare, remove
from .compiler import build_command, builders, environment
from .files import copy_folder
from .go import go
from .jobs import Jobs, await_child, seconds_of_cpu
from .locks import exclusive
from .pins import BY_NAME, Need, Program, cache_folder
from .progress import Progress, duration_text

TAIL = 15
"""Lines of a build's log that an error quotes."""

Compiler = Sequence[str | Path]
"""A command that builds, up to the arguments that only one program has."""

UNREACHABLE = re.compile(
    r"dial tcp|lookup \S+ on |proxyconnect|i/o timeout|403 Forbidden|404 Not Found|lookup disabled by GOPROXY"
)
"""Go's messages about a module that can't be downloaded."""


class BuildError(Exception):
    """A program could not be built."""


def missing_programs(names: Iterable[str] | None = None, need: Need = "test") -> list[Program]:
    """The programs that have to be built, in the order of building.

    Args:
        names: the programs; None for those that are needed.
        need: their purpose: ``up`` leaves out those that only tests run. Programs on request are built only by name.

    Raises:
        KeyError: no program of that name is pinned.
    """
    if names is None:
        names = (name for name, program in BY_NAME.items() if program.need in ("up", need))
    required_names = set(names)
    if unknown_names := required_names - set(BY_NAME):
        raise KeyError(f"unknown program {', '.join(sorted(unknown_names))}; there are {', '.join(BY_NAME)}")
    if locate.machines_pulumi():
        # The machine's own Pulumi downloads its plugins itself.
        required_names.discard("pulumi-resource-kubernetes")
    return [program for name, program in BY_NAME.items() if name in required_names and not is_available(program)]


def is_available(program: Program) -> bool:
    """Whether a program needs no build."""
    return locate.find(program.name, program.version) is not None


def ensure(
    names: Iterable[str] | None,
    report: Callable[[str], None],
    need: Need = "test",
    watch: Callable[[Progress], None] | None = None,
) -> None:
    """Build the missing programs.

    A file appears in the cache only when it is complete, and a later run uses it. Two runs at the same time share the work:
    the second waits for a program that the first is building.

    Args:
        names: the programs, with ``name@version`` for a version other than the default; None for those that are needed.
        report: receives the lines of progress.
        need: the purpose, if there are no names.
        watch: receives the progress, for a display of it.

    Raises:
        BuildError: a build failed; names the log and quotes its end.
        GoMissing: nothing can be built on this machine.
        MissingProgram: KUBEBUILDER_ASSETS names a program that doesn't run.
        KeyError: no program of that name is pinned.
    """
    names = None if names is None else set(names)
    for name in ("etcd", "kube-apiserver"):
        if (names is None or name in names) and (path := locate.system_program(name)):
            report(f"{name}: {path}, {locate.version_of(path, '--version')} (KUBEBUILDER_ASSETS)")
    todo = missing_programs(names, need)
    if not todo:
        return
    command = go(report)
    progress = Progress(todo, report, starts=watch is None)
    if watch:
        watch(progress)
    report(
        f"building {len(todo)} programs, {duration_text(progress.remaining_seconds())}; they stay in {cache_folder()}"
    )
    build_all(todo, command, progress, report)
    report(f"the toolchain is complete ({progress.elapsed:.0f} s)")


def build_all(todo: list[Program], command: Path, progress: Progress, report: Callable[[str], None]) -> None:
    """Build programs in the order of ``schedule.run``, and download the next group's modules meanwhile.

    Go's own packages, which all share, are compiled first.
    """
    groups = [list(programs) for _group, programs in itertools.groupby(todo, key=lambda program: program.group)]
    jobs = Jobs()
    compiler = build_command(command, todo)
    build_program = functools.partial(build_once, compiler=compiler, progress=progress, jobs=jobs)

    with ThreadPoolExecutor(len(todo) + 1) as threads:
        try:
            downloads = threads.submit(download, todo, command, progress, report, jobs)
            if len(groups) > 1:
                compile_standard_library(compiler, jobs)
            schedule.run(groups, functools.partial(threads.submit, build_program), builders())
            # Downloads that are still running are not needed any more.
            jobs.stop()
            downloads.exception()
        except BaseException:
            jobs.stop()
            raise


def compile_standard_library(compiler: Compiler, jobs: Jobs) -> None:
    """Compile Go's own packages. They need no download and keep all cores busy, as a program that is built alone does not.

    A failure is not reported: the build of the first program fails for the same reason and reports it.

    Raises:
        Stop: all builds end.
    """
    temporary = cache_folder() / "work" / f"std-{os.getpid()}.tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    try:
        with jobs.run(
            [*compiler, "std"],
            folder=temporary,
            environment={**environment(), "GOTMPDIR": str(temporary)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            process.wait()
    finally:
        remove(temporary)


def build_once(
    program: Program, compilation: Future[None], *, compiler: Compiler, progress: Progress, jobs: Jobs
) -> None:
    """Build a program unless another process has built it meanwhile; completes the compilation, see ``schedule.run``."""
    jobs.proceed()
    with exclusive(program.file_name, functools.partial(progress.wait, program), jobs.proceed) as lock:
        took = None
        if not is_available(program):
            progress.start(program)
            took = build(program, compiler, lock, jobs, compilation)
        progress.end(program, took)
    if not compilation.done():
        compilation.set_result(None)


def download(todo: list[Program], command: Path, progress: Progress, report: Callable[[str], None], jobs: Jobs) -> None:
    """Download the modules of the groups, in the order of building.

    A failure is not reported: the build of the program fails for the same reason and reports it.
    """
    for group, programs in itertools.groupby(todo, key=lambda program: program.group):
        folder = cache_folder() / "work" / group
        copy_folder(pins.PINS / group, folder)
        # -e: what the plugin embeds is written right before its build.
        words: list[str | Path] = [command, "list", "-e", "-deps", "-f", "{{.ImportPath}}"]
        words += [program.package for program in programs]
        with jobs.run(
            words, folder=folder, environment=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            number = 0
            for line in process.stderr or ():
                _go, separator, module = line.decode(errors="replace").partition("downloading ")
                if separator:
                    number += 1
                    progress.download = module.strip()
            process.wait()
        progress.download = ""
        if number:
            report(f"{group}: {number} modules downloaded ({progress.elapsed:.0f} s so far)")


def build(program: Program, compiler: Compiler, lock: int, jobs: Jobs, compilation: Future[None]) -> float:
    """Build one program; returns the seconds of CPU time.

    Args:
        program: the program.
        compiler: the command that builds, see ``compiler.build_command``.
        lock: descriptor of the program's lock. ``go`` inherits it, so that after the parent was killed the lock lasts until
            nobody writes any more.
        jobs: the processes of this build; ``go`` is added to them.
        compilation: completed when ``go`` begins to link.

    Raises:
        BuildError: the build failed; names the log and quotes its end.
        Stop: all builds end.
    """
    cache = cache_folder()
    work = cache / "work" / program.group
    prepare(program, work)
    part = cache / f".{program.file_name}.part"
    # go build refuses to replace a file that doesn't look like a program, as a killed run may have left it.
    part.unlink(missing_ok=True)
    # An interrupted go doesn't always remove its temporary files, and a killed one never does.
    temporary = cache / "work" / f"{program.file_name}.tmp"
    remove(temporary)
    temporary.mkdir(parents=True)
    log = cache / "logs" / f"{program.file_name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [*compiler, "-ldflags", linker_flags(program), "-o", part, program.package]
    try:
        with (
            log.open("wb") as output,
            jobs.run(
                words,
                folder=work,
                environment={**environment(), "GOTMPDIR": str(temporary)},
                stdout=output,
                stderr=subprocess.STDOUT,
                keep=(lock,),
            ) as process,
        ):
            if await_child(process, "link"):
                compilation.set_result(None)
            took = seconds_of_cpu(process)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        remove(temporary)
    if process.returncode != 0:
        part.unlink(missing_ok=True)
        text = log.read_text(errors="replace")
        end = "\n".join(f"    {line}" for line in text.splitlines()[-TAIL:])
        raise BuildError(
            f"building {program.name} {program.version} failed (go exited with {process.returncode}); {log} ends:\n"
            f"{end}{advice(text)}"
        )
    part.rename(cache / program.file_name)
    return took


def advice(log: str) -> str:
    """Advice on a failed build, by its log, after a line break; empty if the log shows no known cause."""
    if UNREACHABLE.search(log):
        return (
            "\nA Go module could not be downloaded: check the network and GOPROXY, "
            f"or put the built programs into {cache_folder()}."
        )
    if "no space left on device" in log:
        return "\nThe disk is full: a build from nothing needs about 12 GB for Go's caches (GOMODCACHE, GOCACHE)."
    return ""


def linker_flags(program: Program) -> str:
    """Flags for the linker: no symbol tables, and the program's version."""
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in program.variables)])
