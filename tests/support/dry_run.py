"""Strict server-side dry-runs: what an API server says of a manifest without keeping it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import yaml
from kamaji_equinix.components.kube.objects import plural

import toolchain
from lab import crds
from lab.plane import ManagementPlane
from tests.support.prepared_plane import prepared_plane
from toolchain.pins import (
    BARE_METAL_OPERATOR,
    METAL3_IPAM,
    METAL3_PROVIDER,
    NEWER_CLUSTER_API,
    NEWER_KAMAJI_PROVIDER,
)

NEWER = (
    ("sigs.k8s.io/cluster-api", NEWER_CLUSTER_API, "config/crd/bases"),
    ("sigs.k8s.io/cluster-api", NEWER_CLUSTER_API, "bootstrap/kubeadm/config/crd/bases"),
    ("github.com/clastix/cluster-api-control-plane-provider-kamaji", NEWER_KAMAJI_PROVIDER, "config/crd/bases"),
    ("sigs.k8s.io/cluster-api-provider-packet", None, "config/crd/bases"),
    ("github.com/metal3-io/cluster-api-provider-metal3", METAL3_PROVIDER, "config/crd/bases"),
    ("github.com/metal3-io/ip-address-manager", METAL3_IPAM, "config/crd/bases"),
    ("github.com/metal3-io/baremetal-operator", BARE_METAL_OPERATOR, "config/base/crds/bases"),
)
"""CRDs of the v1beta2 generation. capp has none of its own: its newest, of v1beta1, goes with both."""

EXPECTATION = re.compile(
    r"_(clusters|machinedeployments|machinehealthchecks|machinesets|kubeadmconfigtemplates|kamaji\w+|packet\w+"
    r"|metal3\w+|ippools|baremetalhosts)\.yaml$"
)


def newer_plane(folder: Path) -> AbstractContextManager[ManagementPlane]:
    """A management cluster's API with the CRDs of the v1beta2 generation."""
    return prepared_plane(folder, install)


def install(client: httpx.Client) -> None:
    """Install the newer CRDs that the manifests need."""
    names = []
    for module, version, folder in NEWER:
        for path in sorted((toolchain.module_folder(module, version) / folder).glob("*.yaml")):
            if EXPECTATION.search(path.name):
                definition = yaml.load(path.read_bytes(), yaml.CSafeLoader)
                # The tests read nothing back in another version, so nothing has to be converted.
                definition["spec"].pop("conversion", None)
                crds.apply(client, definition)
                names.append(definition["metadata"]["name"])
    assert len(names) >= 8, f"the CRDs are where the modules had them, found {names}"
    deadline = time.monotonic() + 30
    while missing := crds.missing_crds(client, names):
        assert time.monotonic() < deadline, f"CRDs not established: {missing}"
        time.sleep(0.1)


def send(client: httpx.Client, manifest: Mapping[str, Any]) -> httpx.Response:
    """Ask for a manifest's strict server-side dry-run: unknown and double fields are refused."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    version = manifest["apiVersion"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return client.patch(
        f"{prefix}{namespace}/{plural(kind)}/{metadata['name']}",
        params={"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "dry-run-test", "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        # JSON is YAML too, and what pulumi-kubernetes sends.
        content=json.dumps(dict(manifest)).encode(),
    )


def dry_run(client: httpx.Client, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the API server would make of a manifest.

    Asserts that it takes each field, warns of nothing and prunes nothing.
    """
    kind, metadata = manifest["kind"], manifest["metadata"]
    answer = send(client, manifest)
    assert answer.is_success, f"{kind} {metadata['name']}: {answer.status_code} {answer.text}"
    assert "warning" not in answer.headers, f"{kind} {metadata['name']}: {answer.headers['warning']}"
    obj: dict[str, Any] = answer.json()
    for path, value, result in losses(manifest, obj):
        raise AssertionError(f"{kind} {metadata['name']} {path}: sent {value!r}, became {result!r}")
    return obj


def losses(original: Any, result: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """What was sent and did not come back; what a server adds is no loss."""
    if isinstance(original, Mapping) and isinstance(result, Mapping):
        for key, value in original.items():
            yield from losses(value, result.get(key), f"{path}.{key}")
    elif isinstance(original, list) and isinstance(result, list) and len(original) == len(result):
        for index, value in enumerate(original):
            yield from losses(value, result[index], f"{path}[{index}]")
    elif original != result:
        yield path, original, result


def create_namespaces(client: httpx.Client, documents: list[dict[str, Any]]) -> None:
    """Make the namespaces that manifests lie in; a dry-run can't make them for later ones."""
    for name in {document["metadata"]["namespace"] for document in documents if "namespace" in document["metadata"]}:
        crds.apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
