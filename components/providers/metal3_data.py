"""The metadata and network data of a server: Metal3DataTemplates and IPPools. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from ..capi import naming
from ..capi.manifest import Manifest, drop_empty, manifest
from ..kube.objects import Kind
from ..settings.metal3 import Metal3ClusterSettings, Metal3PoolSettings
from ..settings.metal3.network import (
    BondSettings,
    LinkSettings,
    MacSettings,
    MetaDataSettings,
    NetworkDataSettings,
    NetworkSettings,
    RouteSettings,
    StaticNetworkSettings,
)
from ..settings.metal3.section import IpPoolSettings, RangeSettings

KIND = "Metal3DataTemplate"
GROUP = "infrastructure.cluster.x-k8s.io"
IP_POOL = Kind("ipam.metal3.io/v1alpha1", "IPPool", "ippools")

NAMES = ("local-hostname", "local_hostname", "name")
"""Metadata that is the Machine's name: cloud-init makes it the host name, and kubeadm the node's."""


def version_of(network: NetworkDataSettings | None) -> str:
    """The version that a data template is written in.

    CAPM3 1.13's v1beta2 requires a parameter of each bond and lets its value be an object only, though they are numbers and
    words: a bond can only be written in v1beta1, which is served too (``metal3datatemplate_types.go`` of both).
    """
    return "v1beta1" if network and network.links.bonds else "v1beta2"


def data_template(tenant: Metal3ClusterSettings, pool: Metal3PoolSettings) -> Manifest:
    """The Metal3DataTemplate of a pool, named by its content."""
    network = tenant.network_of(pool)
    version = version_of(network)
    spec: dict[str, Any] = {
        "clusterName": tenant.cluster.name,
        "metaData": metadata(tenant, tenant.metadata_of(pool), version),
    }
    if network:
        spec["networkData"] = network_data(tenant, network)
    name = naming.template(tenant.cluster.name, pool.name, spec)
    return manifest(tenant, f"{GROUP}/{version}", KIND, name, spec, pool=pool)


def pool_reference(tenant: Metal3ClusterSettings, name: str) -> dict[str, str]:
    """Where an IP pool of the settings is."""
    for pool in tenant.metal3.ip_pools:
        if pool.name == name and pool.existing:
            return {"name": name, "apiGroup": pool.api_group, "kind": pool.kind}
    return {"name": object_name(tenant, name), "apiGroup": IP_POOL.api_version.partition("/")[0], "kind": IP_POOL.name}


def object_name(tenant: Metal3ClusterSettings, name: str) -> str:
    """Name of the IPPool that the stack makes for a pool of its settings."""
    return f"{tenant.cluster.name}-{name}"


def metadata(tenant: Metal3ClusterSettings, data: MetaDataSettings, version: str) -> dict[str, Any]:
    """Metadata, in lists sorted by key as an API server keeps them."""
    suffix = "FromIPPool" if version == "v1beta1" else "FromPool"

    def from_pools(values: dict[str, str]) -> list[dict[str, str]]:
        return [{"key": key, **pool_reference(tenant, name)} for key, name in sorted(values.items())]

    names = {**dict.fromkeys(NAMES, "machine"), **data.object_names}
    return {
        "objectNames": [{"key": key, "object": object_kind} for key, object_kind in sorted(names.items())],
        **drop_empty(
            strings=[{"key": key, "value": value} for key, value in sorted(data.strings.items())],
            indexes=[
                {
                    "key": index.key,
                    "offset": index.offset,
                    "step": index.step,
                    **drop_empty(prefix=index.prefix, suffix=index.suffix),
                }
                for index in data.indexes
            ],
            namespaces=[{"key": key} for key in data.namespaces],
            fromHostInterfaces=[
                {"key": key, "interface": value} for key, value in sorted(data.from_host_interfaces.items())
            ],
            fromLabels=[label.model_dump(by_alias=True) for label in data.from_labels],
            fromAnnotations=[annotation.model_dump(by_alias=True) for annotation in data.from_annotations],
            **{
                f"ipAddresses{suffix}": from_pools(data.ip_addresses_from_pool),
                f"prefixes{suffix}": from_pools(data.prefixes_from_pool),
                f"gateways{suffix}": from_pools(data.gateways_from_pool),
            },
        ),
    }


def network_data(tenant: Metal3ClusterSettings, data: NetworkDataSettings) -> dict[str, Any]:
    """Links, networks on them, and name servers."""
    networks = data.networks
    networks_by_kind: dict[str, Sequence[NetworkSettings]] = {
        "ipv4": networks.ipv4,
        "ipv6": networks.ipv6,
        "ipv4DHCP": networks.ipv4_dhcp,
        "ipv6DHCP": networks.ipv6_dhcp,
        "ipv6SLAAC": networks.ipv6_slaac,
    }
    dns_pool = data.services.dns_from_pool
    return drop_empty(
        links=drop_empty(
            ethernets=[{**link(ethernet), "type": ethernet.type} for ethernet in data.links.ethernets],
            bonds=[bond(item) for item in data.links.bonds],
            vlans=[{**link(vlan), "vlanID": vlan.vlan_id, "vlanLink": vlan.vlan_link} for vlan in data.links.vlans],
        ),
        networks=drop_empty(
            **{
                kind: [network(tenant, item, version_of(data)) for item in items]
                for kind, items in networks_by_kind.items()
            }
        ),
        services=drop_empty(
            dns=list(data.services.dns),
            dnsFromIPPool=pool_reference(tenant, dns_pool)["name"] if dns_pool else None,
        ),
    )


def link(settings: LinkSettings) -> dict[str, Any]:
    """The fields that all kinds of links have."""
    return {
        "id": settings.id,
        **drop_empty(name=settings.name),
        "mtu": settings.mtu,
        "macAddress": mac(settings.mac_address),
    }


def mac(settings: MacSettings) -> dict[str, Any]:
    """The network card of a link."""
    return settings.model_dump(by_alias=True, exclude_none=True)


def bond(settings: BondSettings) -> dict[str, Any]:
    """A bond, in v1beta1's shape."""
    return {
        **link(settings),
        "bondMode": settings.bond_mode,
        "bondLinks": list(settings.bond_links),
        **drop_empty(bondXmitHashPolicy=settings.bond_xmit_hash_policy, parameters=dict(settings.parameters)),
    }


