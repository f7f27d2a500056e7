"""How the answers of a management cluster are judged."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components.checks import controllers, rights
from kamaji_equinix.components.checks import verdict as rules
from kamaji_equinix.components.checks.needs import RequiredKind, Requirements, Right
from kamaji_equinix.components.checks.requirements import requirements
from kamaji_equinix.components.checks.verdict import Answers
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.kube.objects import Kind

CLUSTER = RequiredKind(Kind("cluster.x-k8s.io/v1beta1", "Cluster", "clusters"), verbs=("get",), status=True)


def granted(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"resourceRules": list(listed), "incomplete": False}}


@pytest.mark.parametrize(
    ("rule", "lacking"),
    [
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, []),
        ({"verbs": ["get"], "apiGroups": ["cluster.x-k8s.io"], "resources": ["clusters"]}, ["patch clusters/status"]),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/status"]}, ["get clusters"]),
        ({"verbs": ["get", "patch"], "apiGroups": [""], "resources": ["*"]}, ["get clusters", "patch clusters/status"]),
        (
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["c1"]},
            ["get clusters", "patch clusters/status"],
        ),
    ],
)
def test_rights_are_read_as_rbac_means_them(rule: dict[str, Any], lacking: list[str]) -> None:
    found = rights.missing_rights(granted(rule), Requirements(kinds=(CLUSTER,)))
    said = [f"{right.verb} {right.resource}{'/' if right.subresource else ''}{right.subresource}" for right in found]
    assert said == lacking, "what this rule leaves out"


def test_versions_of_controllers_come_from_clusterctls_inventory_before_image_tags() -> None:
    deployment = {
        "metadata": {"labels": {"cluster.x-k8s.io/provider": "control-plane-kamaji"}},
        "status": {"availableReplicas": 1},
        "spec": {
            "template": {"spec": {"containers": [{"name": "manager", "image": "reg:5000/kamaji:v0.20.0@sha256:1"}]}}
        },
    }
    provider = {"metadata": {"name": "cluster-api"}, "version": "v1.14.0"}
    found = Answers(versions={}, providers={"items": [provider]}, deployments={"items": [deployment]})
    versions = controllers.versions(found)
    assert versions == {"cluster-api": "v1.14.0", "control-plane-kamaji": "v0.20.0"}, (
        "both sources, tags without digest"
    )
    (note,) = controllers.notes(found, versions)
    assert "use Cluster API 1.13" in note, "a pair that is known not to work is named"


def test_controllers_that_do_not_tell_their_version_are_no_problem() -> None:
    refused = ApiError("Forbidden", "no", 403)
    untagged = {
        "metadata": {},
        "spec": {"template": {"spec": {"containers": [{"name": "manager", "image": "reg:5000/x"}]}}},
    }
    assert controllers.versions(Answers(versions={}, providers=refused, deployments=refused)) == {}, (
        "unknown is unknown"
    )
    assert controllers.versions(Answers(versions={}, deployments={"items": [untagged]})) == {}, "a port is no tag"


def test_a_data_store_that_may_not_be_read_is_no_problem() -> None:
    found = Answers(
        versions={("kamaji.clastix.io", "DataStore"): ("v1alpha1",)},
        data_stores={"default": ApiError("Forbidden", "no", 403)},
    )
    assert not list(rules.data_stores(found, Requirements(data_stores=("default",)))), "only Kamaji needs to read it"


def test_what_a_stack_needs_is_read_off_its_manifests() -> None:
    infrastructure = {
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
        "kind": "Metal3Cluster",
        "metadata": {"name": "c", "namespace": "prod"},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}
    needed = requirements([namespace, infrastructure], contract="v1beta1", installs={"Metal3Cluster": "install it"})
    assert needed.namespaces == {"prod": True}, "where its objects go; it creates that itself"
    need = next(need for need in needed.kinds if need.kind.name == "Metal3Cluster")
    assert need.crd == "metal3clusters.infrastructure.cluster.x-k8s.io", "any infrastructure provider's"
    assert need.install == "install it", "with the command that installs it"
    required = rights.required_rights(needed)
    assert Right("patch", need.kind.group, need.kind.plural, "status") in required, "the hand-off writes its status"
    assert Right("create", "", "namespaces") in required, "and the namespace"
