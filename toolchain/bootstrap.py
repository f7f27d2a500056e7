#!/usr/bin/env python3
"""Create the virtual environment and show its progress: ``python3 toolchain/bootstrap.py lab`` or ``... dev``.

It runs before anything is installed, so it uses only the standard library; its syntax is old, so that it can report an old
version of Python. ``lab`` installs the packages of the project and its lab; ``dev`` also those of its tests and linters.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
STAMPS = {"lab": FOLDER / "lab", "dev": FOLDER / "ready"}
INPUTS = [ROOT / "pyproject.toml", ROOT / "requirements.txt"]
OLDEST = {"lab": (3, 10), "dev": (3, 11)}
"""The oldest Python by extra: the tests' packages need a newer one than the program."""
TAIL = 15
USED = (
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509",
    "httpx",
    "jinja2.sandbox",
    "pip._internal.cli.main",
    "pip._internal.commands.list",
    "psutil",
    "pulumi.automation",
    "pulumi.dynamic",
    "pulumi_kubernetes.apiextensions.CustomResource",
    "pulumi_kubernetes.helm.v4",
    "pulumi_kubernetes.yaml.v2",
    "pydantic.json_schema",
    "pydantic.main",
    "pydantic.validate_call_decorator",
    "rich.live",
    "rich.progress",
    "rich.table",
    "shtab",
    "yaml",
)
"""Modules of other packages that are run again and again, with all that they import; pulumi runs ``pip list``."""


class BootstrapError(Exception):
    """The environment can't be created; the text says why and what helps."""


class Progress:
    """A single changing line on a terminal, else a line per event; on stderr, because stdout may be a pipe."""

    def __init__(self) -> None:
        """Start the clock."""
        self.began = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def tell(self, text: str) -> None:
        """Show the current step."""
        line = f"environment: {text} ({time.monotonic() - self.began:.0f} s)"
        if self.terminal:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            sys.stderr.write("\r\033[K" + line[: width - 1])
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def end(self, text: str) -> None:
        """Show the result, on a line that stays."""
        self.tell(text)
        if self.terminal:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def fail(self, text: str) -> None:
        """Show the error."""
        sys.stderr.write(("\r\033[K" if self.terminal else "") + f"environment: {text}\n")


def current(extra: str) -> bool:
    """Whether the environment has these packages already; ``dev`` includes ``lab``."""
    stamps = [STAMPS["dev"]] if extra == "dev" else [STAMPS["lab"], STAMPS["dev"]]
    newest = max(path.stat().st_mtime for path in INPUTS)
    return any(stamp.exists() and stamp.stat().st_mtime >= newest for stamp in stamps)


def make(extra: str, progress: Progress) -> None:
    """Create the environment if there is none that an extra can be installed in."""
    oldest = OLDEST[extra]
    if sys.version_info[:2] < oldest:
        what = "the tests need" if extra == "dev" else "this program needs"
        raise BootstrapError(
            f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}, but {what} {oldest[0]}.{oldest[1]} or "
            "newer: install one and put it first on PATH as python3"
        )
    try:
        import ensurepip  # noqa: F401 - Debian has it in a separate package
        import venv  # noqa: F401
    except ImportError:
        raise BootstrapError(
            "this Python has no venv: `sudo apt-get install python3-venv` (Debian, Ubuntu) installs it; then run make again"
        ) from None
    if (
        PYTHON.exists()
        and subprocess.call(
            [str(PYTHON), "-c", f"import pip, sys; sys.exit(sys.version_info < {oldest})"], stderr=subprocess.DEVNULL
        )
        == 0
    ):
        return
    progress.tell("creating .venv")
    result = subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], capture_output=True, text=True)
    if result.returncode != 0:
        raise BootstrapError(f"python3 -m venv failed:\n{result.stdout}{result.stderr}")


def install(extra: str, progress: Progress) -> None:
    """Install the project with an extra, and show each download."""
    progress.tell(f"installing kamaji-equinix[{extra}]")
    words = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "--no-compile",
    ]
    lines = []
    folder = tempfile.mkdtemp(prefix="kamaji-equinix-")
    process = subprocess.Popen(
        [*words, "-e", f"{ROOT}[{extra}]"],
        cwd=ROOT,
        env=environment(Path(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            text = event(line)
            if text:
                progress.tell(text)
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if code != 0:
        end = "\n".join("    " + line for line in lines[-TAIL:])
        raise BootstrapError(f"pip install failed; it ends:\n{end}\nCheck the network and pip's index.")


def environment(folder: Path) -> dict[str, str]:
    """Variables of this process, and a ``pulumi`` in an empty folder that comes first on PATH and does nothing.

    The setup.py of pulumi-equinix-metal downloads a plugin with the ``pulumi`` on PATH, and fails without a network to the
    place of plugins. Where a stack needs the plugin, the engine downloads it.
    """
    program = folder / "pulumi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def event(line: str) -> str:
    """The event in a line of pip's output; empty if there is none to show."""
    words = line.split()
    if words[:1] == ["Downloading"] and len(words) > 1:
        name = " ".join(words[1].rsplit("/", 1)[-1].split("-")[:2])
        return f"downloading {name} {' '.join(words[2:]).strip('()')}".rstrip()
    if words[:3] == ["Installing", "collected", "packages:"]:
        return f"installing {len(words) - 3} packages"
    return ""


def compile_used(progress: Progress) -> None:
    """Keep the bytecode of what is run again and again, also for those who let Python keep none.

    The Kubernetes SDK has thousands of modules, of which a run imports few: to compile all of them takes two thirds of an
    installation's time.
    """
    progress.tell("compiling what is used")
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    result = subprocess.run([str(PYTHON), "-c", code, *USED], cwd=ROOT, env=variables, capture_output=True, text=True)
    if result.returncode != 0:
        raise BootstrapError(f"the installed packages can't be imported:\n{result.stderr}\nRemove .venv and try again.")


def link_types() -> None:
    """Create links to the checkout's folders under their installed names, for mypy and import-linter."""
    folder = FOLDER / "typing" / "kamaji_equinix"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("components", "automation"):
        link = folder / name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(Path("..", "..", "..", name))


def main(extra: str) -> int:
    """Create the environment; returns the exit code."""
    if current(extra):
        STAMPS[extra].touch()
        return 0
    progress = Progress()
    try:
        make(extra, progress)
        install(extra, progress)
        compile_used(progress)
        link_types()
    except BootstrapError as error:
        progress.fail(str(error))
        return 1
    except KeyboardInterrupt:
        progress.fail("interrupted; the next run goes on from here")
        return 130
    for stamp in {STAMPS["lab"], STAMPS[extra]}:
        stamp.touch()
    progress.end("ready")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["lab"], ["dev"]):
        sys.exit("usage: python3 toolchain/bootstrap.py lab|dev")
    sys.exit(main(sys.argv[1]))
