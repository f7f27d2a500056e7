"""Which lab is asked for: the options of the command line, those of before, and what a stack needs."""

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
    """The lab's options with those of the command line, saved.

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
        # What was chosen for another contract means nothing for this one.
        choices["cluster_api"] = ""
    merged = dataclasses.replace(before, **choices)
    order = [GENERATIONS.index(one.generation()) for one in (before, merged)]
    if folder.options.exists() and order[0] > order[1]:
        older, newer = merged.generation(), before.generation()
        raise LabError(
            f"it has contract {newer.contract} and Cluster API {newer.cluster_api}, and a management cluster can't go "
            f"back to contract {older.contract} and Cluster API {older.cluster_api}; remove it first with `make down`"
        )
    build(merged.generation())
    merged.save(folder.options)
    return merged


def build(generation: Generation) -> None:
    """Build what a generation runs and `make toolchain` does not build."""
    toolchain.ensure(generation.programs(), lambda line: print(f"lab: {line}", flush=True))


def contracts() -> list[str]:
    """Contracts that the lab has."""
    return sorted({generation.contract for generation in GENERATIONS})


def cluster_apis() -> list[str]:
    """Versions of Cluster API that the lab has."""
    return sorted({generation.cluster_api for generation in GENERATIONS})


def contract_of(file: Path) -> str:
    """The contract that a stack's file asks for: its own, or what its infrastructure needs.

    A file that is not there or not readable is the stack's trouble, told by its program.
    """
    try:
        config = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
        sections = {key.partition(":")[2]: value for key, value in config.items()}
    except (OSError, yaml.YAMLError, AttributeError):
        return LabOptions().contract
    clusters = [sections, *(one for one in sections.get("clusters") or [] if isinstance(one, dict))]
    requests = [one["capi"].get("contract") for one in clusters if isinstance(one.get("capi"), dict)]
    if any("metal3" in one for one in clusters):
        requests.append("v1beta2")
    return max((contract for contract in requests if contract in contracts()), default=LabOptions().contract)
