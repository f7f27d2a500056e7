"""The real engine with a backend of its own for each module."""

from __future__ import annotations

import pytest

import toolchain
from tests.support.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose stacks live in a folder of the test."""
    folder = tmp_path_factory.mktemp("project")
    backend = tmp_path_factory.mktemp("backend")
    return Project.make(
        folder,
        {
            **toolchain.pulumi_environment(),
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
        },
    )
