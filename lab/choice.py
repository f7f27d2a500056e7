"""The options of the lab to start: from the command line, the running lab, and what a stack needs."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import yaml

import toolchain

from .generations import GENERATIONS, Generation
from .options import LabOptions
from .state import StateFolder


class LabError(Exception):
    """The lab could not be started, changed or stopped; the text says why."""


def merge_options(folder: StateFolder, options: argparse.Namespace) -> LabOptions:
    """Change the lab's options by those of the command line, and save them.

    Raises:
        LabError: the lab is of a later generation than asked for.
        NoSuchGeneration: contract and version of Cluster API do not go together.
    """
    folder.make()
    choices = {
        field.name: value
        for field in dataclasses.fields(LabOptions)
        if (value := getattr(options, field.name)) is not None
    }
    if (stack := getattr(options, "stack", None)) and "contract" not in choices:
        choices["contract"] = contract_of(Path(f"Pulumi.{stack}.yaml"))
    before = LabOptions.load(folder.options)
    if "contract" in choices and "cluster_api" not in choices and choices["contract"] != before.contract:
        # A version chosen for another contract does not apply to this one.
        choices["cluster_api"] = ""
    lab_options = dataclasses.replace(before, **choices)
    order = [GENERATIONS.index(item.generation()) for item in (before, lab_options)]
    if folder.options.exists() and order[0] > order[1]:
        older, newer = lab_options.generation(), before.generation()
        raise LabError(
            f"it has contract {newer.contract} and Cluster API {newer.cluster_api}, and a management cluster can't go "
            f"back to contract {older.contract} and Cluster API {older.cluster_api}; remove it first with `make down`"
        )
    build(lab_options.generation())
    lab_options.save(folder.options)
    return lab_options


def build(generation: Generation) -> None:
    """Build the programs of a generation that `make toolchain` does not build."""
    toolchain.ensure(generation.programs(), lambda line: print(f"lab: {line}", flush=True))


def contracts() -> list[str]:
    """Contracts that the lab has."""
    return sorted({generation.contract for generation in GENERATIONS})


def cluster_apis() -> list[str]:
    """Versions of Cluster API that the lab has."""
    return sorted({generation.cluster_api for generation in GENERATIONS})


def contract_of(file: Path) -> str:
    """The contract that a stack's file asks for: its own, or what its infrastructure needs.

    A missing or unreadable file is not reported here: the stack's program does that.
    """
    try:
        config = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
        sections = {key.partition(":")[2]: value for key, value in config.items()}
    except (OSError, yaml.YAMLError, AttributeError):
        return LabOptions().contract
    clusters = [sections, *(section for section in sections.get("clusters") or [] if isinstance(section, dict))]
    requests = [section["capi"].get("contract") for section in clusters if isinstance(section.get("capi"), dict)]
    if any("metal3" in section for section in clusters):
        requests.append("v1beta2")
    return max((contract for contract in requests if contract in contracts()), default=LabOptions().contract)
