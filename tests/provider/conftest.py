"""Fixtures of the provider tier."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from lab.plane import ManagementPlane
from tests.support.dry_run import newer_plane
from tests.support.kamaji_objects import Tenant
from tests.support.tls_endpoint import TlsEndpoint


@pytest.fixture
def tenant(management: ManagementPlane) -> Iterator[Tenant]:
    """A tenant cluster of a namespace of its own, with nothing in it yet."""
    instance = Tenant(management)
    yield instance
    instance.close()


@pytest.fixture
def control_plane(tenant: Tenant) -> Iterator[TlsEndpoint]:
    """A control plane that answers, whose tenant is complete but for the endpoint; its controllers play."""
    instance = TlsEndpoint(tenant.authority)
    tenant.create().play()
    tenant.tenant()
    yield instance
    instance.close()


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """A management cluster's API with the CRDs of the v1beta2 generation."""
    with newer_plane(tmp_path_factory.mktemp("newer")) as plane:
        yield plane


@pytest.fixture
def http(management: ManagementPlane) -> Iterator[httpx.Client]:
    """An administrator's client of the management cluster."""
    with management.client() as client:
        yield client


@pytest.fixture
def namespace(http: httpx.Client) -> str:
    """A namespace of the test's own."""
    name = f"test-{uuid4().hex[:8]}"
    http.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    return name
