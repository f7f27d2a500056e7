"""Rules that come from CAPM3 1.13; those of networks, IP pools and hosts have modules of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..report import Problem
from ..secrets import reveal
from .rules_hosts import host_problems, scarce
from .rules_ip_pools import capacity_problems, capacity_warnings, ip_pool_problems
from .rules_network import metadata_problems, network_problems, used_pools
from .section import HostSelectorSettings, ImageSettings, Metal3ClusterSettings, Metal3PoolSettings
from .user_data import METADATA

CHECKSUMS = {"md5": 32, "sha256": 64, "sha512": 128}
"""Hexadecimal digits of each kind."""

DEFAULT_KEYS = frozenset({"name", "local_hostname", "uuid", "providerid", "metal3_name", "metal3_namespace"})
"""Metadata that is always there: from this program, from CAPM3 (``renderMetaData``), from Ironic's side of the operator."""


def problems(base: str, tenant: Metal3ClusterSettings) -> Iterator[Problem]:
    """Problems of the section ``metal3``."""
    path, metal3 = f"{base}metal3", tenant.metal3
    if tenant.capi.contract != "v1beta2":
        yield Problem(
            f"{base}capi.contract",
            "must be v1beta2 with metal3: CAPM3 1.13 needs Cluster API 1.11 or newer, and the CAPM3 releases for older "
            "ones get no more updates",
            tenant.capi.contract,
            "v1beta2",
            about=(path,),
        )
    if tenant.handoff.enabled is False:
        yield Problem(
            f"{base}handoff.enabled",
            "must be true with metal3: a Metal3Cluster needs the control plane's address from its first write and "
            "never changes it, so the hand-off finds and checks it first",
            False,
            True,
            about=(path,),
        )
    if tenant.handoff.force:
        yield Problem(
            f"{base}handoff.force",
            "has no effect with metal3: the Metal3Cluster is created with the right endpoint, and nothing is "
            "overwritten; leave it out",
            True,
            None,
            about=(path,),
        )
    if metal3.image:
        yield from image_problems(f"{path}.image", metal3.image)
    if metal3.host_selector:
        yield from selector_problems(f"{path}.hostSelector", metal3.host_selector)
    places: dict[str, int] = {}
    for index, pool in enumerate(metal3.ip_pools):
        where = f"{path}.ipPools[{index}]"
        if pool.name in places:
            yield Problem(
                f"{where}.name", f"is the name of {path}.ipPools[{places[pool.name]}] too; choose another", pool.name
            )
        places.setdefault(pool.name, index)
        mistakes = list(ip_pool_problems(where, tenant, pool))
        yield from mistakes or capacity_problems(where, base, tenant, pool)
    yield from metadata_problems(f"{path}.metaData", path, metal3.meta_data, metal3.ip_pools)
    if metal3.network_data:
        yield from network_problems(f"{path}.networkData", path, metal3.network_data, metal3.ip_pools)
    names: dict[str, int] = {}
    macs: dict[str, str] = {}
    for index, host in enumerate(metal3.hosts):
        where = f"{path}.hosts[{index}]"
        if host.name in names:
            yield Problem(
                f"{where}.name", f"is the name of {path}.hosts[{names[host.name]}] too; choose another", host.name
            )
        names.setdefault(host.name, index)
        mac = (host.boot_mac_address or "").lower()
        if mac and macs.setdefault(mac, where) != where:
            yield Problem(
                f"{where}.bootMACAddress",
                f"is that of {macs[mac]} too, and each network card has one of its own",
                host.boot_mac_address,
                None,
            )
        yield from host_problems(where, host)


