"""An API server of the second generation: Cluster API 1.13 with contract v1beta2, and Metal3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab import crds
from lab.generations import SECOND
from lab.plane import ManagementPlane


def second_plane(folder: Path) -> Iterator[ManagementPlane]:
    """An API server with all CRDs of the second generation, and no controllers; it ends with the iteration."""
    plane = ManagementPlane(folder, install_crds=False)
    try:
        plane.start()
        with plane.client() as client:
            crds.install(client, SECOND)
        yield plane
    finally:
        plane.stop()
