"""Two clusters with three pools in one stack: a pool rolls, comes, goes, is sized by others, and touches no other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.support.lab import Lab, eventually, nodes
from tests.support.project import Project, dev_sections
from tests.support.stack_outputs import stack_outputs

STACK, NAMESPACE = "fleet", "fleet-of-pools"
DEPLOYMENTS = "cluster.x-k8s.io/v1beta1/machinedeployments"
MACHINES = "cluster.x-k8s.io/v1beta1/machines"
TEMPLATES = (
    "infrastructure.cluster.x-k8s.io/v1beta1/packetmachinetemplates",
    "bootstrap.cluster.x-k8s.io/v1beta1/kubeadmconfigtemplates",
)
AUTOSCALER = "cluster.x-k8s.io/cluster-api-autoscaler-node-group"
MERGE = {"Content-Type": "application/merge-patch+json"}

WEB = {
    "name": "web",
    "replicas": 2,
    "machineType": "c3.small.x86",
    "strategy": {"maxSurge": 1, "maxUnavailable": 0},
}
LARGE = {**WEB, "machineType": "m3.large.x86"}
ELASTIC = {"name": "scaled", "min": 1, "max": 3}
SOLO = {"name": "solo", "replicas": 1}
EXTRA = {"name": "extra", "replicas": 1}


@dataclass
class Pools:
    """The stack, as it is changed from test to test."""

    lab: Lab
    project: Project

    def up(self, *, east: list[dict[str, Any]], west: list[dict[str, Any]], **cluster: Any) -> str:
        """`up`, until all machines are there."""
        shared = dev_sections(self.lab.kubeconfig)
        shared["cluster"] = {"namespace": NAMESPACE, "createNamespace": True, **cluster}
        del shared["controlPlane"]["name"], shared["workerPools"]
        clusters = [
            {"cluster": {"name": "east"}, "workerPools": east},
            {"cluster": {"name": "west"}, "workerPools": west},
        ]
        self.project.configure(STACK, **shared, clusters=clusters)
        return self.project.script_here("up", "--stack", STACK, "--timeout", "300").ok()

    def items(self, path: str) -> list[dict[str, Any]]:
        return [item for item in self.lab.items(path) if item["metadata"]["namespace"] == NAMESPACE]

    def machines(self, *without: str) -> dict[str, str]:
        """UIDs of the machines by name, but for those of some pools."""
        return {
            item["metadata"]["name"]: item["metadata"]["uid"]
            for item in self.items(MACHINES)
            if item["metadata"]["labels"]["pool"] not in without
        }

    def pool(self, name: str) -> list[str]:
        """Names of a pool's machines."""
        return [item["metadata"]["name"] for item in self.items(MACHINES) if item["metadata"]["labels"]["pool"] == name]

    def deployment(self, name: str) -> dict[str, Any]:
        (deployment,) = (item for item in self.items(DEPLOYMENTS) if item["metadata"]["name"] == name)
        return deployment

    def templates(self, pool: str) -> set[str]:
        return {
            item["metadata"]["name"]
            for path in TEMPLATES
            for item in self.items(path)
            if item["metadata"]["labels"]["pool"] == pool
        }

    def devices(self) -> list[dict[str, Any]]:
        return [*self.lab.devices("east-"), *self.lab.devices("west-")]


@dataclass
class Watch:
    """What is seen of a MachineDeployment while something happens to it."""

    pools: Pools
    name: str
    available: list[int] = field(default_factory=list)
    present: list[int] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.1):
                status = self.pools.deployment(self.name).get("status", {})
                self.available.append(status.get("availableReplicas", 0))
                self.present.append(status.get("replicas", 0))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(10)


@pytest.fixture(scope="module")
def pools(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Pools:
    assert lab.command("set", "--gate").returncode == 0, "the hand-off is this program's own"
    instance = Pools(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()))
    instance.up(east=[WEB, ELASTIC], west=[SOLO])
    return instance


def test_two_clusters_with_three_pools_come_up(pools: Pools) -> None:
    outputs = stack_outputs(pools.project, STACK)["clusters"]
    assert {name: len(nodes(outputs[name]["kubeconfig"])) for name in outputs} == {"east": 3, "west": 1}, (
        "each cluster has the nodes of its own pools"
    )
    assert {name: set(outputs[name]["workerPools"]) for name in outputs} == {
        "east": {"web", "scaled"},
        "west": {"solo"},
    }, "the outputs name the pools"
    assert {len(pools.pool(name)) for name in ("scaled", "solo")} == {1}, "the autoscaled pool begins at its minimum"
    assert len(pools.devices()) == 4, "one device for each machine"


