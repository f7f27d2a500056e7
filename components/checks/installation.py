"""The commands that make a management cluster of a cluster, with the versions that belong together. Pure.

docs/management-cluster.md shows the same ones in their order; tests hold the two together, and run those of clusterctl.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

KAMAJI = "edge-25.4.1"
"""Kamaji's release: its chart is in the repository at this tag, because the chart repository has the newest one only."""

KAMAJI_COMMANDS = (
    "helm repo add clastix https://clastix.github.io/charts",
    f"git clone --depth 1 --branch {KAMAJI} https://github.com/clastix/kamaji",
    "helm dependency build kamaji/charts/kamaji",
    "helm install kamaji kamaji/charts/kamaji --namespace kamaji-system --create-namespace "
    f"--set image.tag={KAMAJI} --set telemetry.disabled=true",
)

KAMAJI_DEPLOYMENT = "app.kubernetes.io/name=kamaji,app.kubernetes.io/component=controller-manager"
"""Label selector of the Deployment of Kamaji's chart (charts/kamaji/templates/_helpers.tpl)."""


@dataclass(frozen=True)
class Release:
    """Versions that go with a ``capi.contract``."""

    cluster_api: str
    kamaji_provider: str


RELEASES = {"v1beta1": Release("v1.10.1", "v0.15.2"), "v1beta2": Release("v1.13.4", "v0.20.0")}
"""By ``capi.contract``: what this program is tested with."""

PROVIDER_TYPES = {
    "CoreProvider": "core",
    "BootstrapProvider": "bootstrap",
    "ControlPlaneProvider": "control-plane",
    "InfrastructureProvider": "infrastructure",
}
"""clusterctl's options by the ``type`` of a Provider in its inventory."""


def installs(contract: str) -> Mapping[str, str]:
    """The command that installs what serves an API group, by group; several commands stand in a line each."""
    release = RELEASES[contract]
    bootstrap = f"--bootstrap kubeadm:{release.cluster_api}"
    control_plane = f"--control-plane kamaji:{release.kamaji_provider}"
    return {
        # clusterctl takes kubeadm's control plane provider along with the first core provider, unless another is named.
        "cluster.x-k8s.io": f"clusterctl init --core cluster-api:{release.cluster_api} {bootstrap} {control_plane}",
        "bootstrap.cluster.x-k8s.io": f"clusterctl init {bootstrap}",
        "controlplane.cluster.x-k8s.io": f"clusterctl init {control_plane}",
        "kamaji.clastix.io": "\n".join(KAMAJI_COMMANDS),
    }


def provider_option(install: str) -> tuple[str, str]:
    """The provider that a command of clusterctl is for, as its option and with its version; empty for another command.

    >>> provider_option("clusterctl init --core cluster-api:v1.10.1 --bootstrap kubeadm:v1.10.1")
    ('--core cluster-api', '--core cluster-api:v1.10.1')
    """
    match = re.match(r"clusterctl init ((--\S+ [^\s:]+)\S*)", install)
    return (match[2], match[1]) if match else ("", "")


def bring(install: str, inventory: Collection[str]) -> str:
    """The command that installs what is missing.

    ``clusterctl init`` passes over a provider that is in its inventory, even if its objects were deleted. Then the objects
    that it would install are applied; nothing has to be deleted for that.

    Args:
        install: the command for a cluster without it.
        inventory: options of the providers that clusterctl has installed, such as ``--core cluster-api``.
    """
    option, with_version = provider_option(install)
    if option not in inventory:
        return install
    return f"clusterctl generate provider {with_version} | kubectl apply --server-side --force-conflicts -f -"


def replace(install: str, inventory: Collection[str]) -> str:
    """The commands that install another version than the present one."""
    is_installed = provider_option(install)[0] in inventory
    return install.replace("clusterctl init", "clusterctl upgrade apply") if is_installed else install


def data_store(name: str) -> str:
    """The commands that make a DataStore with an etcd of its own."""
    return (
        "helm repo add clastix https://clastix.github.io/charts\n"
        f"helm install {name} clastix/kamaji-etcd --version 0.9.2 --namespace kamaji-system --create-namespace "
        f"--set datastore.enabled=true --set datastore.name={name}"
    )


def with_commands(verb: str, commands: str) -> str:
    """A remedy: one command in the line, several below it.

    >>> with_commands("install with", "make it")
    'install with `make it`'
    """
    lines = commands.splitlines()
    if len(lines) == 1:
        return f"{verb} `{commands}`"
    return "".join([f"{verb}:", *(f"\n    {line}" for line in lines)])
