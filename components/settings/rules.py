"""Rules that span several settings of a cluster, or several clusters of a stack."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from ..capi import naming
from ..capi.versions import kubelet_lag, minor
from . import model as model
from .provider import ProviderSettings
from .report import Problem
from .rules_addons import addon_problems
from .rules_addresses import address_problems
from .rules_control_plane import API_PORT, NODE_PORTS, control_plane_problems
from .rules_pools import pool_problems

RESERVED_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def cluster_problems(base: str, tenant: model.TenantClusterSettings, provider: ProviderSettings) -> Iterator[Problem]:
    """Mistakes between the settings of one cluster; ``base`` is its path with a dot, or empty."""
    yield from address_problems(base, tenant)
    yield from names(base, tenant)
    yield from control_plane_problems(base, tenant)
    yield from versions(base, tenant)
    yield from handoff(base, tenant.handoff)
    yield from addon_problems(base, tenant)
    yield from provider.problems(base, tenant)
    firsts: dict[str, int] = {}
    for index, pool in enumerate(tenant.worker_pools):
        path = f"{base}workerPools[{index}]"
        if pool.name in firsts:
            first = f"{base}workerPools[{firsts[pool.name]}]"
            yield Problem(
                f"{path}.name", f"is the name of {first} too; choose another", pool.name, about=(f"{first}.name",)
            )
        firsts.setdefault(pool.name, index)
        yield from pool_problems(path, f"{base}cluster.name", tenant.cluster, pool, provider.kubelet_arguments)
        yield from provider.pool_problems(path, base, tenant, pool)


def names(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Names that are made from other names fit the objects' limits."""
    cluster = tenant.cluster
    if tenant.control_plane.name is None and len(tenant.control_plane_name) > naming.LONGEST_LABEL:
        yield Problem(
            f"{base}cluster.name",
            f"makes the control plane's name, {tenant.control_plane_name}, {len(tenant.control_plane_name)} characters "
            f"long; {naming.LONGEST_LABEL} is the limit. Shorten the cluster's name, or set controlPlane.name",
            cluster.name,
        )
    for key in sorted(naming.IDENTITY_LABELS & cluster.labels.keys()):
        yield Problem(
            f'{base}cluster.labels["{key}"]',
            "is set by this program, which finds a cluster's objects by it; leave it out",
            cluster.labels[key],
            {"team": "a"},
        )
    if cluster.create_namespace and cluster.namespace in RESERVED_NAMESPACES:
        yield Problem(
            f"{base}cluster.createNamespace",
            f"must be false for namespace {cluster.namespace}, which Kubernetes makes itself",
            True,
            False,
            about=(f"{base}cluster.namespace",),
        )