def network(tenant: Metal3ClusterSettings, settings: NetworkSettings, version: str) -> dict[str, Any]:
    """A network with its routes. v1beta1 asks for the pool's name beside the reference, which counts where both are."""
    entry: dict[str, Any] = {"id": settings.id, "link": settings.link}
    if isinstance(settings, StaticNetworkSettings):
        entry["fromPoolRef"] = pool_reference(tenant, settings.pool)
        if version == "v1beta1":
            entry["ipAddressFromIPPool"] = entry["fromPoolRef"]["name"]
    return {**entry, **drop_empty(routes=[route(tenant, item) for item in settings.routes])}


def route(tenant: Metal3ClusterSettings, settings: RouteSettings) -> dict[str, Any]:
    """A route; its gateway is an IP pool's or an address."""
    target = ipaddress.ip_network(settings.network)
    gateway = settings.gateway
    return {
        "network": settings.network.partition("/")[0],
        # No prefix means 0, which v1beta1 drops.
        **({"prefix": target.prefixlen} if target.prefixlen else {}),
        "gateway": {"fromPoolRef": pool_reference(tenant, gateway.pool)}
        if gateway.pool
        else {"string": gateway.string},
        **drop_empty(services=drop_empty(dns=list(settings.dns))),
    }


def ip_pools(tenant: Metal3ClusterSettings) -> list[Manifest]:
    """The IPPools that the stack makes."""
    return [ip_pool(tenant, pool) for pool in tenant.metal3.ip_pools if not pool.existing]


def ip_pool(tenant: Metal3ClusterSettings, pool: IpPoolSettings) -> Manifest:
    """One IPPool."""
    name = object_name(tenant, pool.name)
    spec = {
        "clusterName": tenant.cluster.name,
        "namePrefix": name,
        "pools": [addresses(item) for item in pool.ranges],
        **drop_empty(
            prefix=pool.prefix,
            gateway=pool.gateway,
            dnsServers=list(pool.dns_servers),
            preAllocations=dict(pool.pre_allocations),
        ),
    }
    return manifest(tenant, IP_POOL.api_version, IP_POOL.name, name, spec)


def addresses(settings: RangeSettings) -> dict[str, Any]:
    """A range of addresses."""
    return drop_empty(
        start=settings.start,
        end=settings.end,
        subnet=settings.subnet,
        prefix=settings.prefix,
        gateway=settings.gateway,
        dnsServers=list(settings.dns_servers),
    )
