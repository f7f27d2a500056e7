"""Rules that span several settings of a cluster, or several clusters of a stack."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator, Sequence

from . import naming
from . import settings as model
from .settings_report import Problem
from .settings_rules_metal import metal_problems, pool_metal_problems
from .settings_rules_pools import pool_problems
from .settings_types import minor

KUBELET_SKEW = 3
"""Minors that a kubelet may lag behind the API server (kubernetes.io, version skew policy); 2 before 1.28."""

RESERVED_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def cluster_problems(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Mistakes between the settings of one cluster; ``base`` is its path with a dot, or empty."""
    yield from addresses(base, tenant)
    yield from names(base, tenant)
    yield from network(base, tenant.control_plane.network)
    yield from versions(base, tenant)
    yield from metal_problems(base, tenant.metal)
    seen: dict[str, int] = {}
    for index, pool in enumerate(tenant.worker_pools):
        path = f"{base}workerPools[{index}]"
        if pool.name in seen:
            first = f"{base}workerPools[{seen[pool.name]}]"
            yield Problem(f"{path}.name", f"is the name of {first} too", pool.name, about=(f"{first}.name",))
        seen.setdefault(pool.name, index)
        yield from pool_problems(path, f"{base}cluster.name", tenant.cluster, pool)
        yield from pool_metal_problems(path, base, tenant.metal, pool)


