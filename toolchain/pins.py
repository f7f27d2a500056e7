"""The pins: the programs, their versions, and the Go modules that they are built from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PINS = Path(__file__).parent / "pins"
"""One folder per group of programs that share their modules, each with go.mod and go.sum."""

KUBERNETES = "v1.33.0"
OLDER_KUBERNETES = "v1.32.2"
CLUSTER_API = "v1.10.1"
KAMAJI = "v1.0.1-0.20250428170502-994ca7687d0f"
KAMAJI_PROVIDER = "v0.15.2"
PACKET_PROVIDER = "v0.9.0"
NEWER_CLUSTER_API = "v1.13.4"
NEWER_KAMAJI_PROVIDER = "v0.20.0"
METAL3_PROVIDER = "v1.13.2"
METAL3_IPAM = "v1.13.2"
BARE_METAL_OPERATOR = "v0.13.2"
SECOND_GENERATION = "second-generation"
"""Group of the programs of Cluster API's contract v1beta2, and of Metal3, which supports no older contract."""
PULUMI = "v3.259.0"
PULUMI_KUBERNETES = "v4.25.0"
PULUMI_OPERATOR = "v1.16.0"


Need = Literal["up", "test", "request"]
"""When a program is built: before the lab starts, before the tests, or on request by its name."""


@dataclass(frozen=True)
class Program:
    """A program of the toolchain.

    Attributes:
        name: its name in the project.
        version: its version, as in its file's name.
        group: folder under ``toolchain/pins`` whose go.mod pins it.
        package: its Go package; a path from "./" if it is in the group's folder.
        variables: Go variables that the linker sets: package path and name, and the value.
        seconds: measured CPU time of its build after the earlier ones of its group; its weight in the progress.
        need: when it is built.
    """

    name: str
    version: str
    group: str
    package: str
    seconds: int
    variables: tuple[tuple[str, str], ...] = ()
    need: Need = "up"

    @property
    def file_name(self) -> str:
        """Name of its file in the cache."""
        return f"{self.name}-{self.version}"


def _kubernetes_version(version: str) -> tuple[tuple[str, str], ...]:
    """Variables of a Kubernetes program; Cluster API rejects an API server without a version."""
    major, minor, _patch = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    return ((f"{package}.gitVersion", version), (f"{package}.gitMajor", major), (f"{package}.gitMinor", minor))


def _kubernetes(
    name: str, seconds: int, version: str = KUBERNETES, group: str = "kubernetes", need: Need = "up"
) -> Program:
    return Program(name, version, group, f"k8s.io/kubernetes/cmd/{name}", seconds, _kubernetes_version(version), need)


def _second_generation() -> Iterator[Program]:
    capi = "sigs.k8s.io/cluster-api"
    kamaji = "github.com/clastix/cluster-api-control-plane-provider-kamaji"
    metal3 = "github.com/metal3-io"
    for name, version, package, seconds in (
        ("capi-core", NEWER_CLUSTER_API, capi, 230),
        ("capi-bootstrap-kubeadm", NEWER_CLUSTER_API, f"{capi}/bootstrap/kubeadm", 8),
        ("kamaji-control-plane", NEWER_KAMAJI_PROVIDER, kamaji, 6),
        ("capm3", METAL3_PROVIDER, f"{metal3}/cluster-api-provider-metal3", 8),
        ("metal3-ipam", METAL3_IPAM, f"{metal3}/ip-address-manager", 4),
        ("baremetal-operator", BARE_METAL_OPERATOR, f"{metal3}/baremetal-operator", 6),
        ("clusterctl", NEWER_CLUSTER_API, f"{capi}/cmd/clusterctl", 15),
    ):
        yield Program(name, version, SECOND_GENERATION, package, seconds, need="test")


PROGRAMS = (
    Program(
        "pulumi-language-python",
        "v3.188.0",
        "pulumi-language-python",
        "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3",
        79,
    ),
    Program("etcd", "v3.6.16", "etcd", "go.etcd.io/etcd/server/v3", 37),
    Program("capp", PACKET_PROVIDER, "capp", "sigs.k8s.io/cluster-api-provider-packet", 118),
    Program("capi-core", CLUSTER_API, "cluster-api", "sigs.k8s.io/cluster-api", 166),
    Program("capi-bootstrap-kubeadm", CLUSTER_API, "cluster-api", "sigs.k8s.io/cluster-api/bootstrap/kubeadm", 7),
    Program(
        "kamaji-control-plane",
        KAMAJI_PROVIDER,
        "cluster-api",
        "github.com/clastix/cluster-api-control-plane-provider-kamaji",
        4,
    ),
    # Only for tests, which compare the status tree with it.
    Program("clusterctl", CLUSTER_API, "cluster-api", "sigs.k8s.io/cluster-api/cmd/clusterctl", 10, need="test"),
    Program(
        "pulumi",
        PULUMI,
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        178,
        (("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", PULUMI),),
    ),
    # On the Kubernetes libraries of the API server: what both compile is compiled once.
    Program(
        "pulumi-resource-kubernetes",
        PULUMI_KUBERNETES,
        "kubernetes",
        "./plugin",
        180,
        (
            (
                "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version",
                PULUMI_KUBERNETES.removeprefix("v"),
            ),
        ),
    ),
    _kubernetes("kube-apiserver", 165),
    _kubernetes("kube-controller-manager", 91),
    _kubernetes("kube-scheduler", 6),
    Program("kamaji", KAMAJI, "kubernetes", "github.com/clastix/kamaji", 41),
)
"""The programs that every lab needs; the smallest group is first, to show progress early, and groups are contiguous."""