def versions(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Kubelets fit the control plane."""
    has_version = tenant.control_plane.version is not None
    plane_path = f"{base}controlPlane.version" if has_version else f"{base}cluster.kubernetesVersion"
    plane = tenant.control_plane_version
    if minor(plane)[0] != 1:
        yield Problem(plane_path, "must be a version of Kubernetes that begins with 1.", plane, "1.33.0")
        return
    for index, pool in enumerate(tenant.worker_pools):
        kubelet = tenant.pool_version(pool)
        has_pool_version = pool.kubernetes_version is not None
        path = (
            f"{base}workerPools[{index}].kubernetesVersion" if has_pool_version else f"{base}cluster.kubernetesVersion"
        )
        about = (plane_path,)
        if minor(kubelet) > minor(plane):
            yield Problem(
                path, f"is newer than the control plane's version, {plane}; raise that first", kubelet, plane, about
            )
        elif minor(plane)[1] - minor(kubelet)[1] > (lag := kubelet_lag(kubelet)):
            yield Problem(
                path,
                f"is more than {lag} minor versions older than the control plane's version, {plane}",
                kubelet,
                plane,
                about,
            )


def handoff(base: str, section: model.HandoffSettings) -> Iterator[Problem]:
    """A hand-off that neither dials nor writes has no use for how to."""
    for key, value, usual in (
        ("path", section.path, "/readyz"),
        ("verify", section.verify, "ca"),
        ("force", section.force, False),
    ):
        if not section.enabled and value != usual:
            yield Problem(
                f"{base}handoff.{key}",
                "has no effect where handoff.enabled is false, because nothing is dialled or written then; leave it "
                "out",
                value,
                None,
                about=(f"{base}handoff.enabled",),
            )


def addon_places(base: str, tenant: model.TenantClusterSettings) -> Iterator[tuple[str, str]]:
    """The name of each add-on of a cluster, those that its other settings bring included, and its place."""
    if tenant.network.plugin not in ("custom", "none"):
        yield tenant.network.plugin, f"{base}network.plugin"
    for index, addon in enumerate(tenant.addons):
        yield addon.name, f"{base}addons[{index}].name"


def stack_problems(tenants: Sequence[model.TenantClusterSettings]) -> Iterator[Problem]:
    """Clusters of one stack share no objects."""
    clusters: dict[str, int] = {}
    planes: dict[tuple[str, str], int] = {}
    deployments: dict[str, str] = {}
    addons: dict[str, str] = {}
    places = {(tenant.cluster.namespace, tenant.cluster.name): index for index, tenant in enumerate(tenants)}
    for index, tenant in enumerate(tenants):
        base = f"clusters[{index}]." if len(tenants) > 1 else ""
        name, namespace = tenant.cluster.name, tenant.cluster.namespace
        if name in clusters:
            first = f"clusters[{clusters[name]}]"
            yield Problem(
                f"{base}cluster.name",
                f"is the name of {first} too; choose another",
                name,
                about=(f"{first}.cluster.name",),
            )
            continue
        clusters[name] = index
        plane = (namespace, tenant.control_plane_name)
        about = (f"{base}cluster.name", f"{base}cluster.namespace")
        if plane in planes:
            yield Problem(
                f"{base}controlPlane.name",
                f"is the name of the control plane of clusters[{planes[plane]}] too; choose another",
                tenant.control_plane_name,
                about=about,
            )
        elif places.get(plane, index) != index:
            # Kamaji's CA of this control plane would lie in Secret <name>-ca, where the other cluster looks for its own.
            yield Problem(
                f"{base}controlPlane.name",
                f"is the name of clusters[{places[plane]}]: both would keep their certificate authority in Secret "
                f"{tenant.control_plane_name}-ca. Choose another",
                tenant.control_plane_name,
                about=about,
            )
        planes.setdefault(plane, index)
        for number, pool in enumerate(tenant.worker_pools):
            path = f"{base}workerPools[{number}].name"
            # In all namespaces: the resources of a stack have the names of the objects, and the engine takes each once.
            key = naming.machine_deployment(name, pool.name)
            if key in deployments and not deployments[key].startswith(f"{base}workerPools"):
                yield Problem(
                    path,
                    f"gives the MachineDeployment the name {key}, which {deployments[key]} gives to another; choose "
                    "another name",
                    pool.name,
                    about=(*about, deployments[key]),
                )
            deployments.setdefault(key, path)
        for addon, path in addon_places(base, tenant):
            key = f"{name}-{addon}"
            if key in addons and not addons[key].startswith(base):
                yield Problem(
                    path,
                    f"gives the add-on the name {key} in the stack, which {addons[key]} gives to another; choose "
                    "another name",
                    addon,
                    about=(*about, addons[key]),
                )
            addons.setdefault(key, path)
    for index, tenant in enumerate(tenants):
        if tenant.capi.contract != tenants[0].capi.contract:
            # The checks before a run and the readers of the state use one version of each kind.
            yield Problem(
                f"clusters[{index}].capi.contract",
                f"differs from that of clusters[0], {tenants[0].capi.contract}: all clusters of a stack have one "
                "contract and change it together; give this one a stack of its own, or set capi beside clusters, for "
                "all of them",
                tenant.capi.contract,
                tenants[0].capi.contract,
                about=("clusters[0].capi.contract",),
            )
    yield from shared_endpoints(tenants)
    yield from shared_data(tenants)


def shared_endpoints(tenants: Sequence[model.TenantClusterSettings]) -> Iterator[Problem]:
    """No two API servers are reached at one address and port, or under one name."""
    owners: dict[tuple[str, str | int], str] = {}
    for index, tenant in enumerate(tenants):
        base = f"clusters[{index}]."
        network, tunnel = tenant.control_plane.network, tenant.control_plane.addons.konnectivity
        ports = {tenant.cluster.api_server_port or API_PORT, *([tunnel.port] if tunnel else [])}
        claims: list[tuple[str, str, str | int]] = []
        if network.ingress:
            claims.append(
                (f"{base}controlPlane.network.ingress.hostname", network.ingress.hostname.partition(":")[0], "")
            )
        for port in sorted(ports):
            if network.service_type == "NodePort":
                # A node's port is one Service's in the whole management cluster.
                claims.append((f"{base}cluster.apiServerPort", "nodes", port))
            elif network.service_address:
                address = str(ipaddress.ip_address(network.service_address))
                claims.append((f"{base}controlPlane.network.serviceAddress", address, port))
        for path, address, number in claims:
            first = owners.setdefault((address, number), path)
            if first != path and not first.startswith(base):
                rule = f"is the value of {first} too: each cluster's API server needs one of its own"
                if address == "nodes":
                    free = next(port for port in NODE_PORTS if ("nodes", port) not in owners)
                    yield Problem(path, rule, number, free, about=(first,))
                else:
                    yield Problem(path, rule, address, about=(first,))
                break


def shared_data(tenants: Sequence[model.TenantClusterSettings]) -> Iterator[Problem]:
    """No two clusters keep their data at one place of a DataStore."""
    owners: dict[tuple[str | None, str], int] = {}
    for index, tenant in enumerate(tenants):
        plane = tenant.control_plane
        # As Kamaji's webhook makes it (tcp_defaults.go): names that differ in a dash alone make the same.
        schema = f"{tenant.cluster.namespace}_{tenant.control_plane_name}".replace("-", "_")
        first = owners.setdefault((plane.data_store, plane.data_store_schema or schema), index)
        if first != index and object_of(tenants[first]) != object_of(tenant):
            yield Problem(
                f"clusters[{index}].controlPlane.dataStoreSchema",
                f"{plane.data_store_schema or schema} is what clusters[{first}] uses too, and each would overwrite the "
                "other's data; set another one here",
                example=f"{schema}_2"[-63:],
                about=(f"clusters[{index}].cluster.name", f"clusters[{first}].controlPlane.dataStoreSchema"),
            )


def object_of(tenant: model.TenantClusterSettings) -> tuple[str, str]:
    """Namespace and name of a cluster's control plane."""
    return tenant.cluster.namespace, tenant.control_plane_name
