"""The folders of a build: a group's pins with what upstream generates, and temporary files."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from . import kamaji_api, pins
from .files import copy_folder, write
from .pins import SECOND_GENERATION, Program
from .sources import module_folder


def prepare(program: Program, work: Path) -> None:
    """Fill a program's build folder: its pins, and files that upstream generates."""
    copy_folder(pins.PINS / program.group, work)
    if program.group == SECOND_GENERATION:
        kamaji_api.lay_out(work)
    if program.name == "pulumi-resource-kubernetes":
        # As in the release build of pulumi-kubernetes: its schema with the version, and the compacted mapping.
        resource_folder = module_folder("github.com/pulumi/pulumi-kubernetes/provider/v4") / "cmd" / program.name
        schema = json.loads((resource_folder / "schema.json").read_text())
        schema["version"] = program.version.removeprefix("v")
        write(work / "plugin" / "schema-embed.json", json.dumps(schema).encode())
        mapping = json.loads((resource_folder / "terraform-mapping.json").read_text())
        write(work / "plugin" / "terraform-mapping-embed.json", json.dumps(mapping, separators=(",", ":")).encode())


def remove(folder: Path) -> None:
    """Remove a temporary folder in which a killed compiler may still be creating files."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
