"""The lab's folder: where everything lies, and what is written down about what runs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .pki import write_private

RUNTIME = (
    "etcd",
    "tenants-etcd",
    "pki",
    "pods",
    "metal",
    "hosts",
    "tmp",
    "kubeconfig",
    "env",
    "state.json",
    "options.json",
    "api-port",
)
"""What ``down`` removes; logs stay."""

PULUMI = ("pulumi", "passphrase")


class StateFolder:
    """Paths of one lab."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is made yet."""
        self.folder = folder.resolve()
        self.logs = self.folder / "logs"
        self.kubeconfig = self.folder / "kubeconfig"
        self.env = self.folder / "env"
        self.options = self.folder / "options.json"
        self._state = self.folder / "state.json"

    def make(self) -> None:
        """Make the folder, for its owner only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One ``up`` or ``down`` at a time."""
        self.make()
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read(self) -> dict[str, Any]:
        """What the supervisor wrote last: its identity, stage, progress and processes; empty where there is none."""
        try:
            state: dict[str, Any] = json.loads(self._state.read_text())
        except FileNotFoundError:
            return {}
        return state

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace what is written down."""
        write_private(self._state, json.dumps(state, indent=1).encode())

    def forget(self) -> None:
        """Remove all of a lab that has ended: its data, credentials and stacks' state. Logs stay."""
        for name in (*RUNTIME, *PULUMI):
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def write_env(self, variables: Mapping[str, str]) -> None:
        """Write ``env``, to be read by a shell: ``. .lab/env``."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
        write_private(self.env, ("\n".join(lines) + "\n").encode())

    def read_env(self) -> dict[str, str]:
        """The variables of ``env``, for programs."""
        variables = {}
        for line in self.env.read_text().splitlines():
            (_, assignment) = shlex.split(line)
            name, _, value = assignment.partition("=")
            variables[name] = value
        return variables
