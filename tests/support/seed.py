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
NAMED_BY_CONTENT = (
    "Cluster API takes templates for unchangeable, and rolls no machine after an edit of one; so the content names them"
)
LABELS = "recommended labels, and those that tell a pool's templates from others"
WEBHOOK_DROPS = "capp's webhook drops an empty list, which a later run would see as a change"

WHOLE_REFERENCE = (
    "Cluster API's webhooks fill it in, and references are compared whole: without it another field manager conflicts"
)

DIFFERENCES: dict[str, tuple[Any, Any, str]] = {
    "Cluster spec.controlPlaneRef.apiVersion": (
        "controlplane.cluster.x-k8s.io/v1beta1",
        "controlplane.cluster.x-k8s.io/v1alpha1",
        "KamajiControlPlane has no v1beta1; Cluster API rewrites the reference, which a later run would see as a change",
    ),
    "Cluster spec.controlPlaneRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "Cluster spec.infrastructureRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "PacketCluster spec.metro": ("REDACTED", "da", REDACTED),
    "PacketCluster spec.projectID": ("REDACTED", PROJECT, REDACTED),
    "PacketCluster spec.vipManager": (
        ABSENT,
        "EMLB",
        "capp's default, CPEM, crashes it once the first worker is active and the project has no IP reservation",
    ),
    "KamajiControlPlane spec.deployment": (None, {}, "an empty key is null, which the schema refuses"),
    "MachineDeployment spec.template.spec.bootstrap.configRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "MachineDeployment spec.template.spec.infrastructureRef.namespace": (ABSENT, "default", WHOLE_REFERENCE),
    "MachineDeployment spec.template.spec.bootstrap.configRef.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        NAMED_BY_CONTENT,
    ),
    "MachineDeployment spec.template.spec.infrastructureRef.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        NAMED_BY_CONTENT,
    ),
    "PacketMachineTemplate metadata.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        NAMED_BY_CONTENT,
    ),
    "PacketMachineTemplate spec.template.spec.sshKeys[0]": ("ssh-rsa REDACTED REDACTED@REDACTED", SSH_KEY, REDACTED),
    "PacketMachineTemplate spec.template.spec.tags": ([], ABSENT, WEBHOOK_DROPS),
    "KubeadmConfigTemplate metadata.name": (
        "capi-quickstart-worker-a",
        "capi-quickstart-worker-a-<8 hex digits>",
        NAMED_BY_CONTENT,
    ),
    "KubeadmConfigTemplate spec.template.spec.users": (
        ABSENT,
        [{"name": "root", "lockPassword": False, "sshAuthorizedKeys": [SSH_KEY]}],
        "capp 0.9 never sends sshKeys to the Metal API, so the keys of the document reach no machine",
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
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif before != after:
        yield path, before, after


def table() -> str:
    """The differences as a Markdown table."""
    lines = ["| field | the document | rendered | why |", "|---|---|---|---|"]
    for field, (before, after, why) in DIFFERENCES.items():
        lines.append(f"| {field} | {cell(before)} | {cell(after)} | {why} |")
    return "\n".join(lines) + "\n"


DEFAULTS = """\
Where the seed's own values are not asked for, the defaults differ too: the kubelet gets `cloud-provider:
external` only with `metal.cloudController: external`, because without a cloud controller its taint never
goes; and nodes install Kubernetes from pkgs.k8s.io and Ubuntu's containerd, because the page's package hosts
are gone.
"""


def cell(value: Any) -> str:
    """A value within a table."""
    if value is None:
        return "empty"
    return f"`{value}`" if value != ABSENT else ABSENT


if __name__ == "__main__":
    (ROOT / "docs/seed-differences.md").write_text(
        "# How stack `seed` differs from the document that the project began with\n\n"
        "`make render STACK=seed` prints the six manifests of `tests/data/seed.yaml`, field by field, except:\n\n"
        f"{table()}\n{DEFAULTS}\nMade by `python -m tests.support.seed`; a test holds it exact.\n"
    )
