"""Child processes of the lab: started with a log, watched, and ended reliably."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

STOP_SECONDS = 35.0
"""A kube-apiserver with open watches takes up to 30 s to stop on SIGTERM."""


class ProcessError(Exception):
    """A process of the lab ended, or did not come up."""


@dataclass
class Process:
    """One process of the lab.

    Attributes:
        name: its name in the lab.
        log: file of its output.
        popen: the child process.
        start_time: in seconds since the epoch.
        should_run: False once the lab itself ends it.
    """

    name: str
    log: Path
    popen: subprocess.Popen[bytes]
    start_time: float = field(default_factory=time.time)
    should_run: bool = True

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.popen.poll()

    def tail(self, lines: int = 12) -> str:
        """The end of its log."""
        return tail(self.log, lines)

    def require(self) -> None:
        """Raise ProcessError if it has ended."""
        if (code := self.exit_code) is not None:
            raise ProcessError(f"{self.name} ended with exit code {code}; {self.log} ends:\n{self.tail()}")

    def ask_to_stop(self) -> None:
        """Send SIGTERM, without waiting."""
        self.should_run = False
        with contextlib.suppress(ProcessLookupError):
            self.popen.terminate()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End it and wait until it is gone."""
        self.ask_to_stop()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def start(
    name: str, command: Sequence[str | Path], logs: Path, environment: Mapping[str, str] | None = None
) -> Process:
    """Start a process whose output goes to ``logs/<name>.log``.

    It has its own session: a Ctrl-C in the lab's terminal reaches only the lab, which then ends it.

    Args:
        name: its name in the lab.
        command: program and arguments; credentials only as names of files.
        logs: folder of the logs.
        environment: variables in addition to ``base_environment``.
    """
    logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = logs / f"{name}.log"
    with log.open("ab") as output:
        output.write(f"--- {time.strftime('%H:%M:%S')} start\n".encode())
        output.flush()
        popen = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**base_environment(), **(environment or {})},
            cwd="/",
            start_new_session=True,
        )
    return Process(name, log, popen)


def base_environment() -> dict[str, str]:
    """The environment of lab processes, without the caller's proxies, certificates and credentials.

    The lab's programs collect garbage half as often as by Go's default: an API server needs a fifth less processor time,
    and a third more memory (620 MB instead of 460).
    """
    return {"GOGC": "200"} | {
        key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG", "USER") if key in os.environ
    }


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, indented; empty where there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - 32768, 0))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line[:400]}" for line in text.splitlines()[-lines:])


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a TCP port can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def listener_on(port: int) -> str:
    """The process that listens on a port, in words."""
    for connection in psutil.net_connections("inet"):
        if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr[1:] == (port,):
            process = psutil.Process(connection.pid)
            return f"process {connection.pid} ({process.name()})"
    return "a process that this user may not see"


def identity(pid: int) -> dict[str, Any] | None:
    """A process's id and start time, which tell it from a later one with the same id; None if it has ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return {"pid": pid, "created": process.create_time()}
    except psutil.NoSuchProcess:
        return None


def alive(record: Mapping[str, Any]) -> psutil.Process | None:
    """The process that ``identity`` recorded; None if it has ended, even if another has its id now."""
    now = identity(int(record["pid"]))
    # Linux derives the start time from the boot time, which changes slightly when the clock is adjusted.
    if now is None or abs(now["created"] - float(record["created"])) > 2:
        return None
    return psutil.Process(now["pid"])


def end(record: Mapping[str, Any], seconds: float = STOP_SECONDS) -> bool:
    """End a recorded process that is not a child of this one; True if it was alive."""
    process = alive(record)
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(seconds)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
    return True
