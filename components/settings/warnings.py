"""Warnings about values that are allowed, but have consequences to know."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import SecretStr

from ..capi import naming
from ..capi.versions import minor
from .model import TenantClusterSettings
from .provider import ProviderSettings
from .report import Problem
from .rules_addons import addon_warnings

NEWEST = {"v1beta1": (1, 33), "v1beta2": (1, 36)}
"""Newest Kubernetes of the Kamaji generation that each contract was tried with; Kamaji's webhook refuses a newer one than
the kubeadm it is built with."""

RANDOM_SUFFIXES = 12
"""Cluster API appends ``-xxxxx`` for the MachineSet and again for the Machine, and cuts names at 63 characters."""


def cluster_warnings(base: str, tenant: TenantClusterSettings, provider: ProviderSettings) -> Iterator[Problem]:
    """Warnings about one cluster; ``base`` is its path with a dot, or empty."""
    newest = NEWEST[tenant.capi.contract]
    if minor(tenant.control_plane_version) > newest:
        has_version = tenant.control_plane.version is not None
        yield Problem(
            f"{base}controlPlane.version" if has_version else f"{base}cluster.kubernetesVersion",
            f"is newer than 1.{newest[1]}, the newest that this program was tested with; a Kamaji built for an older "
            "one refuses it",
            tenant.control_plane_version,
        )
    for key, ranges in (("podCidrs", tenant.cluster.pod_cidrs), ("serviceCidrs", tenant.cluster.service_cidrs)):
        if len(ranges) > 1:
            yield Problem(
                f"{base}cluster.{key}",
                f"only the first range, {ranges[0]}, has an effect: Kamaji's Cluster API provider ignores the others",
                list(ranges),
            )
    if tenant.control_plane.network.service_type == "ClusterIP" and tenant.control_plane.network.ingress is None:
        yield Problem(
            f"{base}controlPlane.network.serviceType",
            "ClusterIP: workers outside the management cluster can't reach the API server",
        )
    containerd_pools = [pool.name for pool in tenant.worker_pools if not pool.bootstrap.commands]
    if tenant.control_plane.kubelet.cgroupfs != "systemd" and containerd_pools:
        yield Problem(
            f"{base}controlPlane.kubelet.cgroupfs",
            f"cgroupfs: profile ubuntu-containerd sets containerd to systemd, and both must have the same driver; set "
            f"bootstrap.commands that install containerd with cgroupfs in pools {', '.join(containerd_pools)}",
        )
    if not tenant.handoff.enabled:
        yield Problem(
            f"{base}handoff.enabled", "false: machines are bought without a test that the control plane answers"
        )
    if tenant.handoff.verify == "none":
        yield Problem(
            f"{base}handoff.verify", "none: anything that answers at the address is taken for the control plane"
        )
    if tenant.cluster.protect and tenant.cluster.allow_replacement:
        yield Problem(
            f"{base}cluster.allowReplacement",
            "has no effect with cluster.protect: Pulumi refuses to delete the cluster",
        )
    yield from addon_warnings(base, tenant)
    yield from pool_warnings(base, tenant)
    yield from provider.warnings(base, tenant)


def pool_warnings(base: str, tenant: TenantClusterSettings) -> Iterator[Problem]:
    """Warnings about the pools."""
    plane = tenant.control_plane_version
    for index, pool in enumerate(tenant.worker_pools):
        path = f"{base}workerPools[{index}]"
        version = tenant.pool_version(pool)
        if minor(version) != minor(plane):
            yield Problem(
                f"{path}.kubernetesVersion",
                f"{version} has another minor version than the control plane, {plane}: Cluster API creates no machine "
                "in this pool until they are the same",
            )
        if pool.wait and pool.strategy and pool.strategy.type == "OnDelete":
            yield Problem(
                f"{path}.wait",
                "true: with strategy OnDelete a run that changes the machines waits until you have deleted all old ones, an "
                "hour at most",
            )
        if pool.min == 0 and not any(key.startswith("capacity.cluster-autoscaler") for key in pool.annotations):
            yield Problem(
                f"{path}.min",
                "0: the cluster autoscaler can't add the first machine unless annotations of the pool tell it the size "
                "of one: capacity.cluster-autoscaler.kubernetes.io/cpu and "
                "capacity.cluster-autoscaler.kubernetes.io/memory",
            )
        name = naming.machine_deployment(tenant.cluster.name, pool.name)
        if len(name) + RANDOM_SUFFIXES > naming.LONGEST_LABEL:
            yield Problem(
                f"{path}.name",
                f"makes names of machines longer than {naming.LONGEST_LABEL} characters, and Cluster API cuts them off",
                pool.name,
            )


def secret_warnings(kubeconfig: object) -> Iterator[Problem]:
    """Secrets in clear.

    Args:
        kubeconfig: of the management cluster, as the stack's configuration has it; None where it has none.
    """
    if kubeconfig and not isinstance(kubeconfig, SecretStr):
        yield Problem(
            "management.kubeconfig",
            "is stored in clear; `pulumi config set --secret --path 'kamaji-equinix:management.kubeconfig' < FILE` "
            "stores it as a secret. Revoke the credentials in it if somebody else could read them",
        )
