"""Rules of address ranges: they share no address, and Kubernetes can use them."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator

from . import model as model
from .addresses import Address, Network
from .report import Problem

EXAMPLES = {
    ("podCidrs", 4): ("192.168.0.0/16", "10.244.0.0/16", "172.26.0.0/16"),
    ("podCidrs", 6): ("fd00:10::/56", "fd00:20::/56"),
    ("serviceCidrs", 4): ("172.26.0.0/16", "10.96.0.0/16", "192.168.0.0/16"),
    ("serviceCidrs", 6): ("fd00:10::/112", "fd00:20::/112"),
}

NODE_PREFIX = {4: 24, 6: 64}
"""Size of a node's part of the pods' range. Kamaji runs kube-controller-manager with --allocate-node-cidrs and without a mask
size (its internal/builders/controlplane/deployment.go), so the defaults apply (cmd/kube-controller-manager/app/core.go)."""

LARGEST_IPV6 = 48
"""The allocator keeps at most 2^16 nodes' ranges of an IPv6 one (nodeipam/ipam/cidrset, clusterSubnetMaxDiff)."""

DNS_INDEX = {4: 10, 6: 16}
"""Which address of the Services' range Kamaji's webhook gives to cluster DNS (tcp_defaults.go)."""

FEWEST_SERVICES = 8
"""Of kube-apiserver (pkg/controlplane/apiserver/options/options.go)."""


def address_problems(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Mistakes in the address ranges of one cluster; ``base`` is its path with a dot, or empty."""
    pods = [
        (f"{base}cluster.podCidrs[{i}]", ipaddress.ip_network(value))
        for i, value in enumerate(tenant.cluster.pod_cidrs)
    ]
    services = [
        (f"{base}cluster.serviceCidrs[{i}]", ipaddress.ip_network(value))
        for i, value in enumerate(tenant.cluster.service_cidrs)
    ]
    for (first_path, first), (path, second) in itertools.combinations([*pods, *services], 2):
        yield from pair(first_path, first, path, second)
    for path, network in pods:
        yield from pod_range(path, network)
    dns = tenant.control_plane.network.dns_service_ips
    for path, network in services:
        yield from service_range(path, network, has_dns=bool(dns))
    if pods[0][1].version != services[0][1].version:
        yield Problem(
            pods[0][0],
            f"is IPv{pods[0][1].version}, but {services[0][0]} is IPv{services[0][1].version}; Kamaji uses the first "
            "range of each list, and both must be of one IP version",
            str(pods[0][1]),
            example(pods[0][0], services[0][1].version, services[0][1]),
            about=(services[0][0],),
        )
    yield from dns_addresses(base, services[0][1], dns)
    yield from service_address(base, [*pods, *services], tenant.control_plane.network.service_address)


def dns_addresses(base: str, services: Network, dns: tuple[str, ...]) -> Iterator[Problem]:
    """cluster DNS gets free addresses of the Services' range; Kamaji knows only the first range."""
    ranges = f"{base}cluster.serviceCidrs[0]"
    kubernetes = services.network_address + 1
    earlier: set[Address] = set()
    for index, text in enumerate(dns):
        address = ipaddress.ip_address(text)
        if address not in services:
            rule = f"must lie in {ranges}, {services}"
        elif address == kubernetes:
            rule = "is the address of the Service kubernetes, which always gets the first one of the range"
        elif address == services.network_address:
            rule = f"is the first address of {services}, which no Service gets"
        elif address == services.broadcast_address and services.version == 4:
            rule = f"is the last address of {services}, which no Service gets"
        elif address in earlier:
            yield Problem(dns_path(base, index), "is given twice; leave one out", text, None, about=(ranges,))
            continue
        else:
            earlier.add(address)
            continue
        yield Problem(dns_path(base, index), rule, text, nth(services, DNS_INDEX[services.version]), about=(ranges,))


def dns_path(base: str, index: int) -> str:
    """Which entry of ``dnsServiceIPs``."""
    return f"{base}controlPlane.network.dnsServiceIPs[{index}]"


def service_address(base: str, ranges: list[tuple[str, Network]], address: str | None) -> Iterator[Problem]:
    """The API server's address is outside the cluster's ranges, which nodes take for pods and Services."""
    for path, network in ranges if address else ():
        if ipaddress.ip_address(address or "") in network:
            yield Problem(
                f"{base}controlPlane.network.serviceAddress",
                f"lies in {path}, {network}: nodes look for these addresses within the cluster, and would not reach "
                "the API server",
                address,
                about=(path,),
            )


def pair(first_path: str, first: Network, path: str, second: Network) -> Iterator[Problem]:
    """Two ranges share nothing, and two of one list are of two families."""
    if first.version != second.version:
        return
    if first.overlaps(second):
        yield Problem(
            path,
            f"overlaps with {first_path}, {first}; pods and Services need ranges of their own",
            str(second),
            example(path, second.version, first),
            about=(first_path,),
        )
    elif key_of(first_path) == key_of(path):
        yield Problem(
            path,
            f"is IPv{second.version}, as the range before is; two ranges must be one of IPv4 and one of IPv6",
            str(second),
            example(path, 10 - second.version),
        )


def pod_range(path: str, network: Network) -> Iterator[Problem]:
    """A pods' range can be cut into the nodes' parts, else kube-controller-manager ends at once."""
    part = NODE_PREFIX[network.version]
    if network.prefixlen > part:
        rule = f"is too small: kube-controller-manager gives each node a /{part} of it; take a /{part} or larger"
    elif network.version == 6 and network.prefixlen < LARGEST_IPV6:
        rule = f"is too large: kube-controller-manager takes at most a /{LARGEST_IPV6} for pods"
    else:
        return
    yield Problem(path, rule, str(network), example(path, network.version))


def service_range(path: str, network: Network, *, has_dns: bool) -> Iterator[Problem]:
    """kube-apiserver takes a Services' range, and cluster DNS has its address in it."""
    largest, dns = network.max_prefixlen - 20, DNS_INDEX[network.version]
    if network.prefixlen < largest:
        rule = f"is too large: kube-apiserver takes at most a /{largest} for Services"
    elif network.num_addresses < FEWEST_SERVICES:
        rule = f"is too small: kube-apiserver needs at least {FEWEST_SERVICES} addresses for Services"
    elif network.num_addresses <= dns and not has_dns:
        rule = (
            f"is too small: Kamaji gives address number {dns} of it to cluster DNS, unless "
            "controlPlane.network.dnsServiceIPs is set"
        )
    else:
        return
    yield Problem(path, rule, str(network), example(path, network.version))


def key_of(path: str) -> str:
    """Which list a path means."""
    return path.rpartition("[")[0]


def nth(network: Network, index: int) -> str:
    """An address of a range, the last one of a range that is too small."""
    return str(network[min(index, network.num_addresses - 1)])


def example(path: str, version: int, used_range: Network | None = None) -> str:
    """A valid range that does not overlap with one in use."""
    choices = EXAMPLES[key_of(path).rpartition(".")[2], version]
    free = (choice for choice in choices if used_range is None or not ipaddress.ip_network(choice).overlaps(used_range))
    return next(free, choices[0])
