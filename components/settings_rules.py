"""Rules that span several settings."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator, Sequence

from . import settings as model
from .settings_report import Problem
from .settings_types import minor

OLDEST, NEWEST = (1, 30), (1, 33)
"""Kubernetes versions that the pinned Kamaji runs and its kubeadm takes; newer ones its webhook refuses."""

KUBELET_SKEW = 3
"""Minors that a kubelet may lag behind the API server (kubernetes.io, version skew policy)."""


def cluster_problems(
    base: str,
    cluster: model.ClusterSettings | None,
    control_plane: model.ControlPlaneSettings | None,
    metal: model.MetalSettings | None,
    pools: Sequence[model.WorkerPoolSettings | None],
) -> Iterator[Problem]:
    """Mistakes between the settings of one cluster; sections with mistakes of their own are None."""
    if cluster:
        yield from overlaps(base, cluster)
        yield from versions(base, cluster, control_plane, pools)
    if metal:
        yield from places(base, metal)
    names: dict[str, int] = {}
    for index, pool in enumerate(pools):
        if pool is None:
            continue
        path = f"{base}workerPools[{index}]"
        if pool.name in names:
            yield Problem(f"{path}.name", f"is the name of workerPools[{names[pool.name]}] too", pool.name)
        names.setdefault(pool.name, index)
        yield from pool_problems(path, cluster, pool)


def overlaps(base: str, cluster: model.ClusterSettings) -> Iterator[Problem]:
    """Address ranges must not share addresses."""
    ranges = [
        *((f"{base}cluster.podCidrs[{i}]", value) for i, value in enumerate(cluster.pod_cidrs)),
        *((f"{base}cluster.serviceCidrs[{i}]", value) for i, value in enumerate(cluster.service_cidrs)),
    ]
    for (_, one), (path, other) in itertools.combinations(ranges, 2):
        first, second = ipaddress.ip_network(one), ipaddress.ip_network(other)
        if first.version == second.version and first.overlaps(second):
            yield Problem(path, f"overlaps with {one}; pods and Services need ranges of their own", other)


def versions(
    base: str,
    cluster: model.ClusterSettings,
    control_plane: model.ControlPlaneSettings | None,
    pools: Sequence[model.WorkerPoolSettings | None],
) -> Iterator[Problem]:
    """Versions that the controllers take, and kubelets that fit the control plane."""
    own = control_plane.version if control_plane else None
    path = f"{base}controlPlane.version" if own else f"{base}cluster.kubernetesVersion"
    plane = own or cluster.kubernetes_version
    if not OLDEST <= minor(plane) <= NEWEST:
        yield Problem(
            path, f"must lie between 1.{OLDEST[1]} and 1.{NEWEST[1]}, which Kamaji here takes", plane, "1.33.0"
        )
        return
    for index, pool in enumerate(pools):
        if pool is None:
            continue
        kubelet = pool.kubernetes_version or cluster.kubernetes_version
        where = f"{base}workerPools[{index}].kubernetesVersion"
        if minor(kubelet) > minor(plane):
            yield Problem(where, f"is newer than the control plane's {plane}; raise that first", kubelet, plane)
        elif minor(plane)[1] - minor(kubelet)[1] > KUBELET_SKEW:
            yield Problem(
                where, f"is more than {KUBELET_SKEW} minors behind the control plane's {plane}", kubelet, plane
            )


def places(base: str, metal: model.MetalSettings) -> Iterator[Problem]:
    """Metro or facility, and what capp 0.9 breaks on."""
    if bool(metal.metro) == bool(metal.facility):
        yield Problem(f"{base}metal.metro", "exactly one of metro and facility is required", metal.metro, "da")
    if metal.vip_manager == "CPEM":
        yield Problem(
            f"{base}metal.vipManager",
            "crashes capp 0.9 when the first worker is active and the project has no IP reservation",
            metal.vip_manager,
            "EMLB",
        )
    names = [key.name for key in metal.ssh_keys]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"{base}metal.sshKeys[{index}].name", "is given twice", name)


def pool_problems(
    path: str, cluster: model.ClusterSettings | None, pool: model.WorkerPoolSettings
) -> Iterator[Problem]:
    """Mistakes within one pool."""
    # Cluster API appends two random suffixes of five and ten characters to make Machine names, which become host names.
    length = len(f"{cluster.name if cluster else ''}-{pool.name}") + 17
    if length > 63:
        yield Problem(f"{path}.name", f"makes names of machines {length} characters long; 63 is the limit", pool.name)
    if (pool.min is None) != (pool.max is None):
        yield Problem(f"{path}.min", "min and max go together", pool.min, 1)
    elif pool.min is not None and pool.max is not None:
        if pool.min > pool.max:
            yield Problem(f"{path}.min", f"is more than max, {pool.max}", pool.min)
        if pool.replicas is not None:
            yield Problem(f"{path}.replicas", "excludes min and max: the autoscaler sets the number", pool.replicas)
    if pool.metro and pool.facility:
        yield Problem(f"{path}.metro", "metro and facility exclude each other", pool.metro)
    if len(pool.hardware_reservation_ids) > 1:
        yield Problem(
            f"{path}.hardwareReservationIds", "more than one crashes capp 0.9", list(pool.hardware_reservation_ids)
        )
    if (pool.os == "custom_ipxe") != (pool.ipxe_url is not None):
        yield Problem(f"{path}.ipxeUrl", "goes with os custom_ipxe, and only with it", pool.ipxe_url)
    own = pool.bootstrap.profile == "commands"
    if own != bool(pool.bootstrap.commands):
        yield Problem(
            f"{path}.bootstrap.commands",
            "is required by profile commands" if own else "goes with profile commands",
            list(pool.bootstrap.commands),
        )


def stack_problems(tenants: Sequence[model.TenantClusterSettings]) -> Iterator[Problem]:
    """Clusters of one stack must not share objects."""
    seen: dict[tuple[str, str], int] = {}
    names: dict[str, int] = {}
    for index, tenant in enumerate(tenants):
        if tenant.cluster.name in names:
            yield Problem(
                f"clusters[{index}].cluster.name",
                f"is the name of clusters[{names[tenant.cluster.name]}] too",
                tenant.cluster.name,
            )
        names.setdefault(tenant.cluster.name, index)
        key = (tenant.cluster.namespace, tenant.control_plane_name)
        if key in seen:
            yield Problem(
                f"clusters[{index}].controlPlane.name",
                f"is the control plane of clusters[{seen[key]}] too",
                tenant.control_plane_name,
            )
        seen.setdefault(key, index)


def cluster_warnings(tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """What is allowed, but better known."""
    if tenant.handoff.verify == "none":
        yield Problem("handoff.verify", "none: whoever answers at the address is taken for the control plane")
    for index, pool in enumerate(tenant.worker_pools):
        if pool.tags:
            yield Problem(f"workerPools[{index}].tags", "capp 0.9 drops tags: the machines will not carry them")
        if pool.hardware_reservation_ids:
            yield Problem(
                f"workerPools[{index}].hardwareReservationIds", "capp 0.9 ignores it: on-demand hardware is billed"
            )
        if minor(tenant.pool_version(pool)) != minor(tenant.control_plane_version):
            yield Problem(
                f"workerPools[{index}].kubernetesVersion",
                "has another minor than the control plane: Cluster API creates no new machine until they agree",
            )
