"""The machines that a destroy deletes are counted before, and only where the Cluster is the stack's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from kamaji_equinix.components.checks.teardown import machines_of_stack
from kamaji_equinix.components.kube.client import Api, ApiError
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of
from kamaji_equinix.components.kube.objects import Kind, plural
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack

from lab.plane import ManagementPlane
from tests.support.settings_cases import configuration

URN = "urn:pulumi:x::p::kamaji-equinix:index:TenantCluster$kubernetes:cluster.x-k8s.io/v1beta1:Cluster::prod-cluster"


@pytest.fixture
def metadata(management: ManagementPlane) -> dict[str, Any]:
    """Of a living Cluster with two pools, of which one has no machines."""
    namespace = f"teardown-{uuid4().hex[:8]}"
    pools = [{"name": "web", "replicas": 3}, {"name": "idle", "replicas": 0}]
    raw = configuration(cluster={"name": "prod", "namespace": namespace}, workerPools=pools)
    (tenant,) = load_stack(raw).clusters
    with management.client() as client:
        client.post("/api/v1/namespaces", json={"metadata": {"name": namespace}}).raise_for_status()
        for document in documents(tenant):
            if document["kind"] in ("Cluster", "MachineDeployment"):
                path = Kind(document["apiVersion"], document["kind"], plural(document["kind"])).path(namespace)
                client.post(path, json=document).raise_for_status()
        path = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/{namespace}/clusters/prod"
        result: dict[str, Any] = client.get(path).raise_for_status().json()["metadata"]
    return result


def lines(management: ManagementPlane, metadata: dict[str, Any]) -> list[str]:
    """What is told of a stack with this Cluster."""
    api = Api(kubeconfig_of(management.kubeconfig).access())
    state = [{"urn": "urn:pulumi:x::p::other::thing"}, {"urn": URN, "outputs": {"metadata": metadata}}]
    return list(map(str, machines_of_stack(api, state)))


def test_each_pool_with_machines_has_a_line(management: ManagementPlane, metadata: dict[str, Any]) -> None:
    place = f"machines of {metadata['namespace']}/prod, pool web"
    assert lines(management, metadata) == [f"{place}: 3 will be deleted; its Cluster is deleted"], "and no other"


def test_a_cluster_that_is_not_the_stacks_has_none(management: ManagementPlane, metadata: dict[str, Any]) -> None:
    assert lines(management, {**metadata, "uid": "another"}) == [], "another Cluster has its name now"
    assert lines(management, {**metadata, "name": "gone"}) == [], "it is gone"


def test_machines_that_can_not_be_counted_are_no_silent_zero(
    management: ManagementPlane, metadata: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_api: Api, path: str, **_: Any) -> Any:
        raise ApiError("Forbidden", f"{path} is forbidden", 403)

    monkeypatch.setattr(Api, "get", refuse)
    with pytest.raises(ApiError, match="forbidden"):
        lines(management, metadata)
