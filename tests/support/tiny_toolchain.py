"""A toolchain of one tiny program, built by the real ``go`` through the real command line.

Run as ``python tests/support/tiny_toolchain.py FOLDER [WORD...]`` it is ``python -m toolchain WORD...`` for that program.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
NAME = "tiny"
FILE_NAME = "tiny-v1.2.3"


def write_pins(folder: Path, *, statements: int = 1, broken: bool = False) -> None:
    """Write the program's pins: a module without dependencies.

    Args:
        folder: of the tests' pins.
        statements: how long the compiler works: some thousands take seconds.
        broken: leave an error that the compiler names.
    """
    group = folder / NAME
    group.mkdir(parents=True, exist_ok=True)
    (group / "go.mod").write_text("module example.org/tiny\n\ngo 1.26\n")
    (group / "go.sum").write_text("")
    # The folder's name keeps a build from finding another test's result in Go's cache.
    lines = [
        "package main",
        "",
        'var version = "unset"',
        "",
        f'func main() {{ println("tiny", version, len(slow("{folder}"))) }}',
        "",
        "func slow(start string) map[string]string {",
        '\tm := map[string]string{"k0": start}',
        *(f'\tm["k{i}"+m["k{i - 1}"]] = "{folder}"' for i in range(1, statements)),
        "\treturn m",
        "}",
        *(["", "func broken() int { return undeclaredName }"] if broken else []),
    ]
    (group / "main.go").write_text("\n".join(lines) + "\n")


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """Environment of a run whose cache, and the system's temporary folder, lie in ``folder``."""
    for name in ("cache", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rest = {name: value for name, value in os.environ.items() if name != "KUBEBUILDER_ASSETS"}
    return {
        **rest,
        "KAMAJI_EQUINIX_TOOLCHAIN": str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
        "GOTELEMETRY": "off",
        **extra,
    }


def start(folder: Path, *words: str, **extra: str) -> subprocess.Popen[str]:
    """Start the command line for the pins in ``folder / "pins"``."""
    return subprocess.Popen(
        [sys.executable, __file__, str(folder / "pins"), "--only", NAME, *words],
        cwd=CHECKOUT,
        env=environment(folder, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def leftovers(folder: Path) -> list[str]:
    """Half files and temporary folders, in the cache and in the system's temporary folder."""
    cache = [path.name for pattern in (".*", "work/*.tmp") for path in (folder / "cache").glob(pattern)]
    return cache + [path.name for path in (folder / "tmp").iterdir()]


def run(pins_folder: Path, words: list[str]) -> None:
    """Be the command line, with the tiny program as the only one."""
    sys.path.insert(0, str(CHECKOUT))
    from toolchain import pins

    pins.BY_NAME.clear()
    pins.BY_NAME[NAME] = pins.Program(NAME, "v1.2.3", NAME, ".", 1, (("main.version", "v1.2.3"),))
    pins.PINS = pins_folder
    sys.argv[1:] = words
    runpy.run_module("toolchain", run_name="__main__")


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:])
