"""A cluster of Packet machines whose management cluster goes from Cluster API 1.10 to 1.13, and one that begins there.

One lab goes the whole way. What a test leaves is what the next one finds.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.support.clusterctl import newer_differences, older_differences
from tests.support.lab import Lab, eventually, nodes
from tests.support.project import Project, dev_sections
from tests.support.stack_outputs import stack_outputs
from toolchain.pins import NEWER_CLUSTER_API

OLD, NEW = "grown", "fresh"
CRDS = "apiextensions.k8s.io/v1/customresourcedefinitions"

EXCEPTIONS = {"clusterclasses.cluster.x-k8s.io", "extensionconfigs.runtime.cluster.x-k8s.io"}
"""Kinds of features that are off by default: their controllers, and with them the migration of what is stored, do not run."""


@dataclass
class Way:
    """The lab on its way, and its stacks.

    Attributes:
        machines: UIDs of the older cluster's machines, as they were first.
        devices: ids of its devices, as they were first.
    """

    lab: Lab
    project: Project
    machines: dict[str, str] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)

    def configure(self, stack: str, contract: str, replicas: int = 1) -> None:
        sections = dev_sections(self.lab.kubeconfig)
        sections["cluster"] = {**sections["cluster"], "name": stack}
        sections["controlPlane"] = {**sections["controlPlane"], "name": f"{stack}-plane", "replicas": 1}
        sections["workerPools"] = [{"name": "pool", "replicas": replicas}]
        self.project.configure(stack, **sections, capi={"contract": contract})

    def up(self, stack: str) -> str:
        """`up`, until all is True."""
        return self.project.script("up", "--stack", stack, "--timeout", "400").ok()

    def rerun(self, stack: str) -> str:
        """Plain `pulumi up`."""
        return self.project.up(stack).ok()

    def machine_uids(self, stack: str) -> dict[str, str]:
        version = "v1beta2" if self.lab.state_file()["clusterApi"] == NEWER_CLUSTER_API else "v1beta1"
        items = self.lab.items(f"cluster.x-k8s.io/{version}/machines")
        return {
            item["metadata"]["name"]: item["metadata"]["uid"] for item in items if stack in item["metadata"]["name"]
        }

    def device_ids(self, stack: str) -> set[str]:
        return {device["id"] for device in self.lab.devices(stack)}

    def unharmed(self) -> None:
        """Not one machine of the older cluster was touched, and its nodes are Ready."""
        assert self.machine_uids(OLD) == self.machines, "the machines are those of before"
        assert self.device_ids(OLD) == self.devices, "and so are the devices"
        states = eventually(
            lambda: nodes(stack_outputs(self.project, OLD)["kubeconfig"]),
            lambda value: all(value.values()),
            60,
            "nodes",
        )
        assert len(states) == len(self.machines), f"one node for each machine: {states}"

    def agrees_with_clusterctl(self, stack: str, differences: Callable[..., list[str]]) -> None:
        """The tree is that of clusterctl 1.13."""

        def compare() -> list[str]:
            return differences(lambda: self.project.script("status", "--stack", stack).ok(), self.lab.kubeconfig, stack)

        eventually(compare, lambda trees: not trees, 60, "the tree is clusterctl's")


@pytest.fixture(scope="module")
def way(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Way:
    instance = Way(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()))
    instance.configure(OLD, "v1beta1")
    instance.up(OLD)
    instance.machines, instance.devices = instance.machine_uids(OLD), instance.device_ids(OLD)
    assert len(instance.machines) == len(instance.devices) == 1, "or nothing could be harmed"
    return instance


def upgrade(way: Way, *words: str) -> None:
    process = way.lab.command("set", *words)
    assert process.returncode == 0, f"the management cluster is not upgraded:\n{process.stdout}"


def test_cluster_api_is_upgraded_under_a_living_cluster(way: Way) -> None:
    upgrade(way, "--cluster-api", NEWER_CLUSTER_API)
    assert way.lab.state_file()["clusterApi"] == NEWER_CLUSTER_API, "it says what it is"
    output = way.rerun(OLD)
    assert "updated" not in output, f"the older contract goes on, without a change:\n{output}"
    way.unharmed()


def test_the_older_contract_has_no_perpetual_change_on_the_newer_cluster_api(way: Way) -> None:
    way.project.pulumi("refresh", "--yes", "--skip-preview", "--stack", OLD).ok()
    for turn in ("first", "second"):
        output = way.rerun(OLD)
        assert "updated" not in output, (
            f"the {turn} up after a refresh finds what the API server converts to:\n{output}"
        )
    way.unharmed()


def test_with_the_older_contract_the_tree_is_that_of_the_newer_clusterctl(way: Way) -> None:
    way.agrees_with_clusterctl(OLD, older_differences)


def test_the_newer_contract_is_taken_without_touching_a_machine(way: Way) -> None:
    upgrade(way, "--contract", "v1beta2")
    way.unharmed()
    way.configure(OLD, "v1beta2")
    way.up(OLD)
    way.unharmed()
    output = way.rerun(OLD)
    assert "updated" not in output, f"then there is nothing to do:\n{output}"


def test_all_objects_are_stored_in_the_newest_version(way: Way) -> None:
    def older() -> dict[str, list[str]]:
        versions = {}
        for crd in way.lab.items(CRDS):
            (newest,) = (version["name"] for version in crd["spec"]["versions"] if version["storage"])
            if crd["status"]["storedVersions"] != [newest] and crd["metadata"]["name"] not in EXCEPTIONS:
                versions[crd["metadata"]["name"]] = crd["status"]["storedVersions"]
        return versions

    # Cluster API stores its own anew by itself, one kind after the other.
    eventually(older, lambda versions: not versions, 120, "no CRD has objects of an older version")


def test_a_cluster_comes_up_on_the_newer_generation(way: Way) -> None:
    start = time.time()
    way.configure(NEW, "v1beta2")
    way.up(NEW)
    assert stack_outputs(way.project, NEW)["endpointSetBy"] == "pulumi", "the hand-off is this program's own"
    answer_time = way.lab.state_file()["balancers"][f"default/{NEW}-plane"]
    with contextlib.closing(way.lab.metal()) as metal:
        orders = [call.time for call in metal.calls("POST") if call.time > start]
    assert len(orders) == 1, f"one order for one machine: {orders}"
    assert orders[0] > answer_time, "no machine is bought before the control plane answers"
    output = way.rerun(NEW)
    assert "updated" not in output, f"a second up changes nothing:\n{output}"


@pytest.mark.parametrize("stack", [OLD, NEW])
def test_with_the_newer_contract_the_tree_is_that_of_the_newer_clusterctl(way: Way, stack: str) -> None:
    way.agrees_with_clusterctl(stack, newer_differences)


def test_a_pool_grows_and_its_first_machine_stays(way: Way) -> None:
    before = way.machine_uids(NEW)
    way.configure(NEW, "v1beta2", replicas=2)
    way.up(NEW)
    after = way.machine_uids(NEW)
    assert len(after) == 2, f"one more: {after}"
    assert before.items() <= after.items(), f"the first is the same: {before} became {after}"
    assert all(nodes(stack_outputs(way.project, NEW)["kubeconfig"]).values()), "both are Ready"


def test_destroy_leaves_neither_device_nor_object(way: Way) -> None:
    for stack in (OLD, NEW):
        way.project.script("destroy", "--yes", "--stack", stack).ok()
        assert way.device_ids(stack) == set(), "its devices were given back"
        assert way.lab.leftovers(stack) == [], "nothing of it stays behind"


def test_a_management_cluster_does_not_go_back(way: Way) -> None:
    process = way.lab.command("up", "--contract", "v1beta1")
    assert process.returncode == 1, process.stdout
    assert "can't go back to contract v1beta1" in process.stdout, process.stdout
