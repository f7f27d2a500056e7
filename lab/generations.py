"""The generations of Cluster API that the lab runs: the programs, CRDs and webhooks of each.

A management cluster is upgraded from one to the next: first Cluster API, then the Kamaji provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toolchain import pins

Contract = Literal["v1beta1", "v1beta2"]

CAPI = "sigs.k8s.io/cluster-api"
CAPP = "sigs.k8s.io/cluster-api-provider-packet"
KAMAJI = "github.com/clastix/kamaji"
KAMAJI_PROVIDER = "github.com/clastix/cluster-api-control-plane-provider-kamaji"
CAPM3 = "github.com/metal3-io/cluster-api-provider-metal3"
IPAM = "github.com/metal3-io/ip-address-manager"
OPERATOR = "github.com/metal3-io/baremetal-operator"

METAL3 = ("capm3", "metal3-ipam", "baremetal-operator")


@dataclass(frozen=True)
class Folder:
    """A folder of CRDs in a Go module.

    Attributes:
        module: the module's path.
        path: the folder in it.
        converter: the controller whose webhook converts between the CRDs' versions; empty if none is needed.
    """

    module: str
    path: str
    converter: str = ""


@dataclass(frozen=True)
class Hooks:
    """A file with a controller's admission webhooks."""

    controller: str
    module: str
    path: str


@dataclass(frozen=True)
class Generation:
    """What a management cluster consists of.

    Attributes:
        contract: the contract of Cluster API that Kamaji's provider and the stacks follow.
        cluster_api: version of Cluster API.
        controllers: the controllers, in the order in which they are started.
        versions: versions of modules and programs that differ from the defaults.
        crds: all CRDs.
        hooks: all admission webhooks.
    """

    contract: Contract
    cluster_api: str
    controllers: tuple[str, ...]
    versions: Mapping[str, str]
    crds: tuple[Folder, ...]
    hooks: tuple[Hooks, ...]

    @property
    def has_metal3(self) -> bool:
        """Whether it includes Metal3's controllers."""
        return "baremetal-operator" in self.controllers

    def version(self, name: str) -> str | None:
        """Version of a module or program; None for the default."""
        return self.versions.get(name)

    def programs(self) -> tuple[str, ...]:
        """Toolchain names of its programs that `make toolchain` does not build."""
        return tuple(
            f"{name}@{self.versions[name]}" if f"{name}@{self.versions[name]}" in pins.BY_NAME else name
            for name in self.controllers
            if name in self.versions
        )


CONTROLLERS = ("kamaji", "capi-core", "capi-bootstrap-kubeadm", "kamaji-control-plane", "capp")

_COMMON_CRDS = (
    Folder(CAPP, "config/crd/bases"),
    # Each of Kamaji's CRDs serves only versions that share a schema.
    Folder(KAMAJI, "charts/kamaji/crds"),
    Folder(KAMAJI_PROVIDER, "config/crd/bases"),
)
_METAL3_CRDS = (
    Folder(CAPM3, "config/crd/bases", "capm3"),
    Folder(IPAM, "config/crd/bases"),
    Folder(OPERATOR, "config/base/crds/bases"),
)
_HOOKS = (
    Hooks("capi-core", CAPI, "config/webhook/manifests.yaml"),
    Hooks("capi-bootstrap-kubeadm", CAPI, "bootstrap/kubeadm/config/webhook/manifests.yaml"),
    Hooks("capp", CAPP, "config/webhook/manifests.yaml"),
    Hooks("kamaji", KAMAJI, "charts/kamaji/controller-gen/mutating-webhook.yaml"),
    Hooks("kamaji", KAMAJI, "charts/kamaji/controller-gen/validating-webhook.yaml"),
)
_METAL3_HOOKS = (
    Hooks("capm3", CAPM3, "config/webhook/manifests.yaml"),
    Hooks("metal3-ipam", IPAM, "config/webhook/manifests.yaml"),
    Hooks("baremetal-operator", OPERATOR, "config/base/webhook/manifests.yaml"),
)
_NEWER = dict.fromkeys((CAPI, "capi-core", "capi-bootstrap-kubeadm"), pins.NEWER_CLUSTER_API)
_CONVERTED_CRDS = (
    Folder(CAPI, "config/crd/bases", "capi-core"),
    Folder(CAPI, "bootstrap/kubeadm/config/crd/bases", "capi-bootstrap-kubeadm"),
)

FIRST = Generation(
    "v1beta1",
    pins.CLUSTER_API,
    CONTROLLERS,
    {},
    (Folder(CAPI, "config/crd/bases"), Folder(CAPI, "bootstrap/kubeadm/config/crd/bases"), *_COMMON_CRDS),
    _HOOKS,
)
"""Cluster API 1.10."""

BETWEEN = Generation("v1beta1", pins.NEWER_CLUSTER_API, CONTROLLERS, _NEWER, (*_CONVERTED_CRDS, *_COMMON_CRDS), _HOOKS)
"""Cluster API 1.13 with the old Kamaji provider: a management cluster in the middle of its upgrade."""

SECOND = Generation(
    "v1beta2",
    pins.NEWER_CLUSTER_API,
    (*CONTROLLERS, *METAL3),
    {
        **_NEWER,
        KAMAJI_PROVIDER: pins.NEWER_KAMAJI_PROVIDER,
        "kamaji-control-plane": pins.NEWER_KAMAJI_PROVIDER,
        "capm3": pins.METAL3_PROVIDER,
        "metal3-ipam": pins.METAL3_IPAM,
        "baremetal-operator": pins.BARE_METAL_OPERATOR,
    },
    (*_CONVERTED_CRDS, *_COMMON_CRDS, *_METAL3_CRDS),
    (*_HOOKS, *_METAL3_HOOKS),
)
"""Cluster API 1.13 with the Kamaji provider of contract v1beta2, and Metal3."""

GENERATIONS = (FIRST, BETWEEN, SECOND)
"""In the order of upgrades; a management cluster never goes back."""


class NoSuchGeneration(Exception):
    """No generation fits, or the lab cannot be upgraded to it."""


def choose(contract: str, cluster_api: str = "") -> Generation:
    """The generation of a contract; the version of Cluster API decides where a contract has several.

    Raises:
        NoSuchGeneration: contract and version do not fit together.
    """
    for generation in GENERATIONS:
        if generation.contract == contract and cluster_api in ("", generation.cluster_api):
            return generation
    raise NoSuchGeneration(
        f"contract {contract} and Cluster API {cluster_api} do not go together; there are "
        + ", ".join(f"{item.contract} on {item.cluster_api}" for item in GENERATIONS)
    )
