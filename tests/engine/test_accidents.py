"""A cluster that the settings no longer name is living and billed: its deletion is refused before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kamaji_equinix.components.checks.departures import ALLOW_REPLACEMENT

from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import CLUSTERS, Fleet
from tests.support.project import CommandResult, Project

STACK = "accidents"


@dataclass
class Two:
    """A stack of two clusters that has come up."""

    project: Project
    fleet: Fleet
    shared: dict[str, Any]

    def configure(self, *clusters: dict[str, Any]) -> None:
        entries = [{"cluster": {**cluster, "createNamespace": False}} for cluster in clusters]
        self.project.configure(STACK, **self.shared, clusters=entries)

    def living(self) -> dict[str, str]:
        """UIDs of all Clusters, by name, wherever they are."""
        path = CLUSTERS.format("").replace("/namespaces//", "/")
        items = self.fleet.http.get(path).raise_for_status().json()["items"]
        return {
            item["metadata"]["name"]: item["metadata"]["uid"] for item in items if item["metadata"]["name"] in NAMES
        }

    def check_refusal(self, *words: str) -> None:
        """Neither preview nor up goes through, each says why, and nothing changes."""
        before, state = self.living(), self.resources()
        for result in (self.project.pulumi("preview", "--stack", STACK), self.project.up(STACK)):
            assert_refused(result, *words)
        assert self.living() == before, "nothing was touched"
        assert self.resources() == state, "nothing was forgotten"

    def strangers_pool(self, cluster: str, name: str) -> None:
        """A pool of four machines that somebody else has given a cluster."""
        path = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/{self.fleet.namespace}/machinedeployments"
        deployment = self.fleet.http.get(f"{path}/{cluster}-a").raise_for_status().json()
        owners, labels = deployment["metadata"]["ownerReferences"], {"cluster.x-k8s.io/cluster-name": cluster}
        metadata = {"name": name, "labels": labels, "ownerReferences": owners}
        extra = {"metadata": metadata, "spec": {**deployment["spec"], "replicas": 4}}
        self.fleet.http.post(path, json={**deployment, **extra}).raise_for_status()

    def resources(self) -> set[str]:
        output = self.project.pulumi("stack", "export", "--stack", STACK).ok()
        return {item["urn"] for item in json.loads(output)["deployment"]["resources"]}


NAMES = ("one", "two", "renamed")


def assert_refused(result: CommandResult, *words: str) -> None:
    assert result.code != 0, f"it must fail:\n{result.output}"
    assert "Traceback" not in result.output, f"a user's change must not look like a bug:\n{result.output}"
    flat = " ".join(result.output.split())
    for word in words:
        assert word in flat, f"the report misses {word!r}:\n{result.output}"


@pytest.fixture(scope="module")
def two(project: Project, management: ManagementPlane) -> Iterator[Two]:
    make_data_store(management, "accidents")
    with Fleet(management) as fleet:
        shared = {
            "cluster": {"namespace": fleet.namespace},
            "controlPlane": {"dataStore": "accidents"},
            "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
            "workerPools": [{"name": "a", "replicas": 1}],
            "management": {"kubeconfigPath": str(management.kubeconfig)},
            "handoff": {"timeoutSeconds": 60},
        }
        instance = Two(project, fleet, shared)
        project.pulumi("stack", "init", STACK).ok()
        instance.configure({"name": "one"}, {"name": "two"})
        project.up(STACK).ok()
        yield instance


def test_the_check_hinders_no_other_change(two: Two) -> None:
    two.configure({"name": "one"}, {"name": "two", "labels": {"team": "a"}})
    assert "updated" in two.project.up(STACK).ok(), "the labels are taken"


def test_a_cluster_that_leaves_the_list_is_refused(two: Two) -> None:
    two.configure({"name": "one"})
    two.check_refusal(
        "lacks the living cluster two", "deleted with all its machines", "put it back with `cluster.allowReplacement"
    )


def test_a_renamed_cluster_is_refused(two: Two) -> None:
    two.configure({"name": "one"}, {"name": "renamed"})
    two.check_refusal("clusters[1].cluster.name", "two would be deleted with all its machines, and renamed created")


def test_a_cluster_in_another_namespace_is_refused(two: Two) -> None:
    two.configure({"name": "one"}, {"name": "two", "namespace": "default"})
    two.check_refusal("clusters[1].cluster.namespace", f"is {two.fleet.namespace} in the living cluster")


def test_a_cluster_that_somebody_has_deleted_is_not_missed(two: Two) -> None:
    two.configure({"name": "one"}, {"name": "two"}, {"name": "renamed"})
    two.project.up(STACK).ok()
    two.fleet.http.delete(f"{CLUSTERS.format(two.fleet.namespace)}/renamed").raise_for_status()
    two.configure({"name": "one"}, {"name": "two"})
    two.project.up(STACK).ok()
    assert set(two.living()) == {"one", "two"}, "there was nothing left to lose"


def test_what_was_allowed_and_applied_before_goes_through(two: Two) -> None:
    uid = two.living()["one"]
    two.configure({"name": "one"}, {"name": "two", "allowReplacement": True})
    two.project.up(STACK).ok()
    annotations = two.fleet.read(CLUSTERS, "two")["metadata"]["annotations"]
    assert annotations[ALLOW_REPLACEMENT] == "true", "everybody can see it"
    two.strangers_pool("two", "theirs")
    two.configure({"name": "one"})
    output = " ".join(two.project.pulumi("preview", "--stack", STACK).ok().split())
    for pool, count in (("a", 1), ("theirs", 4)):
        line = f"machines of {two.fleet.namespace}/two, pool {pool}: {count} will be deleted; its Cluster is deleted"
        assert line in output, f"each pool of it is told, whoever made it: {output}"
    assert f"machines of {two.fleet.namespace}/one" not in output, "and none of the other's"
    two.project.up(STACK).ok()
    assert two.living() == {"one": uid}, "the other cluster is that of before"


def test_destroy_needs_no_permission(two: Two) -> None:
    two.configure({"name": "renamed"})
    two.check_refusal("one would be deleted with all its machines, and renamed created")
    two.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK).ok()
    assert two.living() == {}, "it says by itself what it does"
