"""A Pulumi project in a folder of its own that runs the checkout's program."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kamaji_equinix.automation import cli

from . import generation

ROOT = Path(__file__).parents[2]


@dataclass
class CommandResult:
    """A command that has ended."""

    code: int
    output: str

    def ok(self) -> str:
        """Its output, if it succeeded."""
        assert self.code == 0, f"exit code {self.code}:\n{self.output}"
        return self.output


@dataclass
class Project:
    """A copy of the project file and the program, with stacks of its own."""

    folder: Path
    environment: dict[str, str]
    ciphertexts: dict[tuple[str, str], str] = field(default_factory=dict)
    """What pulumi made of each secret, by the stack's salt and the secret: it takes a fifth of a second each time."""

    @classmethod
    def make(cls, folder: Path, environment: Mapping[str, str]) -> Project:
        """Lay the project out; ``environment`` leads to pulumi and to a backend."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__main__.py").write_text((ROOT / "__main__.py").read_text())
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        project["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        return cls(folder, {**os.environ, **environment})

    def configure(self, stack: str, **sections: Any) -> None:
        """Write a stack's configuration, keeping what pulumi itself wrote there."""
        path = self.folder / f"Pulumi.{stack}.yaml"
        document = yaml.safe_load(path.read_text()) if path.exists() else {}
        document["config"] = {f"kamaji-equinix:{key}": value for key, value in sections.items()}
        path.write_text(yaml.safe_dump(document))

    def store(self, stack: str, texts: Mapping[str, str]) -> None:
        """Write secrets into a stack's configuration, by their paths.

        Nobody may watch for arguments meanwhile.
        """
        path = self.folder / f"Pulumi.{stack}.yaml"
        document = yaml.safe_load(path.read_text())
        salt = document.get("encryptionsalt", "")
        if not all((salt, text) in self.ciphertexts for text in texts.values()):
            pairs = [word for place, text in texts.items() for word in ("--secret", f"kamaji-equinix:{place}={text}")]
            self.pulumi("config", "set-all", "--path", *pairs, "--stack", stack).ok()
            document = yaml.safe_load(path.read_text())
            for place, text in texts.items():
                *_, (holder, key) = steps(document["config"], place)
                self.ciphertexts[document["encryptionsalt"], text] = holder[key]["secure"]
            return
        for place, text in texts.items():
            *_, (holder, key) = steps(document["config"], place)
            holder[key] = {"secure": self.ciphertexts[salt, text]}
        path.write_text(yaml.safe_dump(document))

    def run(self, *command: str | Path, seconds: float = 600) -> CommandResult:
        """Run a command in the project's folder."""
        process = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        return CommandResult(process.returncode, process.stdout)

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, as a terminal would."""
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pulumi(self, *arguments: str, seconds: float = 600) -> CommandResult:
        """Run plain ``pulumi``."""
        return self.run("pulumi", *arguments, "--non-interactive", "--color", "never", seconds=seconds)

    def up(self, stack: str, *extra: str) -> CommandResult:
        """``pulumi up`` as a user without a terminal runs it."""
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", stack, *extra)

    def script(self, *arguments: str, seconds: float = 900) -> CommandResult:
        """Run the console script."""
        return self.run(sys.executable, "-m", "kamaji_equinix.automation", *arguments, seconds=seconds)

    def script_here(self, *arguments: str) -> CommandResult:
        """Run the console script in this process, where the second that its start takes counts.

        In another thread it is a process all the same: the script handles signals, and this process has one output.
        """
        if threading.current_thread() is not threading.main_thread():
            return self.script(*arguments)
        output, before = io.StringIO(), dict(os.environ)
        try:
            os.environ.update(self.environment)
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                code = cli.main([*arguments, "--cwd", str(self.folder)])
        finally:
            os.environ.clear()
            os.environ.update(before)
        return CommandResult(code, output.getvalue())


def steps(config: Any, place: str) -> Iterator[tuple[Any, str | int]]:
    """Each step to a place of the configuration, as what holds it and its key there.

    >>> list(steps({"kamaji-equinix:a": {"b": [7]}}, "a.b[0]"))[-1]
    ([7], 0)
    """
    name, *rest = re.findall(r"[^.\[\]]+", place)
    key: str | int = f"kamaji-equinix:{name}"
    yield config, key
    for word in rest:
        config, key = config[key], int(word) if word.isdigit() else word
        yield config, key


def dev_sections(kubeconfig: Path, *, network: bool = False) -> dict[str, Any]:
    """The checkout's dev stack, for another management cluster.

    Args:
        kubeconfig: the management cluster's.
        network: with its network plugin, which most tests' labs need not install (``--network provided``).
    """
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    sections = {key.removeprefix("kamaji-equinix:"): value for key, value in config.items()}
    for addon in sections["addons"]:
        # The project's folder is another one.
        addon["chart"] = str(ROOT / addon["chart"])
    if not network:
        sections.pop("network")
        sections.pop("addons")
    return {**sections, **generation.sections(), "management": {"kubeconfigPath": str(kubeconfig)}}
