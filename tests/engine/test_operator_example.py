"""The example for the Pulumi Kubernetes Operator: known fields, the rights it grants, and an up with no more than these."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import toolchain
from lab import crds
from lab.plane import ManagementPlane
from tests.support import operator_crds
from tests.support.data_store import make_data_store
from tests.support.dry_run import dry_run
from tests.support.fleet import CLUSTERS, Fleet
from tests.support.prepared_plane import prepared_plane
from tests.support.project import ROOT, Project
from tests.support.s3 import KEY, SECRET, Bucket

EXAMPLE = ROOT / "examples" / "operator" / "stack.yaml"
DOCUMENTS = list(yaml.safe_load_all(EXAMPLE.read_text()))
STACK = next(document for document in DOCUMENTS if document["kind"] == "Stack")
SPEC = STACK["spec"]
FLEET_NAMESPACE, TENANT = "fleet", "tenant-staging"
PASSPHRASE = "correct horse battery"
HEAD = EXAMPLE.read_text().partition("\napiVersion")[0]


@pytest.fixture(scope="module", params=operator_crds.releases())
def plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """A management cluster's API that knows the operator's Stack, with the namespaces of the example."""
    with prepared_plane(tmp_path_factory.mktemp("operator")) as instance:
        with instance.client() as client:
            operator_crds.install(client, request.param)
            for name in (FLEET_NAMESPACE, TENANT):
                crds.apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            for document in yaml.safe_load_all((ROOT / "docs" / "rbac.yaml").read_text()):
                if not document["kind"].startswith("Cluster"):
                    document["metadata"]["namespace"] = TENANT
                crds.apply(client, document)
        yield instance


def test_the_api_server_takes_every_field_of_the_example(plane: ManagementPlane) -> None:
    with plane.client() as client:
        for document in DOCUMENTS:
            dry_run(client, document)


def test_a_field_that_the_stack_does_not_know_would_be_noticed(plane: ManagementPlane) -> None:
    for change in ({"destroyOnFinalise": True}, {"envRefs": {"A": {"type": "Secret", "secret": {"key": "a"}}}}):
        wrong = {**STACK, "spec": {**SPEC, **change}}
        with plane.client() as client, pytest.raises(AssertionError, match=next(iter(change))):
            dry_run(client, wrong)


def test_the_workspaces_pod_is_one(plane: ManagementPlane) -> None:
    template = SPEC["workspaceTemplate"]["spec"]
    pod = json.loads(json.dumps(template["podTemplate"]["spec"]))
    (container,) = pod["containers"]
    assert container["name"] == "pulumi", "the operator merges by this name"
    container |= {"image": template["image"], "resources": template["resources"]}
    pod_template = {
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": {"name": "workspace", "namespace": FLEET_NAMESPACE},
    }
    with plane.client() as client:
        dry_run(
            client, {**pod_template, "template": {"spec": {**pod, "serviceAccountName": SPEC["serviceAccountName"]}}}
        )


def test_the_image_has_the_pulumi_that_the_program_is_pinned_to() -> None:
    version = toolchain.pins.PULUMI.removeprefix("v")
    assert f":{version}-" in SPEC["workspaceTemplate"]["spec"]["image"], f"an image of pulumi {version}"


def test_each_secret_that_the_stack_needs_is_named_at_the_top() -> None:
    for variable, reference in SPEC["envRefs"].items():
        secret = reference["secret"]
        assert secret["key"] == variable, "the keys are the variables' names, so that one file makes the Secret"
        assert variable in HEAD, f"{variable} is not told"
        assert f"create secret generic {secret['name']} " in HEAD, f"how {secret['name']} is made is not told"
    for namespace in (FLEET_NAMESPACE, TENANT):
        assert f"kubectl create namespace {namespace}\n" in HEAD, f"how {namespace} is made is not told"


def token(client: httpx.Client) -> str:
    """A token as the kubelet mounts it into the workspace's pod."""
    answer = client.post(
        f"/api/v1/namespaces/{FLEET_NAMESPACE}/serviceaccounts/{SPEC['serviceAccountName']}/token",
        json={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )
    assert answer.is_success, answer.text
    value: str = answer.json()["status"]["token"]
    return value


def apply(client: httpx.Client) -> None:
    """Apply the example but for the Stack, which no operator takes up here."""
    for document in DOCUMENTS:
        if document["kind"] != "Stack":
            if document["kind"] == "ServiceAccount":
                url = f"/api/v1/namespaces/{document['metadata']['namespace']}/serviceaccounts"
                answer = client.post(url, json=document)
                assert answer.status_code in (httpx.codes.CREATED, httpx.codes.CONFLICT), answer.text
            else:
                crds.apply(client, document)


def triples(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Each group, resource and verb of rules."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
        for verb in rule["verbs"]
    }


def test_the_service_account_has_the_documented_rights_and_no_more(plane: ManagementPlane) -> None:
    documents = yaml.safe_load_all((ROOT / "docs" / "rbac.yaml").read_text())
    expected = triples([rule for document in documents if document["kind"] == "Role" for rule in document["rules"]])
    with plane.client() as client:
        apply(client)
        with httpx.Client(
            base_url=plane.url,
            verify=client_context(plane),
            headers={"Authorization": f"Bearer {token(client)}"},
            trust_env=False,
        ) as account:
            deadline = time.monotonic() + 20
            while not expected <= (grants := rights(account, TENANT)):
                assert time.monotonic() < deadline, f"not granted after 20 s: {sorted(expected - grants)}"
                time.sleep(0.2)
            elsewhere = rights(account, "default")
    assert grants - expected == elsewhere, f"more than documented: {sorted(grants - expected - elsewhere)}"
    assert {group for group, _, _ in elsewhere} <= {"authorization.k8s.io", "authentication.k8s.io"}, (
        f"outside of its namespace it asks who is who, and may do nothing: {sorted(elsewhere)}"
    )


def client_context(plane: ManagementPlane) -> Any:
    import ssl

    return ssl.create_default_context(cadata=plane.ca_pem)


def rights(account: httpx.Client, namespace: str) -> set[tuple[str, str, str]]:
    """What an account may do in a namespace."""
    answer = account.post(
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        json={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        },
    )
    assert answer.is_success, answer.text
    return triples(answer.json()["status"]["resourceRules"])


def test_the_stack_comes_up_and_goes_as_the_workspace_would_run_it(plane: ManagementPlane, tmp_path: Path) -> None:
    """With the example's account, environment and stack name, by plain pulumi, as the operator's agent calls it."""
    make_data_store(plane)
    with Bucket(tmp_path / "s3") as bucket, plane.client() as client, Fleet(plane, namespace=TENANT) as fleet:
        apply(client)
        values = {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        environment = {name: values[reference["secret"]["key"]] for name, reference in SPEC["envRefs"].items()}
        assert re.match(r"s3://[\w-]+\?region=", SPEC["backend"]), "the backend is a bucket"
        config = tmp_path / "kubeconfig"
        document = yaml.safe_load(plane.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token(client)}
        config.write_text(yaml.safe_dump(document))
        project = Project.make(
            tmp_path / "project",
            {
                **toolchain.pulumi_environment(),
                **environment,
                "AWS_EC2_METADATA_DISABLED": "true",
                "PULUMI_BACKEND_URL": bucket.url,
                # Outside of a pod the account's token comes by a kubeconfig; the stack itself names none.
                "KUBECONFIG": str(config),
            },
        )
        project.configure(
            "staging",
            cluster={"name": "staging", "namespace": TENANT},
            metal={"projectId": "1d3c8a52-6f0e-4d55-8f5a-0a7f5b9b2c01", "metro": "fr"},
            workerPools=[{"name": "a", "replicas": 1, "machineType": "c3.small.x86", "healthCheck": {}}],
        )
        name = SPEC["stack"]
        project.pulumi("stack", "select", "--create", name, "--secrets-provider", SPEC["secretsProvider"]).ok()
        first = project.up(name)
        assert first.code == 0, f"the account can do what the stack needs:\n{first.output}"
        assert "orbidden" not in first.output, f"nothing was denied on the way:\n{first.output}"
        rerun = project.up(name, "--refresh").ok()
        assert not re.search(r"\b[1-9]\d* (created|updated|deleted|replaced)", rerun), f"nothing to do:\n{rerun}"
        project.pulumi("destroy", "--yes", "--skip-preview", "--stack", name).ok()
        clusters = fleet.http.get(CLUSTERS.format(TENANT)).json()["items"]
        assert not clusters, f"the finalizer's destroy leaves no cluster: {clusters}"
        objects = b"".join(bucket.objects().values())
        for secret in (fleet.secret, PASSPHRASE, SECRET):
            assert secret.encode() not in objects, "no secret in clear in the bucket"
            assert base64.b64encode(secret.encode()) not in objects, "nor encoded"
