"""A cluster that lives: what Kamaji, an autoscaler and its people do to it between two runs, and the run after that.

No machine is touched by any of it.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.lab import Lab, eventually, nodes
from tests.support.project import Project, dev_sections
from tests.support.stack_outputs import stack_outputs

STACK, CLUSTER, PLANE = "day-two", "day-two", "day-two-plane"
TENANTS = "kamaji.clastix.io/v1alpha1/tenantcontrolplanes"
DEPLOYMENTS = "cluster.x-k8s.io/v1beta1/machinedeployments"
MACHINES = "cluster.x-k8s.io/v1beta1/machines"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Living:
    """The stack, once it is up."""

    lab: Lab
    project: Project

    def configure(self, **control_plane: Any) -> None:
        sections = dev_sections(self.lab.kubeconfig)
        sections["cluster"] = {**sections["cluster"], "name": CLUSTER}
        sections["controlPlane"] = {**sections["controlPlane"], "name": PLANE, **control_plane}
        sections["workerPools"] = [{"name": "fixed", "replicas": 1}, {"name": "scaled", "min": 1, "max": 3}]
        self.project.configure(STACK, **sections)

    def up(self) -> str:
        """`up`, until all is True."""
        return self.project.script_here("up", "--stack", STACK, "--timeout", "300").ok()

    def rerun(self) -> str:
        """Plain `pulumi up`."""
        return self.project.up(STACK).ok()

    def status(self) -> str:
        return self.project.script_here("status", "--stack", STACK).ok()

    def kubeconfig(self) -> str:
        output: str = stack_outputs(self.project, STACK)["kubeconfig"]
        return output

    def objects(self, path: str) -> list[dict[str, Any]]:
        return [item for item in self.lab.items(path) if item["metadata"]["name"].startswith(CLUSTER)]

    def machines(self) -> dict[str, str]:
        """UIDs of the machines by name."""
        return {item["metadata"]["name"]: item["metadata"]["uid"] for item in self.objects(MACHINES)}

    def tenant(self) -> dict[str, Any]:
        (tenant,) = self.objects(TENANTS)
        return tenant

    def secret(self, name: str) -> dict[str, Any]:
        with self.lab.management() as client:
            answer = client.get(f"{SECRETS}/{name}")
            secret: dict[str, Any] = answer.json() if answer.is_success else {}
            return secret

    def delete_secret(self, name: str) -> None:
        with self.lab.management() as client:
            client.delete(f"{SECRETS}/{name}").raise_for_status()

    def value(self) -> str:
        """What Cluster API reads as the tenant's kubeconfig."""
        encoded = self.secret(f"{CLUSTER}-kubeconfig").get("data", {}).get("value", "")
        return base64.b64decode(encoded).decode()


@pytest.fixture(scope="module")
def living(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    assert lab.command("set", "--gate").returncode == 0, "the hand-off is this program's own"
    instance = Living(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()))
    instance.configure(replicas=2)
    try:
        instance.up()
        yield instance
    finally:
        instance.project.script_here("destroy", "--yes", "--stack", STACK).ok()
        rest = [line for line in lab.leftovers() if CLUSTER in line]
        assert not rest, "nothing of it stays behind"


@pytest.fixture(autouse=True)
def unharmed(living: Living) -> Iterator[None]:
    """Each machine of before is there after, the same one, and its node is Ready."""
    before = living.machines()
    yield
    after = living.machines()
    assert before.items() <= after.items(), f"a machine was replaced: {before} became {after}"
    ready = eventually(
        lambda: nodes(living.kubeconfig()), lambda value: len(value) == len(after) and all(value.values()), 90, "nodes"
    )
    assert ready, "nodes are Ready"


def test_a_kubeconfig_that_kamaji_rotates_is_the_stacks_after_the_next_up(living: Living) -> None:
    before = living.value()
    assert living.kubeconfig() == before, "the output is what Cluster API reads"
    # The way of Kamaji's docs/content/guides/certs-lifecycle.md.
    living.delete_secret(f"{PLANE}-admin-kubeconfig")
    rotation = eventually(
        living.value, lambda value: value not in ("", before), 60, "Kamaji's provider rotates its copy"
    )
    assert "ControlPlaneEndpoint" not in living.rerun(), "the hand-off has nothing to do"
    assert living.kubeconfig() == rotation, "the output follows"
    secret = living.secret(f"{CLUSTER}-kubeconfig")
    owners = {
        entry["manager"]
        for entry in secret["metadata"]["managedFields"]
        if "f:value" in entry["fieldsV1"].get("f:data", {})
    }
    assert "kamaji-equinix" not in owners, f"who made it first has no part in it any more: {owners}"


def test_a_serving_certificate_that_kamaji_rotates_changes_nothing_for_the_stack(living: Living) -> None:
    name = f"{PLANE}-api-server-certificate"
    before = living.secret(name)["data"]
    living.delete_secret(name)
    eventually(
        lambda: living.secret(name).get("data"), lambda value: value and value != before, 60, "a new certificate"
    )
    eventually(lambda: serves(living), bool, 120, "the API server with it")
    output = living.rerun()
    assert "updated" not in output, f"nothing changed that the stack declares:\n{output}"
    assert nodes(living.kubeconfig()), "the kubeconfig that was handed out still works"


def test_a_secret_of_cluster_apis_that_is_deleted_comes_back(living: Living) -> None:
    living.delete_secret(f"{CLUSTER}-kubeconfig")
    eventually(living.value, bool, 60, "Kamaji's provider writes it again")
    output = living.rerun()
    assert "updated" not in output, f"and nothing is to be done:\n{output}"


@pytest.mark.parametrize("replicas", [3, 1])
def test_the_control_planes_replicas_follow_the_settings(living: Living, replicas: int) -> None:
    living.configure(replicas=replicas)
    living.up()
    tenant = living.tenant()
    assert tenant["spec"]["controlPlane"]["deployment"]["replicas"] == replicas, "Kamaji is told"
    eventually(
        lambda: living.tenant()["status"]["kubernetesResources"]["deployment"].get("readyReplicas"),
        lambda value: value == replicas,
        60,
        "pods of the control plane",
    )
    assert "updated" not in living.rerun(), "then there is nothing to do"


def test_a_pool_that_an_autoscaler_sizes_keeps_its_size_and_is_healthy(living: Living) -> None:
    path = (
        f"/apis/{DEPLOYMENTS.replace('machinedeployments', 'namespaces/default/machinedeployments')}/{CLUSTER}-scaled"
    )

    def scale(replicas: int) -> None:
        with living.lab.management() as client:
            body = {"spec": {"replicas": replicas}}
            manager = {"fieldManager": "cluster-autoscaler"}
            client.patch(f"{path}/scale", json=body, headers=MERGE, params=manager).raise_for_status()

    scale(2)
    eventually(living.machines, lambda value: len(value) == 3, 60, "the machine that the autoscaler asked for")
    output = living.up()
    assert "updated" not in output, f"a size is the autoscaler's alone:\n{output}"
    assert "False" not in living.status(), "and the tree has nothing to say against it"
    (deployment,) = (item for item in living.objects(DEPLOYMENTS) if item["metadata"]["name"].endswith("-scaled"))
    assert deployment["spec"]["replicas"] == 2, "it stays"


def serves(living: Living) -> bool:
    """Whether the tenant's API server answers to the stack's kubeconfig."""
    with contextlib.suppress(Exception):
        return bool(nodes(living.kubeconfig()))
    return False
