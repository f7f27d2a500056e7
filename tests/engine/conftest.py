"""The real engine with a backend of its own for each module, and what it talks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import toolchain
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fault_proxy import FaultProxy, faults
from tests.support.fleet import Fleet
from tests.support.prepared_plane import prepared_plane
from tests.support.project import Project
from tests.support.s3 import Bucket
from tests.support.tenant import Tenant


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


@pytest.fixture(scope="module")
def collecting_management(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """A management cluster with the garbage collector, which clears what belongs to an object that is gone."""
    with prepared_plane(tmp_path_factory.mktemp("management"), controller_manager=True) as plane:
        yield plane


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """The API server of a tenant cluster, for add-ons."""
    instance = Tenant(tmp_path_factory.mktemp("tenant"))
    yield instance
    instance.stop()


@pytest.fixture
def fleet(management: ManagementPlane) -> Iterator[Fleet]:
    """The controllers of the management cluster, played for a namespace of the test's own."""
    make_data_store(management)
    with Fleet(management) as instance:
        yield instance


@pytest.fixture
def proxy(management: ManagementPlane, tmp_path: Path) -> Iterator[FaultProxy]:
    """A way to the management cluster on which requests can be made to fail."""
    with faults(management, tmp_path) as way:
        yield way


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """An S3 bucket."""
    with Bucket(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def project_behind_proxy(fleet: Fleet, proxy: FaultProxy, tmp_path: Path) -> Callable[[str], Project]:
    """Makes a project with one stack, a cluster of its name, which reaches the management cluster by the proxy."""

    def make(stack: str) -> Project:
        (tmp_path / "backend").mkdir()
        backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/backend", "PULUMI_CONFIG_PASSPHRASE": "test"}
        instance = Project.make(tmp_path / "project", {**toolchain.pulumi_environment(), **backend})
        instance.configure(
            stack,
            cluster={"name": stack, "namespace": fleet.namespace},
            metal={"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
            handoff={"timeoutSeconds": 60},
            management={"kubeconfigPath": str(proxy.kubeconfig)},
        )
        return instance

    return make
