"""Files of Go modules, copied into the cache: Go and the network are needed only once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .files import copy_folder
from .go import go
from .locate import MissingProgram
from .locks import exclusive
from .pins import PINS, SOURCES, Source, cache_folder


class SourceMissing(MissingProgram):
    """A module's files are not in the cache and can't be downloaded."""


def module_folder(module: str, version: str | None = None, part: str = "") -> Path:
    """Folder with a module's files in the cache, at their paths in the module.

    Args:
        module: the module's path, such as ``sigs.k8s.io/cluster-api``.
        version: version of the module; by default the lab's.
        part: part of the module, as in ``Source.part``.

    Raises:
        SourceMissing: it is not in the cache and can't be downloaded.
        KeyError: no such module is pinned.
    """
    for source in SOURCES:
        if source.module == module and version in (None, source.version) and source.part == part:
            return source_folder(source)
    raise KeyError(f"no pinned module {module} {version or ''}")


def source_folder(source: Source) -> Path:
    """The folder of a pinned source, which is downloaded if it is not in the cache."""
    name = f"{source.module.replace('/', '_')}@{source.version}" + (f"+{source.part}" if source.part else "")
    folder = cache_folder() / "sources" / name
    if folder.is_dir():
        return folder
    with exclusive(folder.name):
        if not folder.is_dir():
            keep(source, download(source), folder)
    return folder


def download(source: Source) -> Path:
    """Folder of the module in Go's module cache."""
    command = go(lambda _line: None)
    work = cache_folder() / "work" / source.group
    copy_folder(PINS / source.group, work)
    result = subprocess.run(
        [command, "mod", "download", "-json", f"{source.module}@{source.version}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        env={**os.environ, "GOFLAGS": "-mod=mod"},
    )
    answer = json.loads(result.stdout or "{}")
    if "Dir" not in answer:
        raise SourceMissing(
            f"Go module {source.module}@{source.version} can't be downloaded: "
            f"{answer.get('Error') or result.stderr.strip() or 'no reason given'}. Check GOPROXY and the network."
        )
    return Path(answer["Dir"])


def keep(source: Source, module: Path, folder: Path) -> None:
    """Copy a source's folders and files from its module; the folder appears only when complete."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for name in source.folders:
        # The module cache is read-only: copy the content without modes.
        if (module / name).is_file():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(module / name, part / name)
            continue
        shutil.copytree(module / name, part / name, copy_function=shutil.copyfile)
        for path in [part / name, *(part / name).rglob("*")]:
            path.chmod(0o755)
    part.rename(folder)
