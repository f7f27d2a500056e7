"""Every rendered manifest against real API servers: each field is known there, nothing is pruned or warned of."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from kamaji_equinix.components.manifests.documents import documents as documents_of
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.stack_file import read_stack_file
from pydantic import SecretStr

from lab.plane import ManagementPlane
from tests.support.dry_run import create_namespaces, dry_run
from tests.support.seed import ROOT
from tests.support.settings_cases import FULL, configuration

EXAMPLES = ["dev", "seed", "staging", "production"]


def raw(example: str) -> dict[str, Any]:
    """The configuration of an example stack, or the one in which nearly every key is given."""
    return FULL if example == "full" else read_stack_file(ROOT / f"Pulumi.{example}.yaml")[0]


def documents(example: str, contract: str) -> list[dict[str, Any]]:
    """The manifests of an example in one generation."""
    stack = load_stack({**raw(example), "capi": {"contract": contract}})
    return [document for tenant in stack.clusters for document in documents_of(tenant)]


@pytest.mark.parametrize("example", [*EXAMPLES, "full"])
def test_the_older_generations_server_takes_every_field(management: ManagementPlane, example: str) -> None:
    manifests = documents(example, "v1beta1")
    with management.client() as client:
        create_namespaces(client, manifests)
        for document in manifests:
            dry_run(client, document)


@pytest.mark.parametrize("example", [*EXAMPLES, "full"])
def test_the_newer_generations_server_takes_every_field(newer: ManagementPlane, example: str) -> None:
    manifests = documents(example, "v1beta2")
    with newer.client() as client:
        create_namespaces(client, manifests)
        for document in manifests:
            dry_run(client, document)


def test_a_field_that_a_server_does_not_know_would_be_noticed(management: ManagementPlane) -> None:
    (cluster, *_) = documents("dev", "v1beta1")
    cluster["spec"]["unknownField"] = 1
    with management.client() as client, pytest.raises(AssertionError, match=r"unknownField"):
        dry_run(client, cluster)


@pytest.mark.parametrize("kind", ["Cluster", "KubeadmConfigTemplate", "MachineHealthCheck"])
def test_one_generations_shape_is_no_other_generations(newer: ManagementPlane, kind: str) -> None:
    """Guards the tests above: were the servers indifferent, they would prove nothing."""
    older = next(document for document in documents("full", "v1beta1") if document["kind"] == kind)
    older["apiVersion"] = older["apiVersion"].replace("v1beta1", "v1beta2")
    with newer.client() as client:
        create_namespaces(client, [older])
        with pytest.raises(AssertionError, match=kind):
            dry_run(client, older)


def test_an_empty_endpoint_would_be_refused(newer: ManagementPlane) -> None:
    document = next(item for item in documents("dev", "v1beta2") if item["kind"] == "KamajiControlPlane")
    document["spec"]["controlPlaneEndpoint"] = {}
    with newer.client() as client, pytest.raises(AssertionError, match="controlPlaneEndpoint"):
        dry_run(client, document)


@pytest.mark.parametrize(
    "change",
    [
        {"workerPools": [{"name": "a", "labels": {"a": "b"}}]},
        {"workerPools": [{"name": "a", "taints": [{"key": "a", "effect": "NoExecute"}]}]},
        {"controlPlane": {"addons": {"konnectivity": True, "coreDNS": False}}},
        {
            "cluster": {"apiServerPort": 30443},
            "controlPlane": {"network": {"serviceType": "NodePort", "serviceAddress": "192.0.2.1"}},
        },
        {"metal": {"metro": "DELETE", "facility": "da11"}},
        {"workerPools": []},
    ],
)
def test_smaller_configurations_are_taken_by_both(
    management: ManagementPlane, newer: ManagementPlane, change: dict[str, Any]
) -> None:
    for plane, contract in ((management, "v1beta1"), (newer, "v1beta2")):
        stack = load_stack(configuration(**change, capi={"contract": contract}))
        with plane.client() as client:
            for document in documents_of(stack.clusters[0]):
                dry_run(client, document)


def test_secrets_of_the_bootstrap_and_the_template_that_names_them_are_taken_by_both(
    management: ManagementPlane, newer: ManagementPlane
) -> None:
    bootstrap = {
        "commands": [SecretStr("login"), "plain"],
        "postCommands": [SecretStr("notify")],
        "files": [{"path": "/etc/a", "content": SecretStr("text"), "permissions": "0600"}],
    }
    for plane, contract in ((management, "v1beta1"), (newer, "v1beta2")):
        pools = [{"name": "a", "bootstrap": bootstrap}]
        stack = load_stack(configuration(workerPools=pools, capi={"contract": contract}))
        by_kind = {document["kind"]: document for document in documents_of(stack.clusters[0])}
        secret, template = by_kind["Secret"], by_kind["KubeadmConfigTemplate"]
        references = {
            (source["name"], source["key"])
            for file in template["spec"]["template"]["spec"]["files"]
            for source in [file["contentFrom"]["secret"]]
        }
        assert references == {(secret["metadata"]["name"], key) for key in secret["data"]}, "each is named once"
        encoded = {
            key: base64.b64encode(text.get_secret_value().encode()).decode() for key, text in secret["data"].items()
        }
        with plane.client() as client:
            for document in ({**secret, "data": encoded}, template):
                dry_run(client, document)
