"""The Kamaji module for the build of Kamaji's newer Cluster API provider: the pinned one, with added types and fields.

Version 0.20.0 of the provider requires a Kamaji that the module proxy does not have, and uses three packages of it. They are
copied from the pinned Kamaji. ``pins/second-generation/kamaji`` declares the missing types, and structs with the missing
fields, which are embedded in the existing types.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .pins import KAMAJI, SOURCES
from .sources import download

MODULE = "github.com/clastix/kamaji"
PACKAGES = ("api/v1alpha1", "indexers", "internal/errors")

EMBEDS = {
    "NetworkProfileSpec": "newerNetworkProfile",
    "ControlPlane": "newerControlPlane",
    "DeploymentSpec": "newerDeployment",
    "ServiceSpec": "newerService",
    "TenantControlPlaneSpec": "newerTenantControlPlane",
}
"""Existing types, and the struct with missing fields to embed in each."""

DEEP_COPIES = set(EMBEDS) - {"NetworkProfileSpec"}
"""Types whose missing fields are pointers: their DeepCopyInto must copy the embedded struct too."""


class SourceMismatch(Exception):
    """The copied Kamaji does not fit the added declarations."""


def lay_out(work: Path) -> None:
    """Write the module into ``work/kamaji``, beside the files of the pins.

    Raises:
        SourceMismatch: a type to complete does not exist.
        SourceMissing: Kamaji is not in the cache and can't be downloaded.
    """
    source = download(next(pin for pin in SOURCES if (pin.module, pin.version) == (MODULE, KAMAJI)))
    for package in PACKAGES:
        target = work / "kamaji" / package
        target.mkdir(parents=True, exist_ok=True)
        for path in (source / package).glob("*.go"):
            if not path.name.endswith("_test.go"):
                shutil.copyfile(path, target / path.name)
    types = work / "kamaji" / "api" / "v1alpha1"
    for name, fields in EMBEDS.items():
        insert(types / "tenantcontrolplane_types.go", f"type {name} struct {{\n", f'\t{fields} `json:",inline"`\n')
        if name in DEEP_COPIES:
            head = f"func (in *{name}) DeepCopyInto(out *{name}) {{\n\t*out = *in\n"
            insert(types / "zz_generated.deepcopy.go", head, f"\tin.{fields}.DeepCopyInto(&out.{fields})\n")


def insert(path: Path, anchor: str, text: str) -> None:
    """Insert a text after an anchor that must occur once in the file."""
    old = path.read_text()
    if old.count(anchor) != 1:
        raise SourceMismatch(f"{path}: expected one {anchor.strip()!r}, there are {old.count(anchor)}")
    path.write_text(old.replace(anchor, anchor + text))
