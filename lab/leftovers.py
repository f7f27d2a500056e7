"""Plugins of a ``pulumi`` that was killed while it worked on the lab: they outlive it by minutes.

``kamaji-equinix`` ends those of its engines itself. Those of a plain ``pulumi``, or of a run that was killed as a whole, are
known by the lab's own backend in the environment that they have inherited.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path, PurePath

import psutil

PLUGINS = ("pulumi-resource-", "pulumi-language-")
"""Beginnings of the names of plugins, and of the scripts that run programs and dynamic providers."""

DYNAMIC = "pulumi.dynamic"
"""Module of a dynamic provider's process, which the script ``pulumi-resource-pulumi-python`` starts."""

STOP_SECONDS = 3.0


def backend_url(folder: Path) -> str:
    """The backend of the stacks of a lab in ``folder``, as Pulumi takes it."""
    return f"file://{folder / 'pulumi'}"


def end_plugins(folder: Path) -> list[str]:
    """End the plugins without an engine, and what they have started.

    Args:
        folder: the lab's.

    Returns:
        Names and process numbers of the plugins.
    """
    plugins = {process: name for process in users(folder) if (name := plugin_name(process)) and not has_engine(process)}
    family = set(plugins)
    for process in plugins:
        with contextlib.suppress(psutil.Error):
            family |= set(process.children(recursive=True))
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, survivors = psutil.wait_procs(list(family), STOP_SECONDS)
    for process in survivors:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(survivors, STOP_SECONDS)
    return [f"{name} ({process.pid})" for process, name in plugins.items()]


def engines(folder: Path) -> list[int]:
    """Process numbers of the engines that work on the lab's stacks."""
    return [process.pid for process in users(folder) if is_engine(process)]


def users(folder: Path) -> Iterator[psutil.Process]:
    """The living processes whose backend is the lab's; those of other users can't be read."""
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if environment.get("PULUMI_BACKEND_URL") == backend_url(folder):
            yield process


def plugin_name(process: psutil.Process) -> str:
    """Name of a plugin; empty for another process."""
    command = command_of(process)
    if DYNAMIC in command[1:4]:
        return "the dynamic provider"
    # The program itself is an interpreter in the case of scripts.
    return next((name for part in command[:4] if (name := PurePath(part).name).startswith(PLUGINS)), "")


def is_engine(process: psutil.Process) -> bool:
    """Whether a process is a living engine."""
    command = command_of(process)
    return bool(command) and PurePath(command[0]).name == "pulumi"


def has_engine(process: psutil.Process) -> bool:
    """Whether a plugin's engine lives: one of those that started it."""
    try:
        return any(map(is_engine, process.parents()))
    except psutil.Error:
        return False


def command_of(process: psutil.Process) -> list[str]:
    """A process's program and arguments; empty for a zombie."""
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []
