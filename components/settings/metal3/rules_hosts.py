"""Rules of hosts: the baremetal-operator's webhook, and that each is declared once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...capi import naming
from ..report import Problem
from .hosts import HostSettings
from .section import Metal3ClusterSettings, Metal3PoolSettings
from .types import NO_CERTIFICATE, NO_SECURE_BOOT, VIRTUAL_MEDIA, driver_of

CAPM3_LABELS = ("cluster.x-k8s.io/cluster-name", "infrastructure.cluster.x-k8s.io/node-reuse")
"""Set on a host by CAPM3 as long as a machine is on it."""


def host_problems(path: str, host: HostSettings) -> Iterator[Problem]:
    """The operator's webhook (``validateHost``), and credentials from one place."""
    bmc = host.bmc
    if bmc.credentials_name and (bmc.username or bmc.password):
        yield Problem(
            f"{path}.bmc.credentialsName",
            "can't be set beside username and password; leave one or the other out",
            bmc.credentials_name,
            None,
        )
    elif not bmc.credentials_name:
        for key, value, example in (("username", bmc.username, "admin"), ("password", bmc.password, None)):
            if not value:
                how = "is required, unless credentialsName is set"
                yield Problem(
                    f"{path}.bmc.{key}", f"{how}; store it as a secret" if key == "password" else how, example=example
                )
    driver = driver_of(bmc.address)
    if not host.boot_mac_address and (driver not in VIRTUAL_MEDIA or host.inspection == "disabled"):
        why = "with inspection disabled" if driver in VIRTUAL_MEDIA else f"with driver {driver}"
        yield Problem(
            f"{path}.bootMACAddress", f"is required {why}", example="00:60:2f:00:00:01", about=(f"{path}.bmc.address",)
        )
    if host.boot_mode == "UEFISecureBoot" and driver in NO_SECURE_BOOT:
        yield Problem(f"{path}.bootMode", f"is not supported by driver {driver}", host.boot_mode, "UEFI")
    if bmc.disable_certificate_verification and (driver in NO_CERTIFICATE or "+http://" in bmc.address):
        yield Problem(
            f"{path}.bmc.disableCertificateVerification",
            "has no effect on an address without TLS; leave it out",
            True,
            None,
            about=(f"{path}.bmc.address",),
        )
    hints = host.root_device_hints
    device = (hints and hints.device_name) or ""
    if "/" in device.removeprefix("/dev/").removeprefix("disk/by-path/"):
        yield Problem(
            f"{path}.rootDeviceHints.deviceName", "must lie in /dev/ or /dev/disk/by-path/", device, "/dev/nvme0n1"
        )
    for key in CAPM3_LABELS:
        if key in host.labels:
            yield Problem(
                f'{path}.labels["{key}"]',
                "is set by CAPM3 while a machine is on the host; leave it out",
                host.labels[key],
                None,
            )
    for key in sorted(naming.IDENTITY_LABELS & host.labels.keys() - {"pool", *CAPM3_LABELS}):
        yield Problem(f'{path}.labels["{key}"]', "is set by this program; leave it out", host.labels[key], None)


def stack_problems(tenants: Sequence[tuple[str, Metal3ClusterSettings]]) -> Iterator[Problem]:
    """No two clusters of a stack declare one host."""
    owners: dict[tuple[str, str], str] = {}
    for base, tenant in tenants:
        for index, host in enumerate(tenant.metal3.hosts):
            path = f"{base}metal3.hosts[{index}]"
            first = owners.setdefault((tenant.cluster.namespace, host.name), path)
            if first != path and not first.startswith(f"{base}metal3"):
                yield Problem(
                    f"{path}.name",
                    f"is declared by {first} too: only one cluster may declare a host. Hosts that stand beside "
                    "`clusters` count for each cluster; move them into one",
                    host.name,
                    None,
                    about=(f"{first}.name",),
                )


def scarce(path: str, tenant: Metal3ClusterSettings, pool: Metal3PoolSettings) -> Iterator[Problem]:
    """Fewer hosts than a pool needs, where the stack declares its hosts; others may still exist."""
    selector = pool.host_selector or tenant.metal3.host_selector
    labels = selector.match_labels.items() if selector else {}.items()
    fitting = sum(labels <= host.labels.items() for host in tenant.metal3.hosts)
    size = pool.replicas or pool.max or 0
    strategy = pool.strategy
    # With OnDelete somebody gives a host back first.
    surge = 1 if strategy is None else strategy.max_surge if strategy.type == "RollingUpdate" else 0
    if not tenant.metal3.hosts or (selector and selector.match_expressions):
        return
    if fitting < size:
        yield Problem(
            f"{path}.replicas",
            f"is {size}, but only {fitting} of metal3.hosts fit the pool: the other hosts must exist already",
        )
    elif isinstance(surge, int) and fitting < size + surge:
        yield Problem(
            f"{path}.strategy.maxSurge",
            f"is {surge}, but only {fitting} of metal3.hosts fit the pool, which has {size}: a roll waits until one "
            "more is free. With maxSurge 0 and maxUnavailable 1 it gives a host back first",
        )
