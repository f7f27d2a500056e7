"""How Go compiles the programs of a run."""

from __future__ import annotations

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
