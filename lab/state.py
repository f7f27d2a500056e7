"""The lab's folder: its paths, and the state file about the running processes."""

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
"""The names that ``down`` removes; logs stay."""

PULUMI = ("pulumi", "passphrase")


class StateFolder:
    """Paths of one lab."""

    def __init__(self, folder: Path) -> None:
        """Set the paths; nothing is created yet."""
        self.folder = folder.resolve()
        self.logs = self.folder / "logs"
        self.kubeconfig = self.folder / "kubeconfig"
        self.env = self.folder / "env"
        self.options = self.folder / "options.json"
        self._state = self.folder / "state.json"

    def make(self) -> None:
        """Create the folder, for its owner only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder: only one ``up`` or ``down`` runs at a time."""
        self.make()
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read(self) -> dict[str, Any]:
        """The supervisor's last state: its identity, stage, progress and processes; empty if there is none."""
        try:
            state: dict[str, Any] = json.loads(self._state.read_text())
        except FileNotFoundError:
            return {}
        return state

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the state file."""
        write_private(self._state, json.dumps(state, indent=1).encode())

    def forget(self) -> None:
        """Remove the files of a lab that has ended: its data, credentials and stacks' state. Logs stay."""
        for name in (*RUNTIME, *PULUMI):
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def write_env(self, variables: Mapping[str, str]) -> None:
        """Write ``env``, which a shell reads by ``. .lab/env``."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
        write_private(self.env, ("\n".join(lines) + "\n").encode())

    def read_env(self) -> dict[str, str]:
        """The variables of ``env``."""
        variables = {}
        for line in self.env.read_text().splitlines():
            (_, assignment) = shlex.split(line)
            name, _, value = assignment.partition("=")
            variables[name] = value
        return variables
