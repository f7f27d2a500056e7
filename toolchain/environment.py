"""The engine's environment: its ``pulumi`` and its plugins."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from .locate import machines_pulumi, program
from .locks import exclusive
from .pins import PULUMI, PULUMI_KUBERNETES, cache_folder
from .sources import module_folder

HOST_SCRIPTS = (
    "python/cmd/pulumi-language-python-exec",
    "python/dist/pulumi-resource-pulumi-python",
)
"""Files of the Pulumi SDK's module that must be beside ``pulumi``: the runners of programs and dynamic providers."""


def pulumi_environment() -> dict[str, str]:
    """Variables to add to a process's environment so that it runs the toolchain's ``pulumi``.

    If the machine has a suitable ``pulumi``, only its folder is put first on PATH.

    Raises:
        MissingProgram: a program is not built yet.
    """
    if path := machines_pulumi():
        return {"PATH": path_with(path.parent), "PULUMI_SKIP_UPDATE_CHECK": "1"}
    commands, home = cache_folder() / f"pulumi-{PULUMI}-commands", cache_folder() / "pulumi-home"
    plugin = home / "plugins" / f"resource-kubernetes-{PULUMI_KUBERNETES}" / "pulumi-resource-kubernetes"
    with exclusive("pulumi-layout"):
        for name in ("pulumi", "pulumi-language-python"):
            link(program(name), commands / name)
        for script in HOST_SCRIPTS:
            place_script(script, commands)
        # The engine would use a plugin on PATH too, but with a warning on every run.
        link(program("pulumi-resource-kubernetes"), plugin)
    return {
        "PATH": path_with(commands),
        "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        # The wheel of pulumi-equinix-metal names no plugin, so the engine guesses a wrong one and tries to download it on
        # every run until the network fails.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def path_with(folder: Path) -> str:
    """PATH with ``folder`` first, once."""
    entries = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if entry and entry != str(folder)]
    return os.pathsep.join([str(folder), *entries])


def link(source: Path, target: Path) -> None:
    """Create a hard link: with a symbolic link ``pulumi`` would look for its language hosts beside the source."""
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(source)
    except OSError:
        shutil.copy(source, part)
    part.rename(target)


def place_script(script: str, commands: Path) -> None:
    """Copy one script of the SDK beside ``pulumi``."""
    target = commands / Path(script).name
    if target.exists():
        return
    source = module_folder("github.com/pulumi/pulumi/sdk/v3") / script
    part = target.with_name(f".{target.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    shutil.copyfile(source, part)
    part.chmod(0o755)
    part.rename(target)
