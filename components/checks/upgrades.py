"""Whether a change of Kubernetes versions is possible: one minor at a time, never back, kubelets in reach. Pure.

The rules are those of the controllers: Kamaji's webhook compares with the version that it accepted last, even if the API
server does not run it yet (kamaji, internal/webhook/handlers/tcp_version.go); kubeadm raises a cluster by one minor from what
it runs; Cluster API creates no machine whose minor is not the control plane's (cluster-api, machineset_preflight.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..capi.versions import bare, kubelet_lag, minor, sort_key
from ..kube.objects import dig
from ..settings.model import TenantClusterSettings
from ..settings.report import Problem


@dataclass(frozen=True)
class Versions:
    """Versions of a living control plane.

    Attributes:
        kamaji: the version that Kamaji accepted last: it refuses an older one. Empty where there is none, or it is not known.
        api_server: what the API server runs; empty where none runs, or that is not known.
    """

    kamaji: str = ""
    api_server: str = ""


def versions_of(plane: Mapping[str, Any] | None, tenant: Mapping[str, Any] | None) -> Versions:
    """The versions of a living control plane.

    The KamajiControlPlane's spec is none of them: Kamaji may have refused it.

    Args:
        plane: the KamajiControlPlane; None where there is none.
        tenant: the TenantControlPlane that Kamaji's provider made of it; None where there is none, or it can't be read.
    """
    running = bare(
        dig(tenant, "status", "kubernetesResources", "version", "version") or dig(plane, "status", "version")
    )
    return Versions(bare(dig(tenant, "spec", "kubernetes", "version")) or running, running)


def path_of(base: str, tenant: TenantClusterSettings) -> str:
    """The setting that the control plane's version comes from."""
    return f"{base}controlPlane.version" if tenant.control_plane.version else f"{base}cluster.kubernetesVersion"


def problems(
    base: str, before: Versions, tenant: TenantClusterSettings, kubelets: Mapping[str, Iterable[str]]
) -> Iterator[Problem]:
    """The versions that a cluster can't reach from its present one.

    Args:
        base: path of the cluster in the configuration, with a dot, or empty.
        before: the living control plane's.
        tenant: the settings to apply.
        kubelets: versions of the living machines by their pool, ``""`` for those of none.
    """
    after, path = tenant.control_plane_version, path_of(base, tenant)
    if before.kamaji and sort_key(after) < sort_key(before.kamaji):
        still = (
            ""
            if before.api_server == before.kamaji
            else f" (its API server still runs {before.api_server or 'nothing'})"
        )
        yield Problem(
            path,
            f"is older than the living control plane's version, {before.kamaji}{still}, and Kamaji refuses to go back",
            after,
            before.kamaji,
        )
        return
    if not before.api_server:
        return
    if minor(after)[1] - minor(before.api_server)[1] > 1:
        following = f"1.{minor(before.api_server)[1] + 1}.0"
        yield Problem(
            path,
            f"skips a minor version: the living control plane has {before.api_server}; upgrade to {following} first",
            after,
            following,
        )
    if minor(after) > minor(before.api_server):
        for pool, versions in sorted(kubelets.items()):
            oldest = min(versions, key=sort_key)
            if minor(after)[1] - minor(oldest)[1] > kubelet_lag(oldest):
                yield Problem(
                    path,
                    f"is more than {kubelet_lag(oldest)} minor versions newer than machines of pool {pool or '(none)'}, "
                    f"which run {oldest}, and Kubernetes allows no more; let that pool roll first",
                    after,
                    before.api_server,
                )


def kubelets_of(machines: Iterable[Mapping[str, Any]], pool_label: str) -> dict[str, list[str]]:
    """Versions of machines by their pool; machines without a version, or in deletion, don't count."""
    kubelets: dict[str, list[str]] = {}
    for machine in machines:
        version = bare(dig(machine, "spec", "version"))
        if version and not dig(machine, "metadata", "deletionTimestamp"):
            kubelets.setdefault(str((dig(machine, "metadata", "labels") or {}).get(pool_label, "")), []).append(version)
    return kubelets


def announcement(tenant: TenantClusterSettings, before: Versions) -> Iterator[str]:
    """A line about an upgrade and its order; none where the version stays."""
    after = tenant.control_plane_version
    if before.api_server and before.api_server != after:
        yield (
            f"control plane of {tenant.cluster.namespace}/{tenant.cluster.name}: Kubernetes {before.api_server} to {after} "
            "first; its pools change once its API server runs that"
        )
