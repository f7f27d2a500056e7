"""The Kamaji that Kamaji's newer Cluster API provider is built against: the one that is to be had, with what it lacks.

Version 0.20.0 of the provider names a Kamaji in its go.mod that the module proxy does not have, and uses three packages of
it. They are copied from the pinned one; ``pins/second-generation/kamaji`` declares the types that are missing, and the
fields that are missing are embedded in the types that exist.
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
"""Types that exist, and the struct of the missing fields that each of them embeds."""

DEEP_COPIES = set(EMBEDS) - {"NetworkProfileSpec"}
"""Those whose missing fields hold pointers: their DeepCopyInto copies the embedded struct too."""


class SourceMismatch(Exception):
    """The copied Kamaji is not as it was when the missing declarations were written."""


def lay_out(work: Path) -> None:
    """Put the module into ``work/kamaji``, beside the files of the pins.

    Raises:
        OtherSource: a type to be completed is not there.
        SourceMissing: Kamaji is neither in the cache nor to be had.
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
    """Write a text behind one that stands in the file once."""
    old = path.read_text()
    if old.count(anchor) != 1:
        raise SourceMismatch(f"{path}: expected one {anchor.strip()!r}, there are {old.count(anchor)}")
    path.write_text(old.replace(anchor, anchor + text))
