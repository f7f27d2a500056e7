"""Fixtures of all tiers. Nothing is skipped: a missing program fails the test that needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lab.plane import ManagementPlane  # noqa: E402 - the checkout's packages are not installed


@pytest.fixture(scope="session")
def management(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """A management cluster's API with all CRDs, and no controllers: tests play those themselves."""
    plane = ManagementPlane(tmp_path_factory.mktemp("management"))
    plane.start()
    yield plane
    plane.stop()
