"""The two generations of Cluster API's objects, and what a reference to an object looks like in each.

The settings and the content are the same; API versions and the shape of a few fields differ. Sources: Cluster API
v1.10.1 and v1.13.4 (``config/crd/bases``), Kamaji's provider v0.15.2 and v0.20.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Contract:
    """API versions of one generation.

    Attributes:
        name: value of ``capi.contract``.
        core: of Cluster, MachineDeployment and MachineHealthCheck.
        bootstrap: of KubeadmConfigTemplate.
        control_plane: of KamajiControlPlane.
    """

    name: str
    core: str
    bootstrap: str
    control_plane: str

    @property
    def is_v1beta2(self) -> bool:
        """Whether objects have the shapes of v1beta2."""
        return self.name == "v1beta2"

    def reference(self, api_version: str, kind: str, name: str, namespace: str) -> dict[str, str]:
        """A reference to an object in the same namespace.

        In v1beta1 it holds the object's own version: Cluster API rewrites any other by the contract label of the kind's CRD,
        which a later run would see as a change. It holds the namespace, too: Cluster API's webhooks fill it in, and a
        reference is compared as a whole, so that one without it conflicts with the live one when clusters are imported.
        """
        if self.is_v1beta2:
            return {"apiGroup": api_version.partition("/")[0], "kind": kind, "name": name}
        return {"apiVersion": api_version, "kind": kind, "name": name, "namespace": namespace}

    def arguments(self, arguments: Mapping[str, str]) -> Any:
        """Command-line arguments of a kubeadm configuration: a map, or a list that keeps its order."""
        if self.is_v1beta2:
            return [{"name": name, "value": value} for name, value in arguments.items()]
        return dict(arguments)


CONTRACTS = {
    "v1beta1": Contract(
        "v1beta1",
        "cluster.x-k8s.io/v1beta1",
        "bootstrap.cluster.x-k8s.io/v1beta1",
        "controlplane.cluster.x-k8s.io/v1alpha1",
    ),
    "v1beta2": Contract(
        "v1beta2",
        "cluster.x-k8s.io/v1beta2",
        "bootstrap.cluster.x-k8s.io/v1beta2",
        "controlplane.cluster.x-k8s.io/v1alpha2",
    ),
}


def alternate_versions(api_version: str) -> list[str]:
    """API versions of the same objects in the other generation; empty where they have only one.

    >>> alternate_versions("controlplane.cluster.x-k8s.io/v1alpha1"), alternate_versions("v1")
    (['controlplane.cluster.x-k8s.io/v1alpha2'], [])
    """
    parts = [(contract.core, contract.bootstrap, contract.control_plane) for contract in CONTRACTS.values()]
    alike = [versions for versions in zip(*parts, strict=True) if api_version in versions]
    return [version for versions in alike for version in versions if version != api_version]
