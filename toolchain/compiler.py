"""How Go compiles the programs of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .pins import Program

BUSY = frozenset({"etcd", "kube-apiserver", "pulumi", "pulumi-language-python", "pulumi-resource-kubernetes"})
"""The programs in which a lab and a stack spend most of the processor's time."""


def build_command(command: Path, programs: Iterable[Program]) -> tuple[Path | str, ...]:
    """The command that builds programs, before the arguments that only one of them has.

    No debug information is written, which the linker would drop anyway. Without inlining a build takes a fifth less of the
    processor's time, but kube-apiserver and pulumi take a quarter more in each use. So a run builds without it where none of
    the programs that are used most is among its own. All have one set of flags: Go compiles a package for each set anew.

    Args:
        command: the go command.
        programs: all that the run is to build.
    """
    flags = "-dwarf=false" if any(program.name in BUSY for program in programs) else "-dwarf=false -l"
    return (command, "build", "-trimpath", f"-gcflags=all={flags}")


def builders() -> int:
    """Number of parallel builds: two if the memory is enough for two of the larger compilations. Three are not faster."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2 if memory >= 7 << 30 else 1


def environment() -> dict[str, str]:
    """Environment of a build.

    A compiler that collects no garbage below a gigabyte, and has one thread while there are as many compilations as cores,
    needs a tenth less processor time than with GOGC=400 alone, which needs a fifth less than with Go's default. CGO_ENABLED=0
    halves the build of the Kubernetes plugin and makes the programs static.
    """
    cores = len(os.sched_getaffinity(0))
    return {
        **os.environ,
        "GOGC": "off",
        "GOMEMLIMIT": "1GiB",
        "GOMAXPROCS": str(max(cores // (2 * builders()), 1)),
        # Without -p it would compile as many packages at once as each compiler has threads.
        "GOFLAGS": f"-mod=mod -buildvcs=false -p={cores}",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
