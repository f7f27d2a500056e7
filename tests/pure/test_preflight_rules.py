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


def review(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"resourceRules": list(entries), "incomplete": False}}


@pytest.mark.parametrize(
    ("rule", "gaps"),
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
def test_rights_are_read_as_rbac_means_them(rule: dict[str, Any], gaps: list[str]) -> None:
    missing = rights.missing_rights(review(rule), Requirements(kinds=(CLUSTER,)))
    texts = [f"{right.verb} {right.resource}{'/' if right.subresource else ''}{right.subresource}" for right in missing]
    assert texts == gaps, "what this rule leaves out"


def test_versions_of_controllers_come_from_clusterctls_inventory_before_image_tags() -> None:
    deployment = {
        "metadata": {"labels": {"cluster.x-k8s.io/provider": "control-plane-kamaji"}},
        "status": {"availableReplicas": 1},
        "spec": {
            "template": {"spec": {"containers": [{"name": "manager", "image": "reg:5000/kamaji:v0.20.0@sha256:1"}]}}
        },
    }
    provider = {"metadata": {"name": "cluster-api"}, "version": "v1.14.0"}
    answers = Answers(versions={}, providers={"items": [provider]}, deployments={"items": [deployment]})
    versions = controllers.versions(answers)
    assert versions == {"cluster-api": "v1.14.0", "control-plane-kamaji": "v0.20.0"}, (
        "both sources, tags without digest"
    )
    (note,) = controllers.notes(answers, versions)
    assert "use Cluster API 1.13" in note, "a pair that is known not to work is named"


def test_controllers_that_do_not_tell_their_version_are_no_problem() -> None:
    denial = ApiError("Forbidden", "no", 403)
    deployment = {
        "metadata": {},
        "spec": {"template": {"spec": {"containers": [{"name": "manager", "image": "reg:5000/x"}]}}},
    }
    assert controllers.versions(Answers(versions={}, providers=denial, deployments=denial)) == {}, "unknown is unknown"
    assert controllers.versions(Answers(versions={}, deployments={"items": [deployment]})) == {}, "a port is no tag"


def test_a_data_store_that_may_not_be_read_is_no_problem() -> None:
    answers = Answers(
        versions={("kamaji.clastix.io", "DataStore"): ("v1alpha1",)},
        data_stores={"default": ApiError("Forbidden", "no", 403)},
    )
    assert not list(rules.data_stores(answers, Requirements(data_stores=("default",)))), "only Kamaji needs to read it"


def test_what_a_stack_needs_is_read_off_its_manifests() -> None:
    infrastructure = {
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
        "kind": "Metal3Cluster",
        "metadata": {"name": "c", "namespace": "prod"},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}
    needs = requirements([namespace, infrastructure], contract="v1beta1", installs={"Metal3Cluster": "install it"})
    assert needs.namespaces == {"prod": True}, "where its objects go; it creates that itself"
    need = next(need for need in needs.kinds if need.kind.name == "Metal3Cluster")
    assert need.crd == "metal3clusters.infrastructure.cluster.x-k8s.io", "any infrastructure provider's"
    assert need.install == "install it", "with the command that installs it"
    required = rights.required_rights(needs)
    assert Right("patch", need.kind.group, need.kind.plural, "status") in required, "the hand-off writes its status"
    assert Right("create", "", "namespaces") in required, "and the namespace"
