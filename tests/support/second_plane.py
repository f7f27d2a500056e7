"""An API server of the second generation: Cluster API 1.13 with contract v1beta2, and Metal3."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import httpx

from lab import crds
from lab.generations import SECOND
from lab.plane import ManagementPlane

from .prepared_plane import prepared_plane


def install(client: httpx.Client) -> None:
    """Install all CRDs of the second generation."""
    crds.install(client, SECOND)


def second_plane(folder: Path) -> AbstractContextManager[ManagementPlane]:
    """An API server with all CRDs of the second generation, and no controllers."""
    return prepared_plane(folder, install)