EXTRA_PROGRAMS = (
    *_second_generation(),
    _kubernetes("kube-apiserver", 285, OLDER_KUBERNETES, "kubernetes-1.32", "request"),
    _kubernetes("kube-controller-manager", 81, OLDER_KUBERNETES, "kubernetes-1.32", "request"),
)
"""Programs that not every lab needs: other versions, and those of the second generation."""

_USUAL = {program.name for program in PROGRAMS}

BY_NAME = {program.name: program for program in PROGRAMS} | {
    f"{program.name}@{program.version}" if program.name in _USUAL else program.name: program
    for program in EXTRA_PROGRAMS
}
"""All programs by name; versions other than the default by ``name@version``."""


def pin_of(name: str, version: str | None = None) -> Program:
    """A program by its name and its version, None for the default.

    Raises:
        KeyError: no such program is pinned.
    """
    if (usual := BY_NAME.get(name)) and version in (None, usual.version):
        return usual
    return BY_NAME[f"{name}@{version}" if version else name]


@dataclass(frozen=True)
class Source:
    """Files of a Go module that are used as files: CRDs, webhook configurations, scripts.

    Attributes:
        module: path of the module.
        version: version of the module.
        group: folder under ``toolchain/pins`` whose go.sum has its checksum, which the checksum database may lack.
        folders: its folders and files to keep in the cache.
        need: when it is downloaded.
        part: name of these folders, for a second source with the same module.
    """

    module: str
    version: str
    group: str
    folders: tuple[str, ...]
    need: Need = "up"
    part: str = ""


# The first source of a module is the default: the lab's version is first.
SOURCES = (
    Source(
        "sigs.k8s.io/cluster-api",
        CLUSTER_API,
        "cluster-api",
        (
            "config/crd/bases",
            "config/webhook",
            "bootstrap/kubeadm/config/crd/bases",
            "bootstrap/kubeadm/config/webhook",
        ),
    ),
    Source("sigs.k8s.io/cluster-api-provider-packet", PACKET_PROVIDER, "capp", ("config/crd/bases", "config/webhook")),
    Source("github.com/clastix/kamaji", KAMAJI, "kubernetes", ("charts/kamaji/crds", "charts/kamaji/controller-gen")),
    Source(
        "github.com/clastix/cluster-api-control-plane-provider-kamaji",
        KAMAJI_PROVIDER,
        "cluster-api",
        ("config/crd/bases",),
    ),
    # The second generation. Its Kamaji has the same API version of TenantControlPlane as the one above.
    Source(
        "sigs.k8s.io/cluster-api",
        NEWER_CLUSTER_API,
        SECOND_GENERATION,
        (
            "config/crd/bases",
            "config/webhook",
            "bootstrap/kubeadm/config/crd/bases",
            "bootstrap/kubeadm/config/webhook",
        ),
        "test",
    ),
    Source(
        "github.com/clastix/cluster-api-control-plane-provider-kamaji",
        NEWER_KAMAJI_PROVIDER,
        SECOND_GENERATION,
        ("config/crd/bases",),
        "test",
    ),
    Source(
        "github.com/metal3-io/cluster-api-provider-metal3",
        METAL3_PROVIDER,
        SECOND_GENERATION,
        ("config/crd/bases", "config/webhook"),
        "test",
    ),
    Source(
        "github.com/metal3-io/ip-address-manager",
        METAL3_IPAM,
        SECOND_GENERATION,
        ("config/crd/bases", "config/webhook"),
        "test",
    ),
    Source(
        "github.com/metal3-io/baremetal-operator",
        BARE_METAL_OPERATOR,
        SECOND_GENERATION,
        ("config/base/crds/bases", "config/base/webhook"),
        "test",
    ),
    # The content of releases for clusterctl.
    Source(
        "sigs.k8s.io/cluster-api",
        CLUSTER_API,
        "cluster-api",
        ("config", "bootstrap/kubeadm/config", "metadata.yaml"),
        "test",
        "release",
    ),
    Source(
        "sigs.k8s.io/cluster-api-provider-packet",
        PACKET_PROVIDER,
        "capp",
        ("config", "metadata.yaml"),
        "test",
        "release",
    ),
    Source(
        "github.com/clastix/cluster-api-control-plane-provider-kamaji",
        KAMAJI_PROVIDER,
        "cluster-api",
        ("config/control-plane-components.yaml", "config/metadata.yaml"),
        "test",
        "release",
    ),
    Source("github.com/pulumi/pulumi/sdk/v3", PULUMI, "pulumi", ("python/cmd", "python/dist")),
    Source(
        "github.com/pulumi/pulumi-kubernetes/provider/v4",
        "v4.0.0-20260115033456-f47bc2d6f199",
        "kubernetes",
        ("cmd/pulumi-resource-kubernetes",),
        "request",
    ),
    # The newest that the module proxy has. Stack has the same API version in 2.x, which only adds fields to it.
    Source(
        "github.com/pulumi/pulumi-kubernetes-operator",
        PULUMI_OPERATOR,
        "pulumi-kubernetes-operator",
        ("deploy/crds",),
        "test",
    ),
)


def cache_folder() -> Path:
    """Folder of the programs: ``$KAMAJI_EQUINIX_TOOLCHAIN``, else ``~/.cache/kamaji-equinix/toolchain``."""
    folder = os.environ.get("KAMAJI_EQUINIX_TOOLCHAIN")
    return Path(folder).expanduser().resolve() if folder else Path.home() / ".cache" / "kamaji-equinix" / "toolchain"
