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
def recorder() -> Recorder:
    return record(lambda: stack.declare(load_stack(RAW, frozenset({"management"}))))


def urns(recorder: Recorder, type_: str) -> set[str]:
    return {resource.urn for resource in recorder.of(type_)}


def test_the_engine_never_deletes_a_template(recorder: Recorder) -> None:
    for kind in ("PacketMachineTemplate", "KubeadmConfigTemplate"):
        assert recorder.of(kind), f"there is a {kind}"
        for resource in recorder.of(kind):
            assert resource.retained, (
                f"only the management cluster knows whether machines are made from {resource.name}"
            )


def test_all_objects_of_a_cluster_go_with_the_cluster(recorder: Recorder) -> None:
    (cluster,) = urns(recorder, "Cluster")
    for kind in (
        "KamajiControlPlane",
        "PacketMachineTemplate",
        "KubeadmConfigTemplate",
        "MachineDeployment",
        "MachineHealthCheck",
        "ControlPlaneEndpoint",
    ):
        assert recorder.of(kind), f"there is a {kind}"
        for resource in recorder.of(kind):
            assert resource.deleted_with == cluster, f"{kind} deleted before the Cluster would orphan billed devices"
            assert cluster in resource.dependencies, f"{kind} must be made after the Cluster that owns it"


def test_all_objects_of_a_cluster_are_owned_by_it_from_the_first_moment(recorder: Recorder) -> None:
    for resource in recorder.resources:
        if resource.type.startswith("kubernetes:") and resource.type.rpartition(":")[2] not in ("Cluster", "Secret"):
            (owner,) = resource.inputs["metadata"]["ownerReferences"]
            identity = (owner["apiVersion"], owner["kind"], owner["uid"])
            assert identity == ("cluster.x-k8s.io/v1beta1", "Cluster", "uid-of-one-cluster"), (
                f"{resource.name}: a destroy before Cluster API has adopted it would leave it behind"
            )


def test_the_cluster_is_deleted_in_the_background(recorder: Recorder) -> None:
    annotations = recorder.only("Cluster").inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/deletionPropagationPolicy"] == "background", (
        "foreground lets the garbage collector delete machines, control plane and infrastructure at once"
    )
    assert recorder.only("Cluster").delete_timeout == "60m", "bare metal takes longer than the engine's ten minutes"


def test_no_machine_is_asked_for_before_the_hand_off(recorder: Recorder) -> None:
    (endpoint,) = urns(recorder, "ControlPlaneEndpoint")
    deployments = recorder.of("MachineDeployment")
    assert len(deployments) == 2, "one for each pool"
    for deployment in deployments:
        assert endpoint in deployment.dependencies, (
            "a machine bought before the control plane answers is billed for nothing"
        )


def test_the_hand_off_waits_for_control_plane_and_infrastructure(recorder: Recorder) -> None:
    endpoint = recorder.only("ControlPlaneEndpoint")
    infrastructure = next(
        resource for resource in recorder.of("PacketCluster") if resource.type.startswith("kubernetes:")
    )
    for urn in (*urns(recorder, "KamajiControlPlane"), infrastructure.urn):
        assert urn in endpoint.dependencies, "it reads both"


def test_the_infrastructure_cluster_is_marked_as_managed_from_its_first_create(recorder: Recorder) -> None:
    infrastructure = next(
        resource for resource in recorder.of("PacketCluster") if resource.type.startswith("kubernetes:")
    )
    assert infrastructure.inputs["metadata"]["annotations"] == {"cluster.x-k8s.io/managed-by": "kamaji"}, (
        "without it capp reserves an address and adds a finalizer"
    )
    assert "controlPlaneEndpoint" not in infrastructure.inputs["spec"], "that field has another writer"


def test_the_hand_off_is_told_which_cluster_it_is_for(recorder: Recorder) -> None:
    inputs = recorder.only("ControlPlaneEndpoint").inputs
    assert inputs["clusterUid"] == "uid-of-one-cluster", "its credentials must lead to the very Cluster that was made"
    assert "kubeconfig" not in inputs, "credentials come from the configuration of each run, not from the state"


def test_objects_use_the_management_provider(recorder: Recorder) -> None:
    for resource in recorder.resources:
        if resource.type.startswith("kubernetes:"):
            assert "pulumi:providers:kubernetes::management" in resource.provider, (
                f"{resource.name} would go to another cluster"
            )


def test_a_first_preview_reads_no_secret() -> None:
    recorder = record(lambda: stack.declare(load_stack(RAW, frozenset({"management"}))), preview=True)
    assert recorder.of("ControlPlaneEndpoint"), "the hand-off is part of the preview"


def test_a_pools_secret_is_made_between_the_template_that_names_it_and_the_machines() -> None:
    pool = {"name": "a", "replicas": 1, "bootstrap": {"postCommands": ["login --password very-secret"]}}
    secret = frozenset({"management", "workerPools[0].bootstrap.postCommands[0]"})
    recorder = record(lambda: stack.declare(load_stack({**RAW, "workerPools": [pool]}, secret)))
    pool_secret = next(
        resource for resource in recorder.of("kubernetes:core/v1:Secret") if resource.name == "one-a-secrets"
    )
    assert urns(recorder, "KubeadmConfigTemplate") <= set(pool_secret.dependencies), (
        "a run that ends between the two would leave a Secret that no template leads to"
    )
    assert pool_secret.urn in recorder.only("MachineDeployment").dependencies, "a machine could not boot without it"


def test_a_protected_cluster_is_protected_with_its_control_plane() -> None:
    raw = {**RAW, "cluster": {**RAW["cluster"], "protect": True}}
    recorder = record(lambda: stack.declare(load_stack(raw, frozenset({"management"}))))
    assert recorder.only("Cluster").protect, "the engine refuses to delete it"
    assert recorder.only("KamajiControlPlane").protect, "and its control plane"
    assert not recorder.of("MachineDeployment")[0].protect, "pools come and go"


def test_a_project_of_the_stacks_own_is_created_protected_and_used() -> None:
    metal = {"project": {"name": "tenants"}, "metro": "da", "sshKeys": [{"name": "alice", "publicKey": SSH_KEY}]}
    recorder = record(lambda: stack.declare(load_stack({**RAW, "metal": metal}, frozenset({"management"}))))
    project = recorder.only("equinix-metal:index/project:Project")
    assert project.protect, "it is billed, and holds servers"
    key = recorder.only("equinix-metal:index/projectSshKey:ProjectSshKey")
    assert key.inputs["projectId"] == "id-of-one-project", "the key belongs to the project"
    infrastructure = next(
        resource for resource in recorder.of("PacketCluster") if resource.type.startswith("kubernetes:")
    )
    assert infrastructure.inputs["spec"]["projectID"] == "id-of-one-project", "the machines are bought in it"


def test_without_a_project_to_create_pulumi_equinix_metal_is_not_imported() -> None:
    code = (
        "import sys; from tests.support.mock_engine import record; from tests.engine_mock.test_tenant_cluster import RAW;"
        "from kamaji_equinix.components import stack; from kamaji_equinix.components.settings.load import load_stack;"
        "record(lambda: stack.declare(load_stack(RAW, frozenset({'management'}))));"
        "sys.exit('pulumi_equinix_metal' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"stacks that don't need it must lose no time to it:\n{process.stderr}"
