"""The CRDs and webhook configurations of a generation's controllers, from their Go modules."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import yaml

import toolchain

from .generations import FIRST, Generation

CONTRACTS = {"v1alpha1": "v1beta1", "v1alpha2": "v1beta2", "v1beta1": "v1beta1", "v1beta2": "v1beta2"}
"""The contract of Cluster API that each API version implements. Release manifests have it as a label from kustomize; the
CRDs in the Go modules lack that label."""

PLURALS = {
    "CustomResourceDefinition": "customresourcedefinitions",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
    "Namespace": "namespaces",
    "Secret": "secrets",
    "DataStore": "datastores",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}

FIELD_MANAGER = "kamaji-equinix-lab"


def definitions(
    generation: Generation, convert: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[dict[str, Any]]:
    """All CRDs, labelled with their contracts.

    Args:
        generation: the generation whose CRDs are wanted.
        convert: the client configuration of each conversion webhook, by its controller's name; None to convert nothing.
    """
    for folder in generation.crds:
        module = toolchain.module_folder(folder.module, generation.version(folder.module))
        for path in sorted((module / folder.path).glob("*.yaml")):
            for document in yaml.load_all(path.read_bytes(), yaml.CSafeLoader):
                if document and document["kind"] == "CustomResourceDefinition":
                    yield set_conversion(add_contract_labels(document), (convert or {}).get(folder.converter))


def add_contract_labels(definition: dict[str, Any]) -> dict[str, Any]:
    """A CRD with a label for each contract that it implements."""
    if definition["spec"]["group"].endswith("cluster.x-k8s.io"):
        labels = definition["metadata"].setdefault("labels", {})
        for version in definition["spec"]["versions"]:
            if version["served"] and (contract := CONTRACTS.get(version["name"])):
                labels[f"cluster.x-k8s.io/{contract}"] = version["name"]
        # clusterctl looks only at CRDs that it could have installed.
        labels["clusterctl.cluster.x-k8s.io"] = ""
    return definition


def set_conversion(definition: dict[str, Any], client_config: Mapping[str, Any] | None) -> dict[str, Any]:
    """A CRD with conversion by webhook if it has several versions and a webhook, else without conversion."""
    definition["spec"].pop("conversion", None)
    if client_config and len(definition["spec"]["versions"]) > 1:
        webhook = {"clientConfig": dict(client_config), "conversionReviewVersions": ["v1", "v1beta1"]}
        definition["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    return definition


def install(
    client: httpx.Client, generation: Generation = FIRST, convert: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Install all CRDs of a generation and wait until the API server serves them."""
    names = []
    for definition in definitions(generation, convert):
        apply(client, definition)
        names.append(definition["metadata"]["name"])
    await_crds(client, names)


def await_crds(client: httpx.Client, names: list[str]) -> None:
    """Wait until the API server serves these CRDs."""
    deadline = time.monotonic() + 30
    while waiting := missing_crds(client, names):
        if time.monotonic() > deadline:
            raise TimeoutError(f"CRDs not established after 30 s: {', '.join(waiting)}")
        time.sleep(0.1)


def missing_crds(client: httpx.Client, names: list[str]) -> list[str]:
    """Names of the CRDs that the API server doesn't serve yet."""
    answer = client.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").raise_for_status().json()
    served_names = {
        item["metadata"]["name"]
        for item in answer["items"]
        for condition in item.get("status", {}).get("conditions") or []
        if condition["type"] == "Established" and condition["status"] == "True"
    }
    return [name for name in names if name not in served_names]


def webhooks(
    module: str, file: str, name: str, url: str, ca_pem: str, version: str | None = None
) -> Iterator[dict[str, Any]]:
    """Webhook configurations of a module's file, pointed at a local server.

    Args:
        module: the Go module.
        file: path of the file in it: a manifest, or a list of webhooks in a Helm chart's template.
        name: name of the resulting configurations.
        url: address of the controller's webhook server.
        ca_pem: authority of that server's certificate.
        version: version of the module; None for the default.
    """
    text = (toolchain.module_folder(module, version) / file).read_text()
    # Kamaji's files are Helm fragments. Their template expressions only name the Service, which is replaced here.
    for document in yaml.safe_load_all(re.sub(r"'?\{\{[^}]*\}\}'?", "replaced", text)):
        if isinstance(document, list):
            kind = "MutatingWebhookConfiguration" if "mutating" in file else "ValidatingWebhookConfiguration"
            document = {"kind": kind, "webhooks": document}
        if not document or "webhooks" not in document:
            continue
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": document["kind"],
            "metadata": {"name": f"{name}-{document['kind'].removesuffix('WebhookConfiguration').lower()}"},
            "webhooks": [
                with_local_server(hook, url, ca_pem)
                for hook in document["webhooks"]
                # Without this it would report to Kamaji's authors.
                if "telemetry" not in hook["clientConfig"]["service"]["path"]
            ],
        }


def with_local_server(hook: Mapping[str, Any], url: str, ca_pem: str) -> dict[str, Any]:
    """One webhook that calls a local server instead of a Service."""
    path = hook["clientConfig"]["service"]["path"]
    return {**hook, "clientConfig": client_config(f"{url}{path}", ca_pem)}


def client_config(url: str, ca_pem: str) -> dict[str, str]:
    """The ``clientConfig`` by which the API server calls a local webhook server."""
    return {"url": url, "caBundle": base64.b64encode(ca_pem.encode()).decode()}


def apply(client: httpx.Client, document: Mapping[str, Any]) -> None:
    """Apply a manifest server-side.

    Raises:
        httpx.HTTPStatusError: the API server refused it; the message quotes its answer.
    """
    version, name = document["apiVersion"], document["metadata"]["name"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if namespace := document["metadata"].get("namespace"):
        prefix += f"/namespaces/{namespace}"
    answer = client.patch(
        f"{prefix}/{PLURALS[document['kind']]}/{name}",
        params={"fieldManager": FIELD_MANAGER, "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        content=yaml.dump(dict(document), Dumper=yaml.CSafeDumper).encode(),
    )
    if answer.is_error:
        raise httpx.HTTPStatusError(
            f"{document['kind']} {name}: {answer.status_code} {answer.text[:500]}",
            request=answer.request,
            response=answer,
        )
