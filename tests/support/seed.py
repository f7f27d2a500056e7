"""How the manifests of stack ``seed`` differ from the document that the project began with, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ABSENT = "absent"

PROJECT = "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE example@example.org"

REDACTED = "redacted in the document"
CONTENT_NAMES = (
    "Cluster API replaces no machine when a template is edited; so each content has a name of its own, "
    "made from its hash"
)
LABELS = "the labels that Kubernetes recommends, and those that tell one pool's templates from another's"
WEBHOOK_DROPS = "capp's webhook removes an empty list, which a later run would take for a change"

WHOLE_REFERENCE = (
    "Cluster API's webhooks fill it in. A reference is one value, so one without it would be a conflict "
    "of field managers"
)

DIFFERENCES: dict[str, tuple[Any, Any, str]] = {
    "Cluster spec.controlPlaneRef.apiVersion": (
        "controlplane.cluster.x-k8s.io/v1beta1",
        "controlplane.cluster.x-k8s.io/v1alpha1",
        "KamajiControlPlane has no v1beta1. Cluster API corrects the reference, which a later run would take for a change",
    ),
    "Cluster spec.controlPlaneRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "Cluster spec.infrastructureRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "PacketCluster spec.metro": ("REDACTED", "da", REDACTED),
    "PacketCluster spec.projectID": ("REDACTED", PROJECT, REDACTED),
    "PacketCluster spec.vipManager": (
        ABSENT,
        "EMLB",
        "with CPEM, its default, capp crashes once the first worker is active and the project has no IP reservation",
    ),
    "KamajiControlPlane spec.deployment": (None, {}, "a key without a value is null, which the schema refuses"),
    "MachineDeployment spec.template.spec.bootstrap.configRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "MachineDeployment spec.template.spec.infrastructureRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "MachineDeployment spec.template.spec.bootstrap.configRef.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        CONTENT_NAMES,
    ),
    "MachineDeployment spec.template.spec.infrastructureRef.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        CONTENT_NAMES,
    ),
    "PacketMachineTemplate metadata.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        CONTENT_NAMES,
    ),
    "PacketMachineTemplate spec.template.spec.sshKeys[0]": ("ssh-rsa REDACTED REDACTED@REDACTED", SSH_KEY, REDACTED),
    "PacketMachineTemplate spec.template.spec.tags": ([], ABSENT, WEBHOOK_DROPS),
    "KubeadmConfigTemplate metadata.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        CONTENT_NAMES,
    ),
    "KubeadmConfigTemplate spec.template.spec.users": (
        ABSENT,
        [{"name": "root", "lockPassword": False, "sshAuthorizedKeys": [SSH_KEY]}],
        "capp 0.9 never sends sshKeys to the Metal API, so the document's keys would reach no machine",
    ),
    **{
        f"{kind} metadata.labels": (ABSENT, "app.kubernetes.io/*, cluster.x-k8s.io/cluster-name", LABELS)
        for kind in ("Cluster", "PacketCluster", "KamajiControlPlane")
    },
    **{
        f"{kind} metadata.labels": (ABSENT, "app.kubernetes.io/*, cluster.x-k8s.io/cluster-name, pool", LABELS)
        for kind in ("PacketMachineTemplate", "KubeadmConfigTemplate")
    },
    "MachineDeployment metadata.labels": ("two labels", "app.kubernetes.io/* beside them", LABELS),
}
"""By kind and field: what the document says, what is rendered, the reason."""


def seed_documents() -> dict[str, dict[str, Any]]:
    """The document's manifests by kind."""
    text = (ROOT / "tests/data/seed.yaml").read_text()
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two values differ: path, the first's, the second's."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and not path.endswith("metadata.labels"):
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}[{index}]")
    elif before != after:
        yield path, before, after


def table() -> str:
    """The differences as a Markdown table."""
    lines = ["| field | the document | rendered | why |", "|---|---|---|---|"]
    for field, (before, after, reason) in DIFFERENCES.items():
        lines.append(f"| {field} | {cell(before)} | {cell(after)} | {reason} |")
    return "\n".join(lines) + "\n"


DEFAULTS = """\
Stack `seed` sets some values as the document has them. Where a stack does not, the program's defaults differ
from the document in two more ways. The kubelet does not get `cloud-provider: external` unless
`metal.cloudController` is `external` or `cpem`: with that flag a node has a taint that only a cloud controller
removes. And nodes install Kubernetes from pkgs.k8s.io and containerd from Ubuntu, because the package hosts that
the document names are gone.
"""


def cell(value: Any) -> str:
    """A value within a table."""
    if value is None:
        return "empty"
    return f"`{value}`" if value != ABSENT else ABSENT


if __name__ == "__main__":
    (ROOT / "docs/seed-differences.md").write_text(
        "# How stack `seed` differs from the document that the project began with\n\n"
        "`make render STACK=seed` prints the six manifests of `tests/data/seed.yaml`, with these differences:\n\n"
        f"{table()}\n{DEFAULTS}\n"
        "`python -m tests.support.seed` writes this page, and a test compares it with the manifests.\n"
    )