def addresses(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Address ranges share no address, and Kubernetes can use them."""
    cluster = tenant.cluster
    lists = (("podCidrs", cluster.pod_cidrs), ("serviceCidrs", cluster.service_cidrs))
    ranges = [(f"{base}cluster.{key}[{i}]", value) for key, values in lists for i, value in enumerate(values)]
    for (one_path, one), (path, other) in itertools.combinations(ranges, 2):
        first, second = ipaddress.ip_network(one), ipaddress.ip_network(other)
        if first.version != second.version:
            continue
        if first.overlaps(second):
            yield Problem(
                path,
                f"overlaps with {one_path}, {one}; pods and Services need ranges of their own",
                other,
                free_of(first),
                about=(one_path,),
            )
        elif one_path.rpartition("[")[0] == path.rpartition("[")[0]:
            yield Problem(
                path,
                f"is IPv{second.version} as the one before; two ranges mean one of each",
                other,
                "fd00:10::/112" if second.version == 4 else "10.96.0.0/16",
            )
    for index, value in enumerate(cluster.service_cidrs):
        service = ipaddress.ip_network(value)
        shortest = service.max_prefixlen - 20
        if service.prefixlen < shortest:
            yield Problem(
                f"{base}cluster.serviceCidrs[{index}]",
                f"is too large: kube-apiserver takes at most a /{shortest} for Services",
                value,
                "172.26.0.0/16" if service.version == 4 else "fd00:10::/112",
            )
    for index, address in enumerate(tenant.control_plane.network.dns_service_ips):
        if not any(ipaddress.ip_address(address) in ipaddress.ip_network(value) for value in cluster.service_cidrs):
            yield Problem(
                f"{base}controlPlane.network.dnsServiceIPs[{index}]",
                f"must lie in serviceCidrs, {', '.join(cluster.service_cidrs)}",
                address,
                nth(cluster.service_cidrs[0], 10),
                about=(f"{base}cluster.serviceCidrs",),
            )


def nth(value: str, index: int) -> str:
    """An address of a range, the last one of a range that is too small."""
    network = ipaddress.ip_network(value)
    return str(network[min(index, network.num_addresses - 1)])


def free_of(used: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """A range for an example that does not overlap with one in use."""
    choices = (
        ("172.26.0.0/16", "10.96.0.0/16", "192.168.0.0/16") if used.version == 4 else ("fd00:10::/112", "fd00:20::/112")
    )
    return next((choice for choice in choices if not ipaddress.ip_network(choice).overlaps(used)), choices[0])


def names(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Names made from names fit where they are used."""
    cluster = tenant.cluster
    if tenant.control_plane.name is None and len(tenant.control_plane_name) > naming.LONGEST_LABEL:
        yield Problem(
            f"{base}cluster.name",
            f"makes the control plane's name, {tenant.control_plane_name}, {len(tenant.control_plane_name)} characters "
            f"long; {naming.LONGEST_LABEL} is the limit. Shorten it, or set controlPlane.name",
            cluster.name,
        )
    if cluster.create_namespace and cluster.namespace in RESERVED_NAMESPACES:
        yield Problem(
            f"{base}cluster.createNamespace",
            f"must be false for namespace {cluster.namespace}, which Kubernetes makes itself",
            True,
            False,
            about=(f"{base}cluster.namespace",),
        )


def network(base: str, settings: model.NetworkSettings) -> Iterator[Problem]:
    """The API server's Service gets an address, and only settings that its type has."""
    path = f"{base}controlPlane.network"
    type_path = f"{path}.serviceType"
    if settings.service_type == "NodePort" and settings.service_address is None:
        yield Problem(
            type_path,
            "needs serviceAddress, the address of the nodes: Kamaji can't tell it from the Service",
            settings.service_type,
            "LoadBalancer",
            about=(f"{path}.serviceAddress",),
        )
    if settings.service_type != "LoadBalancer":
        for key, value in (
            ("loadBalancerClass", settings.load_balancer_class),
            ("loadBalancerSourceRanges", list(settings.load_balancer_source_ranges)),
        ):
            if value:
                yield Problem(
                    f"{path}.{key}",
                    f"goes with serviceType LoadBalancer, not {settings.service_type}",
                    value,
                    about=(type_path,),
                )


def versions(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Kubelets fit the control plane."""
    own = tenant.control_plane.version is not None
    plane_path = f"{base}controlPlane.version" if own else f"{base}cluster.kubernetesVersion"
    plane = tenant.control_plane_version
    if minor(plane)[0] != 1:
        yield Problem(plane_path, "must be a version 1 of Kubernetes", plane, "1.33.0")
        return
    skew = KUBELET_SKEW if minor(plane) >= (1, 28) else 2
    for index, pool in enumerate(tenant.worker_pools):
        kubelet = tenant.pool_version(pool)
        given = pool.kubernetes_version is not None
        path = f"{base}workerPools[{index}].kubernetesVersion" if given else f"{base}cluster.kubernetesVersion"
        about = (plane_path,)
        if minor(kubelet) > minor(plane):
            yield Problem(path, f"is newer than the control plane's {plane}; raise that first", kubelet, plane, about)
        elif minor(plane)[1] - minor(kubelet)[1] > skew:
            yield Problem(path, f"is more than {skew} minors behind the control plane's {plane}", kubelet, plane, about)


def stack_problems(tenants: Sequence[model.TenantClusterSettings]) -> Iterator[Problem]:
    """Clusters of one stack share no objects."""
    clusters: dict[str, int] = {}
    planes: dict[tuple[str, str], int] = {}
    deployments: dict[tuple[str, str], str] = {}
    named = {(tenant.cluster.namespace, tenant.cluster.name): index for index, tenant in enumerate(tenants)}
    for index, tenant in enumerate(tenants):
        base = f"clusters[{index}]." if len(tenants) > 1 else ""
        name, namespace = tenant.cluster.name, tenant.cluster.namespace
        if name in clusters:
            other = f"clusters[{clusters[name]}]"
            yield Problem(f"{base}cluster.name", f"is the name of {other} too", name, about=(f"{other}.cluster.name",))
            continue
        clusters[name] = index
        plane = (namespace, tenant.control_plane_name)
        about = (f"{base}cluster.name", f"{base}cluster.namespace")
        if plane in planes:
            yield Problem(
                f"{base}controlPlane.name",
                f"is the control plane of clusters[{planes[plane]}] too",
                tenant.control_plane_name,
                about=about,
            )
        elif named.get(plane, index) != index:
            # Kamaji's CA of this control plane would lie in Secret <name>-ca, where the other cluster looks for its own.
            yield Problem(
                f"{base}controlPlane.name",
                f"is the name of clusters[{named[plane]}]: both would keep their certificate authority in Secret "
                f"{tenant.control_plane_name}-ca",
                tenant.control_plane_name,
                about=about,
            )
        planes.setdefault(plane, index)
        for number, pool in enumerate(tenant.worker_pools):
            path = f"{base}workerPools[{number}].name"
            key = (namespace, naming.machine_deployment(name, pool.name))
            if key in deployments and not deployments[key].startswith(f"{base}workerPools"):
                yield Problem(
                    path,
                    f"makes the MachineDeployment's name {key[1]}, which {deployments[key]} makes too",
                    pool.name,
                    about=(*about, deployments[key]),
                )
            deployments.setdefault(key, path)
