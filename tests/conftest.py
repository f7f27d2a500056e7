"""Fixtures of all tiers. Nothing is skipped: a missing program fails the test that needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lab.plane import ManagementPlane  # noqa: E402 - the checkout's packages are not installed


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, where several workers share the tests: those of one module, and all of the lab, which is but one."""
    for item in items:
        tier = item.path.relative_to(ROOT / "tests").parts[0]
        item.add_marker(pytest.mark.xdist_group("lab" if tier == "lab" else str(item.path.relative_to(ROOT))))


@pytest.fixture(scope="session")
def management(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """A management cluster's API with all CRDs, and no controllers: tests play those themselves."""
    plane = ManagementPlane(tmp_path_factory.mktemp("management"))
    plane.start()
    yield plane
    plane.stop()
