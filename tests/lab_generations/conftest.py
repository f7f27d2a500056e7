"""One lab for the tests of later generations. Kamaji's webhook port is fixed, so it begins once the usual lab has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.lab import Lab


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of the first generation. ``lab.command("up", "--contract", "v1beta2")`` makes it one of the second, for good."""
    state: Path = tmp_path_factory.mktemp("generations") / "state"
    instance = Lab(state)
    start = instance.command("up", "--load-balancer-delay", "3", "--network", "provided")
    assert start.returncode == 0, f"the lab does not start:\n{start.stdout}"
    yield instance
    stop = instance.command("down")
    assert stop.returncode == 0, f"the lab does not stop:\n{stop.stdout}"


@pytest.fixture(scope="module")
def management(lab: Lab) -> Iterator[httpx.Client]:
    """The lab's management cluster, of the second generation."""
    process = lab.command("up", "--contract", "v1beta2")
    assert process.returncode == 0, f"the lab is not of the second generation:\n{process.stdout}"
    with lab.management() as client:
        yield client
