"""Finding a program: the machine's if it fits, else the cache's."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from .pins import BY_NAME, PULUMI, Program, cache_folder, pin_of


class MissingProgram(Exception):
    """A program or source is neither on the machine nor in the cache."""


def program(name: str, version: str | None = None) -> Path:
    """The file of a program.

    Args:
        name: a name in ``pins.BY_NAME``.
        version: a pinned version; None for the lab's.

    Raises:
        MissingProgram: it is not built yet.
        KeyError: no such program is pinned.
    """
    path = find(name, version)
    if path is None:
        entry = pin_of(name, version)
        builder = "`make toolchain`" if entry.need == "up" else f"`python -m toolchain --only {key(entry)}`"
        raise MissingProgram(f"{entry.name} {entry.version} is not in {cache_folder()}; {builder} builds it")
    return path


def find(name: str, version: str | None = None) -> Path | None:
    """The file of a program; None if it is not built yet."""
    entry = pin_of(name, version)
    if key(entry) == entry.name and (path := system_program(entry.name)):
        return path
    copy = cache_folder() / entry.file_name
    return copy if os.access(copy, os.X_OK) else None


def key(entry: Program) -> str:
    """A program's name for ``ensure`` and ``--only``."""
    return next(name for name, program in BY_NAME.items() if program == entry)


def system_program(name: str) -> Path | None:
    """A program of the machine: etcd and kube-apiserver of KUBEBUILDER_ASSETS, the Pulumi CLI on PATH."""
    if name in ("etcd", "kube-apiserver") and (assets := os.environ.get("KUBEBUILDER_ASSETS")):
        candidate = Path(assets) / name
        if not os.access(candidate, os.X_OK):
            raise MissingProgram(
                f"KUBEBUILDER_ASSETS is {assets}, but {candidate} is no program; unset it or correct it"
            )
        if version_of(candidate, "--version") is None:
            raise MissingProgram(
                f"KUBEBUILDER_ASSETS is {assets}, but {candidate} doesn't run (`{candidate} --version` failed); "
                "unset it or correct it"
            )
        return candidate
    if name in ("pulumi", "pulumi-language-python") and (cli := machines_pulumi()):
        return cli if name == "pulumi" else cli.parent / name
    return None


@functools.cache
def version_of(command: Path, *words: str) -> str | None:
    """First line of a program's version output; None if it doesn't run."""
    try:
        result = subprocess.run(
            [command, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return next(iter(result.stdout.splitlines()), "").strip() if result.returncode == 0 else None


def machines_pulumi() -> Path | None:
    """The ``pulumi`` on PATH if it is new enough, of the same major version, and has its Python host beside it."""
    on_path = shutil.which("pulumi")
    if on_path is None:
        return None
    cli = Path(on_path).resolve()
    if cli.is_relative_to(cache_folder().resolve()) or not os.access(cli.parent / "pulumi-language-python", os.X_OK):
        return None
    return cli if suitable(version_of(cli, "version") or "", PULUMI) else None


def suitable(version: str, minimum: str) -> bool:
    """Whether a version is at least ``minimum``, within the same major version.

    >>> suitable("v3.300.1", "v3.259.0"), suitable("v3.258.9", "v3.259.0"), suitable("v4.0.0", "v3.259.0")
    (True, False, False)
    """
    numbers = [re.search(r"v?(\d+)\.(\d+)\.(\d+)", text) for text in (version, minimum)]
    if not all(numbers):
        return False
    actual_numbers, minimum_numbers = ([int(part) for part in match.groups()] for match in numbers if match)
    return actual_numbers[0] == minimum_numbers[0] and actual_numbers >= minimum_numbers
