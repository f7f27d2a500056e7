"""What the components ask the engine for: types, names, edges and options. Names here outlive releases."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from kamaji_equinix.components import stack
from kamaji_equinix.components.settings.load import load_stack

from tests.support.mock_engine import Recorder, record
from tests.support.project import ROOT

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE alice"

RAW: dict[str, Any] = {
    "cluster": {"name": "one"},
    "controlPlane": {"name": "one-plane"},
    "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
    "workerPools": [{"name": "a", "replicas": 3}, {"name": "b", "healthCheck": {}}],
    "management": {"kubeconfig": "apiVersion: v1"},
}


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record(lambda: stack.declare(load_stack(RAW, frozenset({"management"}))))


def urns(recorded: Recorder, type_: str) -> set[str]:
    return {found.urn for found in recorded.of(type_)}


def test_the_engine_never_deletes_a_template(recorded: Recorder) -> None:
    for kind in ("PacketMachineTemplate", "KubeadmConfigTemplate"):
        for found in recorded.of(kind):
            assert found.retained, f"only the management cluster knows whether machines are made from {found.name}"


def test_all_objects_of_a_cluster_go_with_the_cluster(recorded: Recorder) -> None:
    (cluster,) = urns(recorded, "Cluster")
    for kind in (
        "KamajiControlPlane",
        "PacketMachineTemplate",
        "KubeadmConfigTemplate",
        "MachineDeployment",
        "MachineHealthCheck",
        "ControlPlaneEndpoint",
    ):
        for found in recorded.of(kind):
            assert found.deleted_with == cluster, f"{kind} deleted before the Cluster would orphan billed devices"
            assert cluster in found.dependencies, f"{kind} must be made after the Cluster that owns it"


def test_all_objects_of_a_cluster_are_owned_by_it_from_the_first_moment(recorded: Recorder) -> None:
    for found in recorded.resources:
        if found.type.startswith("kubernetes:") and found.type.rpartition(":")[2] not in ("Cluster", "Secret"):
            (owner,) = found.inputs["metadata"]["ownerReferences"]
            told = (owner["apiVersion"], owner["kind"], owner["uid"])
            assert told == ("cluster.x-k8s.io/v1beta1", "Cluster", "uid-of-one-cluster"), (
                f"{found.name}: a destroy before Cluster API has adopted it would leave it behind"
            )


def test_the_cluster_is_deleted_in_the_background(recorded: Recorder) -> None:
    annotations = recorded.only("Cluster").inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/deletionPropagationPolicy"] == "background", (
        "foreground lets the garbage collector delete machines, control plane and infrastructure at once"
    )
    assert recorded.only("Cluster").delete_timeout == "60m", "bare metal takes longer than the engine's ten minutes"


def test_no_machine_is_asked_for_before_the_hand_off(recorded: Recorder) -> None:
    (endpoint,) = urns(recorded, "ControlPlaneEndpoint")
    deployments = recorded.of("MachineDeployment")
    assert len(deployments) == 2, "one for each pool"
    for deployment in deployments:
        assert endpoint in deployment.dependencies, (
            "a machine bought before the control plane answers is billed for nothing"
        )


def test_the_hand_off_waits_for_control_plane_and_infrastructure(recorded: Recorder) -> None:
    endpoint = recorded.only("ControlPlaneEndpoint")
    infrastructure = next(found for found in recorded.of("PacketCluster") if found.type.startswith("kubernetes:"))
    for urn in (*urns(recorded, "KamajiControlPlane"), infrastructure.urn):
        assert urn in endpoint.dependencies, "it reads both"


def test_the_infrastructure_cluster_is_marked_as_managed_from_its_first_create(recorded: Recorder) -> None:
    infrastructure = next(found for found in recorded.of("PacketCluster") if found.type.startswith("kubernetes:"))
    assert infrastructure.inputs["metadata"]["annotations"] == {"cluster.x-k8s.io/managed-by": "kamaji"}, (
        "without it capp reserves an address and adds a finalizer"
    )
    assert "controlPlaneEndpoint" not in infrastructure.inputs["spec"], "that field has another writer"


def test_the_hand_off_is_told_which_cluster_it_is_for(recorded: Recorder) -> None:
    inputs = recorded.only("ControlPlaneEndpoint").inputs
    assert inputs["clusterUid"] == "uid-of-one-cluster", "its credentials must lead to the very Cluster that was made"
    assert "kubeconfig" not in inputs, "credentials come from the configuration of each run, not from the state"


def test_objects_use_the_management_provider(recorded: Recorder) -> None:
    for found in recorded.resources:
        if found.type.startswith("kubernetes:"):
            assert "pulumi:providers:kubernetes::management" in found.provider, (
                f"{found.name} would go to another cluster"
            )


def test_a_first_preview_reads_no_secret() -> None:
    recorded = record(lambda: stack.declare(load_stack(RAW, frozenset({"management"}))), preview=True)
    assert recorded.of("ControlPlaneEndpoint"), "the hand-off is part of the preview"


def test_a_pools_secret_is_made_between_the_template_that_names_it_and_the_machines() -> None:
    pool = {"name": "a", "replicas": 1, "bootstrap": {"postCommands": ["login --password very-secret"]}}
    secret = frozenset({"management", "workerPools[0].bootstrap.postCommands[0]"})
    recorded = record(lambda: stack.declare(load_stack({**RAW, "workerPools": [pool]}, secret)))
    made = next(found for found in recorded.of("kubernetes:core/v1:Secret") if found.name == "one-a-secrets")
    assert urns(recorded, "KubeadmConfigTemplate") <= set(made.dependencies), (
        "a run that ends between the two would leave a Secret that no template leads to"
    )
    assert made.urn in recorded.only("MachineDeployment").dependencies, "a machine could not boot without it"


def test_a_protected_cluster_is_protected_with_its_control_plane() -> None:
    raw = {**RAW, "cluster": {**RAW["cluster"], "protect": True}}
    recorded = record(lambda: stack.declare(load_stack(raw, frozenset({"management"}))))
    assert recorded.only("Cluster").protect, "the engine refuses to delete it"
    assert recorded.only("KamajiControlPlane").protect, "and its control plane"
    assert not recorded.of("MachineDeployment")[0].protect, "pools come and go"


def test_a_project_of_the_stacks_own_is_created_protected_and_used() -> None:
    metal = {"project": {"name": "tenants"}, "metro": "da", "sshKeys": [{"name": "alice", "publicKey": SSH_KEY}]}
    recorded = record(lambda: stack.declare(load_stack({**RAW, "metal": metal}, frozenset({"management"}))))
    project = recorded.only("equinix-metal:index/project:Project")
    assert project.protect, "it is billed, and holds servers"
    key = recorded.only("equinix-metal:index/projectSshKey:ProjectSshKey")
    assert key.inputs["projectId"] == "id-of-one-project", "the key belongs to the project"
    infrastructure = next(found for found in recorded.of("PacketCluster") if found.type.startswith("kubernetes:"))
    assert infrastructure.inputs["spec"]["projectID"] == "id-of-one-project", "the machines are bought in it"


def test_without_a_project_to_create_pulumi_equinix_metal_is_not_imported() -> None:
    code = (
        "import sys; from tests.support.mock_engine import record; from tests.engine_mock.test_tenant_cluster import RAW;"
        "from kamaji_equinix.components import stack; from kamaji_equinix.components.settings.load import load_stack;"
        "record(lambda: stack.declare(load_stack(RAW, frozenset({'management'}))));"
        "sys.exit('pulumi_equinix_metal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"stacks that don't need it must lose no time to it:\n{done.stderr}"
