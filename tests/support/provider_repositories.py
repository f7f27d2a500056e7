"""clusterctl's providers as local repositories: what their releases hold, made from the pinned modules by kustomize."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

import toolchain
from toolchain import pins

KUBECTL = Path(sys.executable).parent / "kubectl"
CORE = "sigs.k8s.io/cluster-api"
PACKET = "sigs.k8s.io/cluster-api-provider-packet"
KAMAJI = "github.com/clastix/cluster-api-control-plane-provider-kamaji"

CERT_MANAGER = [
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.cert-manager.io"},
        "spec": {
            "group": "cert-manager.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": f"{kind.lower()}s"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    },
                }
            ],
        },
    }
    for kind in ("Issuer", "Certificate")
]
"""What clusterctl asks of a cert-manager that is there: that its API takes an Issuer and a Certificate."""


def repositories(folder: Path) -> Path:
    """Make the repositories of the four providers; the clusterctl configuration that names them."""
    core, packet, kamaji = (toolchain.module_folder(module, part="release") for module in (CORE, PACKET, KAMAJI))
    versions = {"core": pins.CLUSTER_API, "packet": toolchain.pins.PACKET_PROVIDER}
    providers = [
        ("cluster-api", "CoreProvider", versions["core"], kustomize(core / "config/default"), core),
        ("kubeadm", "BootstrapProvider", versions["core"], kustomize(core / "bootstrap/kubeadm/config/default"), core),
        ("packet", "InfrastructureProvider", versions["packet"], kustomize(packet / "config/default"), packet),
        (
            "kamaji",
            "ControlPlaneProvider",
            pins.KAMAJI_PROVIDER,
            (kamaji / "config/control-plane-components.yaml").read_text(),
            kamaji / "config",
        ),
    ]
    labels = {
        "Core": "",
        "Bootstrap": "bootstrap-",
        "Infrastructure": "infrastructure-",
        "ControlPlane": "control-plane-",
    }
    entries = []
    for name, kind, version, components, metadata in providers:
        file = {"CoreProvider": "core", "ControlPlaneProvider": "control-plane"}.get(
            kind, kind.removesuffix("Provider").lower()
        )
        target = folder / f"{labels[kind.removesuffix('Provider')]}{name}" / version
        target.mkdir(parents=True)
        (target / f"{file}-components.yaml").write_text(components)
        (target / "metadata.yaml").write_text((metadata / "metadata.yaml").read_text())
        entries.append({"name": name, "type": kind, "url": f"file://{target}/{file}-components.yaml"})
    config = folder / "clusterctl.yaml"
    config.write_text(yaml.safe_dump({"providers": entries}))
    return config


def kustomize(folder: Path) -> str:
    """What kustomize makes of a folder; a release of a provider is that."""
    process = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"{folder}: {process.stderr}"
    return process.stdout
