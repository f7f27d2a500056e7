"""The Kamaji module for the build of Kamaji's newer Cluster API provider: the pinned one, with added types and fields.

Version 0.20.0 of the provider requires a Kamaji that the module proxy does not have, and uses three packages of it. They are
copied from the pinned Kamaji. ``pins/second-generation/kamaji`` declares the missing types, and structs with the missing
fields, which are embedded in the existing types.
"""

from __future__ import annotations

from pathlib import Path

from .files import write
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
        for path in (source / package).glob("*.go"):
            if not path.name.endswith("_test.go"):
                write(work / "kamaji" / package / path.name, complete(path).encode())


def complete(path: Path) -> str:
    """The text of one of Kamaji's files, with the missing fields where it declares the types that lack them.

    Raises:
        SourceMismatch: a type to complete does not exist.
    """
    text = path.read_text()
    if path.name == "tenantcontrolplane_types.go":
        for name, fields in EMBEDS.items():
            text = insert(path, text, f"type {name} struct {{\n", f'\t{fields} `json:",inline"`\n')
    elif path.name == "zz_generated.deepcopy.go" and path.parent.name == "v1alpha1":
        for name in sorted(DEEP_COPIES):
            head = f"func (in *{name}) DeepCopyInto(out *{name}) {{\n\t*out = *in\n"
            text = insert(path, text, head, f"\tin.{EMBEDS[name]}.DeepCopyInto(&out.{EMBEDS[name]})\n")
    return text


def insert(path: Path, content: str, anchor: str, text: str) -> str:
    """A file's content with a text after an anchor that must occur once in it."""
    if content.count(anchor) != 1:
        raise SourceMismatch(f"{path}: expected one {anchor.strip()!r}, there are {content.count(anchor)}")
    return content.replace(anchor, anchor + text)