def image_problems(path: str, image: ImageSettings) -> Iterator[Problem]:
    """CAPM3's webhook (``Image.Validate``), and what the operator makes of a checksum (``GetChecksum``)."""
    if image.format == "live-iso":
        if image.checksum:
            yield Problem(f"{path}.checksum", "has no effect with format live-iso; leave it out", image.checksum, None)
        if image.checksum_type != "sha256":
            yield Problem(
                f"{path}.checksumType", "has no effect with format live-iso; leave it out", image.checksum_type, None
            )
        return
    if not image.checksum:
        yield Problem(
            f"{path}.checksum",
            f"is required with format {image.format}: CAPM3 refuses an image without one",
            example="https://images.example.org/ubuntu-24.04.qcow2.sha256",
            about=(f"{path}.format",),
        )
    elif "://" not in image.checksum:
        digits = CHECKSUMS[image.checksum_type]
        if not re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", image.checksum):
            yield Problem(
                f"{path}.checksum",
                f"must be {digits} hexadecimal digits for {image.checksum_type}, or a URL",
                image.checksum,
                "0123456789abcdef" * (digits // 16),
                about=(f"{path}.checksumType",),
            )


def selector_problems(path: str, selector: HostSelectorSettings) -> Iterator[Problem]:
    """Apimachinery's ``labels.NewRequirement``; CAPM3 only logs what it refuses, and no host is ever chosen."""
    places: dict[str, int] = {}
    for index, expression in enumerate(selector.match_expressions):
        where = f"{path}.matchExpressions[{index}]"
        needs_values = expression.operator in ("In", "NotIn")
        if needs_values and not expression.values:
            yield Problem(
                f"{where}.values", f"must have at least one entry with operator {expression.operator}", example=["a"]
            )
        elif not needs_values and expression.values:
            yield Problem(
                f"{where}.values",
                f"has no effect with operator {expression.operator}; leave it out",
                list(expression.values),
                None,
            )
        elif len(set(expression.values)) != len(expression.values) or "" in expression.values:
            yield Problem(
                f"{where}.values",
                "must be values of which none is empty and none is given twice",
                list(expression.values),
                ["a"],
            )
        if expression.key in places:
            yield Problem(
                f"{where}.key",
                f"is that of {path}.matchExpressions[{places[expression.key]}] too, and Metal3 takes each key once; leave "
                "one out",
                expression.key,
                None,
            )
        places.setdefault(expression.key, index)


def pool_problems(path: str, base: str, tenant: Metal3ClusterSettings, pool: Metal3PoolSettings) -> Iterator[Problem]:
    """Problems of a pool."""
    section = f"{base}metal3"
    if pool.image:
        yield from image_problems(f"{path}.image", pool.image)
    elif not tenant.metal3.image:
        yield Problem(
            f"{path}.image",
            "is required, unless metal3.image is set, for all pools",
            example={
                "url": "https://images.example.org/a.qcow2",
                "checksum": "https://images.example.org/a.qcow2.sha256",
            },
            about=(f"{section}.image",),
        )
    if pool.host_selector:
        yield from selector_problems(f"{path}.hostSelector", pool.host_selector)
    if pool.meta_data:
        yield from metadata_problems(f"{path}.metaData", section, pool.meta_data, tenant.metal3.ip_pools)
    if pool.network_data:
        yield from network_problems(f"{path}.networkData", section, pool.network_data, tenant.metal3.ip_pools)
    keys = DEFAULT_KEYS | {key.replace("-", "_") for key in metadata_keys(tenant, pool)}
    bootstrap = pool.bootstrap
    texts: list[tuple[str, Any]] = [
        *((f"{path}.bootstrap.commands[{index}]", text) for index, text in enumerate(bootstrap.commands)),
        *((f"{path}.bootstrap.postCommands[{index}]", text) for index, text in enumerate(bootstrap.post_commands)),
        *((f"{path}.bootstrap.files[{index}].content", file.content) for index, file in enumerate(bootstrap.files)),
    ]
    for where, text in texts:
        unknown_names = [name for name in METADATA.findall(reveal(text) or "") if name not in keys]
        if unknown_names:
            yield Problem(
                where,
                f"names ds.meta_data.{unknown_names[0]}, which metaData does not define; it defines "
                f"{', '.join(sorted(keys))}",
                example=None,
                about=(f"{section}.metaData", f"{path}.metaData"),
            )
    rolling = pool.strategy is None or pool.strategy.type == "RollingUpdate"
    surge = pool.strategy.max_surge if pool.strategy else 1
    if pool.node_reuse and rolling and surge not in (0, "0%"):
        yield Problem(
            f"{path}.strategy.maxSurge",
            "must be 0, and maxUnavailable at least 1, with nodeReuse: a roll gives a server back before it takes the "
            "same one again",
            surge,
            0,
            about=(f"{path}.nodeReuse",),
        )


def metadata_keys(tenant: Metal3ClusterSettings, pool: Metal3PoolSettings) -> Iterator[str]:
    """The keys that a pool's metadata has beside those that are always there."""
    data = tenant.metadata_of(pool)
    for names in (
        data.strings,
        data.object_names,
        data.namespaces,
        data.ip_addresses_from_pool,
        data.prefixes_from_pool,
        data.gateways_from_pool,
        data.from_host_interfaces,
    ):
        yield from names
    for entries in (data.indexes, data.from_labels, data.from_annotations):
        yield from (entry.key for entry in entries)


def warnings(base: str, tenant: Metal3ClusterSettings) -> Iterator[Problem]:
    """Warnings about settings that are valid."""
    path, metal3 = f"{base}metal3", tenant.metal3
    pool_names = {
        name for pool in tenant.worker_pools for name in used_pools(tenant.metadata_of(pool), tenant.network_of(pool))
    }
    for index, ip_pool in enumerate(metal3.ip_pools):
        if ip_pool.name not in pool_names:
            yield Problem(
                f"{path}.ipPools[{index}]", f"{ip_pool.name} is not used: no metaData or networkData names it"
            )
        yield from capacity_warnings(f"{path}.ipPools[{index}]", tenant, ip_pool)
    for index, host in enumerate(metal3.hosts):
        if host.bmc.disable_certificate_verification:
            yield Problem(
                f"{path}.hosts[{index}].bmc.disableCertificateVerification",
                "true: whoever can intercept Ironic's connection to the BMC can read its credentials",
            )
    for index, pool in enumerate(tenant.worker_pools):
        if not pool.host_selector and not metal3.host_selector and len(tenant.worker_pools) > 1:
            yield Problem(
                f"{base}workerPools[{index}].hostSelector",
                "is not set, nor is metal3.hostSelector: the pool takes any free host of the namespace, also one meant "
                "for another pool",
            )
        yield from scarce(f"{base}workerPools[{index}]", tenant, pool)
