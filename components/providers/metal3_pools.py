"""IP pools that have too few addresses left for the machines of clusters, because somebody else has them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..capi.ip_addresses import Usage, count, usage
from ..capi.manifest import CLUSTER_LABEL, Manifest
from ..kube.objects import Kind, dig
from ..settings.metal3 import Metal3ClusterSettings
from ..settings.metal3.address_needs import AddressNeed, address_needs, shortage
from . import metal3_data
from .provider import Look

IP_ADDRESS = Kind("ipam.metal3.io/v1alpha1", "IPAddress", "ipaddresses")

Json = Mapping[str, Any]


@dataclass
class PoolUse:
    """The use of one IPPool by the clusters of a stack.

    Attributes:
        needs: of their worker pools.
        clusters: their names.
        refers: whether one of them takes the pool for an existing one.
        manifest: the pool, where another one makes it.
    """

    needs: list[AddressNeed] = field(default_factory=list)
    clusters: set[str] = field(default_factory=set)
    refers: bool = False
    manifest: Manifest | None = None


def shortages(tenants: Sequence[Metal3ClusterSettings], look: Look) -> Iterator[str]:
    """A line for each IPPool that has too few addresses left for the clusters that use it, or is not there.

    A pool that one cluster alone has, and that has too few from the start, is a matter of the settings' own rules.

    Args:
        tenants: all clusters of a stack.
        look: reads the management cluster.
    """
    uses = {place: use for place, use in _uses(tenants).items() if use.needs}
    for namespace in sorted({namespace for namespace, _ in uses}):
        pools = {str(dig(pool, "metadata", "name")): pool for pool in look(namespace, metal3_data.IP_POOL)}
        addresses = look(namespace, IP_ADDRESS)
        for (_, name), use in sorted((place, use) for place, use in uses.items() if place[0] == namespace):
            pool = pools.get(name)
            if pool is None and use.manifest is None:
                yield f"IPPool {namespace}/{name} does not exist: no server that needs an address of it is installed"
                continue
            others = _usage(pool or {}, use.manifest or pool or {}, addresses, use.clusters)
            for text in shortage(others.free, use.needs) if use.refers or others.allocations else ():
                yield f"IPPool {namespace}/{name} {_words(others)}, but {text}"


def _uses(tenants: Sequence[Metal3ClusterSettings]) -> dict[tuple[str, str], PoolUse]:
    """The use of each IPPool of Metal3's IPAM, by its namespace and name."""
    uses: dict[tuple[str, str], PoolUse] = {}
    for tenant in tenants:
        for pool in tenant.metal3.ip_pools:
            if pool.existing and (pool.kind, pool.api_group) != (metal3_data.IP_POOL.name, metal3_data.IP_POOL.group):
                continue
            name = pool.name if pool.existing else metal3_data.object_name(tenant, pool.name)
            use = uses.setdefault((tenant.cluster.namespace, name), PoolUse())
            use.needs += address_needs(tenant, pool.name)
            use.clusters.add(tenant.cluster.name)
            if pool.existing:
                use.refers = True
            else:
                use.manifest = metal3_data.ip_pool(tenant, pool)
    return uses


def _usage(pool: Json, declared: Json, addresses: Sequence[Json], clusters: set[str]) -> Usage:
    """The usage of a pool by others than some clusters, whose machines have the addresses that they need.

    The IPAM counts the addresses that name the pool (``getIndexes``); each has the labels of its claim, so of its Cluster.
    Those of Cluster API's own kind IPAddress are only in the pool's status.

    Args:
        pool: the living pool; empty where there is none yet.
        declared: its future content.
        addresses: the IPAddresses of its namespace.
        clusters: names of the clusters.
    """
    spec, name = declared.get("spec") or {}, dig(pool, "metadata", "name")
    of_pool = [item for item in addresses if name and dig(item, "spec", "pool", "name") == name]
    of_clusters = {
        str(dig(item, "spec", "address"))
        for item in of_pool
        if (dig(item, "metadata", "labels") or {}).get(CLUSTER_LABEL) in clusters
    }
    everybody = {str(dig(item, "spec", "address")) for item in of_pool} | {
        *(dig(pool, "status", "indexes") or {}).values()
    }
    return usage(spec.get("pools") or (), (spec.get("preAllocations") or {}).values(), everybody - of_clusters)


def _words(others: Usage) -> str:
    users, names = others.allocations, others.reservations
    text = f"has {count(others.total)}, of which {users or 'none'} {'are' if users > 1 else 'is'} taken by others"
    return text + (f", and {names} {'is' if names == 1 else 'are'} kept by preAllocations" if names else "")
