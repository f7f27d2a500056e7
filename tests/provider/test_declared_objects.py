"""What `status` says of objects that a cluster's settings declare and that somebody has deleted, on real API servers."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.checks.request import request_of
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of
from kamaji_equinix.components.kube.objects import Kind, plural
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from pydantic import SecretStr

from lab.plane import ManagementPlane
from tests.support import metal3_settings
from tests.support.lab import eventually
from tests.support.settings_cases import configuration

Json = dict[str, Any]

UNDECLARED = ("Namespace", "Metal3Cluster", "PacketCluster", "KamajiControlPlane", "Cluster", "MachineDeployment")
"""Kinds that the tree has rows or words for."""

POOL = {"healthCheck": {}, "bootstrap": {"files": [{"path": "/etc/key", "content": SecretStr("hidden")}]}}
MERGE = {"Content-Type": "application/merge-patch+json"}


class Living:
    """A cluster whose objects exist as `up` makes them, without controllers."""

    def __init__(self, plane: ManagementPlane, raw: Json) -> None:
        self.plane, self.namespace = plane, f"declared-{uuid4().hex[:8]}"
        raw["cluster"] = {**raw["cluster"], "namespace": self.namespace}
        raw["workerPools"] = [{**pool, **copy.deepcopy(POOL)} for pool in raw["workerPools"]]
        (self.tenant,) = load_stack(raw).clusters
        self.client = plane.client()
        self.client.post("/api/v1/namespaces", json={"metadata": {"name": self.namespace}}).raise_for_status()
        for document in self.documents():
            self.create(document)

    def documents(self) -> list[Json]:
        """All but the infrastructure cluster, which no test reads."""
        left_out = ("Namespace", "Metal3Cluster", "PacketCluster")
        return [document for document in documents(self.tenant) if document["kind"] not in left_out]

    def declared(self) -> list[Json]:
        return [document for document in self.documents() if document["kind"] not in UNDECLARED]

    def create(self, document: Json) -> None:
        if document["kind"] == "Secret":
            data = {key: value.get_secret_value() for key, value in document["data"].items()}
            encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
            document = {**document, "data": encoded}
        self.client.post(path_of(document).rpartition("/")[0], json=document).raise_for_status()

    def delete(self, document: Json) -> None:
        self.client.delete(path_of(document)).raise_for_status()
        code = eventually(lambda: self.client.get(path_of(document)).status_code, lambda code: code == 404, 20, "gone")
        assert code == httpx.codes.NOT_FOUND, "the API server has it no longer"

    def missing(self, kubeconfig: Any = None) -> dict[str, tree.Difference]:
        """What `status` says of declared objects, by their subject."""
        api = Api(kubeconfig_of(kubeconfig or self.plane.kubeconfig).access())
        subjects = {subject_of(document) for document in self.declared()}
        status = tree.describe(api, self.namespace, self.tenant.cluster.name, request_of(self.tenant))
        differences = {item.subject: item for item in tree.differences(status)}
        return {subject: item for subject, item in differences.items() if subject in subjects or "Template" in subject}


def path_of(document: Json) -> str:
    kind, metadata = Kind(document["apiVersion"], document["kind"], plural(document["kind"])), document["metadata"]
    return kind.path(metadata["namespace"], metadata["name"])


def subject_of(document: Json) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


@pytest.fixture
def rack(newer: ManagementPlane) -> Iterator[Living]:
    """A cluster on two hosts of the stack, with every kind of object that Metal3 has."""
    raw = copy.deepcopy(metal3_settings.FULL)
    raw["metal3"]["hosts"] = [metal3_settings.host(number) for number in range(2)]
    living = Living(newer, raw)
    yield living
    living.client.close()


@pytest.fixture
def packet(management: ManagementPlane) -> Iterator[Living]:
    """A cluster on Equinix Metal."""
    living = Living(management, configuration())
    yield living
    living.client.close()


@pytest.fixture(params=["rack", "packet"])
def living(request: pytest.FixtureRequest) -> Living:
    differences_by_subject: Living = request.getfixturevalue(request.param)
    return differences_by_subject


def test_each_declared_object_that_is_gone_is_named_with_the_command_that_brings_it_back(living: Living) -> None:
    assert living.missing() == {}, "nothing is gone"
    kinds = {document["kind"] for document in living.declared()}
    expected = {"KubeadmConfigTemplate", "MachineHealthCheck", "Secret"}
    if "metal3" in living.tenant.provider:
        expected |= {"BareMetalHost", "IPPool", "Metal3DataTemplate", "Metal3MachineTemplate"}
    assert expected <= kinds, f"every kind is tried: {kinds}"
    for document in living.declared():
        living.delete(document)
        missing = living.missing()
        assert set(missing) == {subject_of(document)}, f"it alone is missed: {missing}"
        (difference,) = missing.values()
        assert difference.reason.startswith("it does not exist, and "), difference.reason
        assert "Run `kamaji-equinix up`" in difference.action, "what brings it back"
        living.create(document)
    assert living.missing() == {}, "and all are there again"


def test_a_cluster_that_lacks_a_host_is_not_called_ready(rack: Living) -> None:
    (host, *_) = [document for document in rack.declared() if document["kind"] == "BareMetalHost"]
    rack.delete(host)
    api = Api(kubeconfig_of(rack.plane.kubeconfig).access())
    request = request_of(rack.tenant)
    status = tree.describe(api, rack.namespace, rack.tenant.cluster.name, request)
    texts = [item.subject for item in tree.differences(status)]
    assert subject_of(host) in texts, "it is told although something else blocks the cluster, too"
    brief = tree.describe(api, rack.namespace, rack.tenant.cluster.name, request, thorough=False)
    assert not brief.snapshot.declared, "a wait looks for it only once nothing else blocks"


def test_an_object_that_is_on_its_way_out_is_told_with_what_holds_it(rack: Living) -> None:
    (host, *_) = [document for document in rack.declared() if document["kind"] == "BareMetalHost"]
    with_finalizer = {"metadata": {"finalizers": ["test.example/held"]}}
    rack.client.patch(path_of(host), json=with_finalizer, headers=MERGE).raise_for_status()
    rack.client.delete(path_of(host)).raise_for_status()
    difference = rack.missing()[subject_of(host)]
    assert "it is being deleted since" in difference.reason, difference.reason
    assert "test.example/held" in difference.action, difference.action
    without_finalizers = {"metadata": {"finalizers": None}}
    rack.client.patch(path_of(host), json=without_finalizers, headers=MERGE).raise_for_status()


def test_a_template_that_was_adopted_under_another_name_is_missed_by_that_name(rack: Living) -> None:
    (template,) = [document for document in rack.declared() if document["kind"] == "Metal3MachineTemplate"]
    (deployment,) = [document for document in rack.documents() if document["kind"] == "MachineDeployment"]
    adopted = copy.deepcopy(template)
    adopted["metadata"]["name"] = "by-hand"
    rack.create(adopted)
    reference = {"spec": {"template": {"spec": {"infrastructureRef": {"name": "by-hand"}}}}}
    rack.client.patch(path_of(deployment), json=reference, headers=MERGE).raise_for_status()
    rack.delete(template)
    assert rack.missing() == {}, "the pool does not use the one of the settings' name"
    rack.delete(adopted)
    missing = rack.missing()
    assert set(missing) == {"Metal3MachineTemplate/by-hand"}, "but the one that it uses"
    assert "MachineDeployment/one-a makes its machines from it" in missing["Metal3MachineTemplate/by-hand"].reason, (
        missing
    )


def test_a_right_that_is_missing_is_told_once_for_a_kind(rack: Living) -> None:
    user = f"user-{rack.namespace}"
    kubeconfig = rack.plane.user(user)
    groups = ["cluster.x-k8s.io", "controlplane.cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io"]
    groups += ["bootstrap.cluster.x-k8s.io", "ipam.metal3.io"]
    rules = [{"apiGroups": groups, "resources": ["*"], "verbs": ["get", "list"]}]
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{rack.namespace}"
    rack.client.post(f"{base}/roles", json={"metadata": {"name": "most"}, "rules": rules}).raise_for_status()
    binding = {
        "metadata": {"name": "most"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "most"},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    rack.client.post(f"{base}/rolebindings", json=binding).raise_for_status()
    missing = eventually(
        lambda: rack.missing(kubeconfig),
        lambda differences_by_subject: len(differences_by_subject) == 2,
        20,
        "the rights are in force",
    )
    assert {subject.partition("/")[0] for subject in missing} == {"BareMetalHost", "Secret"}, "two hosts, one line"
    assert all("Forbidden" in str(item) and "rights" in item.action for item in missing.values()), missing


def test_what_a_pool_declares_is_not_missed_before_the_pool_is_there(rack: Living) -> None:
    (deployment,) = [document for document in rack.documents() if document["kind"] == "MachineDeployment"]
    templates = [document for document in rack.declared() if document["kind"].endswith("Template")]
    for document in (deployment, *templates):
        rack.delete(document)
    assert rack.missing() == {}, "the pool itself is missed, and comes with its templates"
