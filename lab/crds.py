"""The CRDs and webhook configurations of Cluster API, Kamaji and capp, from their Go modules."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import yaml

import toolchain

CRD_FOLDERS = (
    ("sigs.k8s.io/cluster-api", "config/crd/bases"),
    ("sigs.k8s.io/cluster-api", "bootstrap/kubeadm/config/crd/bases"),
    ("sigs.k8s.io/cluster-api-provider-packet", "config/crd/bases"),
    ("github.com/clastix/kamaji", "charts/kamaji/crds"),
    ("github.com/clastix/cluster-api-control-plane-provider-kamaji", "config/crd/bases"),
)

CONTRACTS = {
    "cluster.x-k8s.io": ("v1beta1", "v1beta1"),
    "bootstrap.cluster.x-k8s.io": ("v1beta1", "v1beta1"),
    "infrastructure.cluster.x-k8s.io": ("v1beta1", "v1beta1"),
    "controlplane.cluster.x-k8s.io": ("v1beta1", "v1alpha1"),
    "ipam.cluster.x-k8s.io": ("v1beta1", "v1beta1"),
    "addons.cluster.x-k8s.io": ("v1beta1", "v1beta1"),
    "runtime.cluster.x-k8s.io": ("v1beta1", "v1beta1"),
}
"""Cluster API contract and API version that implements it, by API group: the label that Cluster API finds versions by.
The release manifests have it from kustomize; the bare CRDs of the modules lack it."""

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


def definitions() -> Iterator[dict[str, Any]]:
    """All CRDs, labelled with their contracts and without conversion: each serves only versions that share a schema."""
    for module, folder in CRD_FOLDERS:
        for path in sorted((toolchain.module_folder(module) / folder).glob("*.yaml")):
            for document in yaml.load_all(path.read_bytes(), yaml.CSafeLoader):
                if document and document["kind"] == "CustomResourceDefinition":
                    yield labelled(document)


def labelled(definition: dict[str, Any]) -> dict[str, Any]:
    """A CRD as the lab installs it."""
    labels = definition["metadata"].setdefault("labels", {})
    if contract := CONTRACTS.get(definition["spec"]["group"]):
        labels[f"cluster.x-k8s.io/{contract[0]}"] = contract[1]
        # clusterctl looks only at CRDs that it could have installed.
        labels["clusterctl.cluster.x-k8s.io"] = ""
    definition["spec"].pop("conversion", None)
    return definition


def install(client: httpx.Client) -> None:
    """Install all CRDs and wait until the API server serves them."""
    names = []
    for definition in definitions():
        apply(client, definition)
        names.append(definition["metadata"]["name"])
    deadline = time.monotonic() + 30
    while waiting := not_established(client, names):
        if time.monotonic() > deadline:
            raise TimeoutError(f"CRDs not established after 30 s: {', '.join(waiting)}")
        time.sleep(0.1)


def not_established(client: httpx.Client, names: list[str]) -> list[str]:
    """Those of the CRDs that the API server doesn't serve yet."""
    found = client.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").raise_for_status().json()
    established = {
        item["metadata"]["name"]
        for item in found["items"]
        for condition in item.get("status", {}).get("conditions") or []
        if condition["type"] == "Established" and condition["status"] == "True"
    }
    return [name for name in names if name not in established]


def webhooks(module: str, file: str, name: str, url: str, ca_pem: str) -> Iterator[dict[str, Any]]:
    """Webhook configurations of a module's file, pointed at a local server.

    Args:
        module: the Go module.
        file: path of the file in it: a manifest, or a list of webhooks in a Helm chart's template.
        name: name of the resulting configurations.
        url: address of the controller's webhook server.
        ca_pem: authority of that server's certificate.
    """
    text = (toolchain.module_folder(module) / file).read_text()
    # Kamaji's files are Helm fragments; their template expressions only name the Service that is replaced here.
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
                pointed_at(hook, url, ca_pem)
                for hook in document["webhooks"]
                # It would report to Kamaji's authors.
                if "telemetry" not in hook["clientConfig"]["service"]["path"]
            ],
        }


def pointed_at(hook: Mapping[str, Any], url: str, ca_pem: str) -> dict[str, Any]:
    """One webhook that calls a local server instead of a Service."""
    path = hook["clientConfig"]["service"]["path"]
    return {
        **hook,
        "clientConfig": {"url": f"{url}{path}", "caBundle": base64.b64encode(ca_pem.encode()).decode()},
    }


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
