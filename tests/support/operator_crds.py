"""The CRD of the Pulumi Kubernetes Operator's Stack.

The module of its 2.x releases is not on the Go module proxy, from which all else is pinned. The Stack of 1.16 is: the same
API version, of whose fields 2.x changed none but `config` and `gitAuth`, and to which it added. What the example uses of the
additions stands here, with the types of 2.9. ``$KAMAJI_EQUINIX_OPERATOR_CRDS`` names a folder with the CRDs of another
release (`deploy/crds` of its repository), which are then tested beside.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

import toolchain
from lab import crds

VARIABLE = "KAMAJI_EQUINIX_OPERATOR_CRDS"
FILE = "pulumi.com_stacks.yaml"

TEXT: dict[str, Any] = {"type": "string"}
# Parts of a pod: the test sends them to the API server once more, as a PodTemplate.
POD_PART: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
ADDITIONS: dict[str, dict[str, Any]] = {
    "serviceAccountName": TEXT,
    "retryMaxBackoffDurationSeconds": {"type": "integer", "format": "int64"},
    "workspaceTemplate": {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "image": TEXT,
                    "securityProfile": TEXT,
                    "resources": POD_PART,
                    "podTemplate": {"type": "object", "properties": {"spec": POD_PART}},
                },
            }
        },
    },
}


def releases() -> list[str]:
    """The releases that are tested: 2.x as put together here, and the one that the machine brings."""
    return ["pinned", *(["given"] if VARIABLE in os.environ else [])]


def definition(release: str) -> dict[str, Any]:
    """The CRD of a release."""
    if release == "given":
        document: dict[str, Any] = yaml.load((Path(os.environ[VARIABLE]) / FILE).read_bytes(), yaml.CSafeLoader)
        return document
    folder = toolchain.module_folder("github.com/pulumi/pulumi-kubernetes-operator")
    document = yaml.load((folder / "deploy" / "crds" / FILE).read_bytes(), yaml.CSafeLoader)
    for version in document["spec"]["versions"]:
        fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        assert not fields.keys() & ADDITIONS.keys(), "a newer release is pinned: drop the additions"
        fields.update(ADDITIONS)
    return document


def install(client: httpx.Client, release: str) -> None:
    """Install the CRD of a release and wait until the API server serves it."""
    document = definition(release)
    name = document["metadata"]["name"]
    # An apply of another release takes its fields over.
    crds.apply(client, document)
    deadline = time.monotonic() + 30
    while crds.missing_crds(client, [name]):
        assert time.monotonic() < deadline, f"{name} is not established"
        time.sleep(0.1)