def test_a_changed_machine_type_rolls_the_pool_within_its_bound(pools: Pools) -> None:
    before, others, old = set(pools.pool("web")), pools.machines("web", "solo"), pools.templates("web")
    solo, now = pools.pool("solo"), datetime.now(timezone.utc).isoformat(timespec="seconds")
    watch = Watch(pools, "east-web")
    with watch.running():
        output = pools.up(east=[LARGE, ELASTIC], west=[{**SOLO, "rolloutAfter": now}])
    line = f"machines of {NAMESPACE}/east, pool web: 2 will roll; machineType c3.small.x86 to m3.large.x86"
    assert output.count(f"warning: {line}") == 1, f"it is told before it happens, once:\n{output}"
    after = set(pools.pool("web"))
    assert len(after) == 2, "as many as before"
    assert not before & after, "each machine of the pool is a new one"
    assert len(watch.available) > 20, "it was looked at all the while"
    assert max(watch.present) == 3, "one machine above the number, as maxSurge allows: the roll was seen"
    assert min(watch.available) >= 2, f"maxUnavailable is 0: never below 2, but {min(watch.available)}"
    assert pools.machines("web", "solo") == others, "no other pool's machine was touched"
    assert f"machines of {NAMESPACE}/west, pool solo: 1 will roll; rolloutAfter" in output, (
        f"so is a roll on demand:\n{output}"
    )
    eventually(
        lambda: pools.pool("solo"),
        lambda value: len(value) == 1 and value != solo,
        90,
        "a machine of the same content in the place of the older one",
    )
    plans = sorted(device["plan"] for device in pools.devices())
    assert plans == ["c3.medium.x86", "c3.medium.x86", "m3.large.x86", "m3.large.x86"], "the old devices are given back"
    current = pools.templates("web")
    assert len(old) == 2, "one for the machines, one for their bootstrap"
    assert old < current, "the one before stays with the MachineSet that Cluster API keeps for a way back"
    assert len(current) == 3, "and the bootstrap template was not changed"


def test_an_added_pool_touches_no_other(pools: Pools) -> None:
    before = pools.machines()
    pools.up(east=[LARGE, ELASTIC], west=[EXTRA, SOLO])
    assert len(pools.pool("extra")) == 1, "the new pool has its machine"
    assert pools.machines("extra") == before, "no other machine was touched"


def test_a_removed_pool_touches_no_other_nor_what_an_autoscaler_has_set(pools: Pools) -> None:
    path = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/{NAMESPACE}/machinedeployments/east-scaled"
    manager = {"fieldManager": "cluster-autoscaler"}
    annotations = {"cluster-autoscaler.kubernetes.io/scale-down-disabled": "true"}
    with pools.lab.management() as client:
        scaled = {"spec": {"replicas": 2}}
        client.patch(f"{path}/scale", json=scaled, headers=MERGE, params=manager).raise_for_status()
        patch = {"metadata": {"annotations": annotations}}
        client.patch(path, json=patch, headers=MERGE, params=manager).raise_for_status()
    eventually(lambda: pools.pool("scaled"), lambda value: len(value) == 2, 60, "the second machine of the pool")
    before = pools.machines("extra")
    # A label of all objects, so that each MachineDeployment is written.
    output = pools.up(east=[LARGE, ELASTIC], west=[SOLO], labels={"team": "a"})
    assert f"machines of {NAMESPACE}/west, pool extra: 1 will be deleted" in output, f"it is told before:\n{output}"
    assert pools.machines() == before, "the pool's machine went, and only that"
    assert pools.templates("extra") == set(), "with its templates"
    assert len(pools.devices()) == 5, "and its device"
    deployment = pools.deployment("east-scaled")
    assert deployment["metadata"]["labels"]["team"] == "a", "or nothing was written at all"
    assert deployment["spec"]["replicas"] == 2, "the autoscaler's number stays"
    bounds = {f"{AUTOSCALER}-min-size": "1", f"{AUTOSCALER}-max-size": "3"}
    current = {key: deployment["metadata"]["annotations"].get(key) for key in {**annotations, **bounds}}
    assert current == {**annotations, **bounds}, "its annotation stays, and so do the bounds"
    assert "updated" not in pools.project.up(STACK).ok(), "and the next run has nothing to do"


def test_destroy_leaves_neither_device_nor_object(pools: Pools) -> None:
    pools.project.script_here("destroy", "--yes", "--stack", STACK).ok()
    eventually(pools.devices, lambda devices: not devices, 30, "all devices given back")
    eventually(
        lambda: [line for line in pools.lab.leftovers() if NAMESPACE in line],
        lambda rest: not rest,
        30,
        "no object of Cluster API or Kamaji stays behind",
    )
    with pools.lab.management() as client:
        path = f"/api/v1/namespaces/{NAMESPACE}"
        assert client.get(path).is_success, "the namespace may hold what others put there, so it stays"
        client.delete(path).raise_for_status()
