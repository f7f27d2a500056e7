"""Files of Go modules that are used as files, kept in the cache, so that Go and the network are needed only once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .go import go
from .locate import MissingProgram
from .locks import exclusive
from .pins import PINS, SOURCES, Source, cache_folder


class SourceMissing(MissingProgram):
    """A module's files are not in the cache and can't be downloaded."""


def module_folder(module: str, version: str | None = None, part: str = "") -> Path:
    """Folder with the kept files of a module, at their paths in the module.

    Args:
        module: the module's path, such as ``sigs.k8s.io/cluster-api``.
        version: which, where several are pinned; by default the one that the lab runs.
        part: which of its parts, where several are kept.

    Raises:
        SourceMissing: it is neither in the cache nor to be had.
        KeyError: no such module is pinned.
    """
    for source in SOURCES:
        if source.module == module and version in (None, source.version) and source.part == part:
            return source_folder(source)
    raise KeyError(f"no pinned module {module} {version or ''}")


def source_folder(source: Source) -> Path:
    """The folder of one pinned source, downloaded where it is not there yet."""
    name = f"{source.module.replace('/', '_')}@{source.version}" + (f"+{source.part}" if source.part else "")
    folder = cache_folder() / "sources" / name
    if folder.is_dir():
        return folder
    with exclusive(folder.name):
        if not folder.is_dir():
            keep(source, download(source), folder)
    return folder


def download(source: Source) -> Path:
    """Folder of the module as Go downloaded it."""
    command = go(lambda _line: None)
    work = cache_folder() / "work" / source.group
    shutil.copytree(PINS / source.group, work, dirs_exist_ok=True)
    done = subprocess.run(
        [command, "mod", "download", "-json", f"{source.module}@{source.version}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        env={**os.environ, "GOFLAGS": "-mod=mod"},
    )
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        raise SourceMissing(
            f"Go module {source.module}@{source.version} can't be downloaded: "
            f"{answer.get('Error') or done.stderr.strip() or 'no reason given'}. Check GOPROXY and the network."
        )
    return Path(answer["Dir"])


def keep(source: Source, module: Path, folder: Path) -> None:
    """Copy what is wanted of a module; the folder appears whole or not at all."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for name in source.folders:
        # The module cache is read-only; copy contents, not modes.
        if (module / name).is_file():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(module / name, part / name)
            continue
        shutil.copytree(module / name, part / name, copy_function=shutil.copyfile)
        for path in [part / name, *(part / name).rglob("*")]:
            path.chmod(0o755)
    part.rename(folder)
