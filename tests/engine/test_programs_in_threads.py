"""Programs of several stacks in threads of one process, as the Automation API runs them from other code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.automation import ClusterStack, on_all

import toolchain
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet
from tests.support.tenant import Tenant


@pytest.fixture(scope="module")
def fleet(management: ManagementPlane, tenant: Tenant) -> Iterator[Fleet]:
    make_data_store(management)
    with Fleet(management, kubeconfig=(tenant.folder / "kubeconfig").read_text()) as instance:
        yield instance


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in toolchain.pulumi_environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "backend").mkdir()
    return f"file://{tmp_path}/backend"


def stack(fleet: Fleet, backend: str, name: str, *, addons: bool) -> ClusterStack:
    """A stack whose add-ons, if it has any, are objects of its own in the tenant that all share."""
    sections: dict[str, Any] = {
        "cluster": {"name": name, "namespace": fleet.namespace},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "handoff": {"timeoutSeconds": 60},
        "network": {"plugin": "none"},
        "management": {"kubeconfigPath": str(fleet.management.kubeconfig)},
    }
    if addons:
        objects = [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-{count}", "namespace": "default"}}
            for count in range(3)
        ]
        sections["addons"] = [{"name": "objects", "objects": objects}]
    return ClusterStack(name, sections, backend_url=backend, passphrase="x")


def test_stacks_with_and_without_add_ons_come_up_beside_each_other_again_and_again(
    fleet: Fleet, tenant: Tenant, backend: str
) -> None:
    stacks = [stack(fleet, backend, f"thread{number}", addons=number != 1) for number in range(4)]
    for turn in range(3):
        summary = on_all(stacks, lambda one: one.up(), at_once=4)
        assert not summary.failed, f"turn {turn}: {summary}"
    names = {
        item["metadata"]["name"]
        for item in tenant.client.get("/api/v1/namespaces/default/configmaps").raise_for_status().json()["items"]
    }
    assert {f"thread{number}-{count}" for number in (0, 2, 3) for count in range(3)} <= names, "with their add-ons"
    summary = on_all(stacks, lambda one: one.destroy(remove=True), at_once=4)
    assert not summary.failed, f"{summary}"
