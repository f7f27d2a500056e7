"""Rules that come from Equinix Metal and capp 0.9, its Cluster API provider."""

from __future__ import annotations

from collections.abc import Iterator

from ..report import Problem
from .section import MetalClusterSettings, MetalPoolSettings

LEAVE_OUT = "leave the key out of a new pool, but keep it in a living one: to take it out replaces all its machines"
"""Advice on a key that has no effect."""


def problems(base: str, tenant: MetalClusterSettings) -> Iterator[Problem]:
    """Where the machines come from."""
    metal, path = tenant.metal, f"{base}metal"
    if metal.metro and metal.facility:
        yield Problem(
            f"{path}.facility",
            f"can't be set beside metro, {metal.metro}; leave one out",
            metal.facility,
            None,
            about=(f"{path}.metro",),
        )
    elif not metal.metro and not metal.facility:
        yield Problem(f"{path}.metro", "is required, unless facility is set", example="da", about=(f"{path}.facility",))
    if metal.project_id and metal.project:
        yield Problem(
            f"{path}.project",
            "can't be set beside projectId, which names a project that exists; leave one out",
            example=None,
            about=(f"{path}.projectId",),
        )
    elif not metal.project_id and not metal.project:
        yield Problem(
            f"{path}.projectId",
            "is required, unless project is set, which creates one",
            example="5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11",
            about=(f"{path}.project",),
        )
    if metal.vip_manager == "CPEM":
        yield Problem(
            f"{path}.vipManager",
            "makes capp 0.9 crash when the first worker is active and the project has no IP reservation",
            metal.vip_manager,
            "EMLB",
        )
    if metal.cloud_controller == "cpem" and metal.cpem is None:
        yield Problem(
            f"{path}.cpem.apiToken",
            "is required with cloudController cpem: `pulumi config set --path --secret "
            "'kamaji-equinix:metal.cpem.apiToken'` stores it",
            about=(f"{path}.cloudController", f"{path}.cpem"),
            example=None,
        )
    if metal.cpem and metal.cloud_controller != "cpem":
        yield Problem(
            f"{path}.cpem",
            f"has no effect with cloudController {metal.cloud_controller}; leave it out, or set cloudController to "
            "cpem",
            about=(f"{path}.cloudController",),
            example=None,
        )
    names: set[str] = set()
    for index, key in enumerate(metal.ssh_keys):
        if key.name in names:
            yield Problem(
                f"{path}.sshKeys[{index}].name", "is the name of an earlier key too; choose another", key.name
            )
        names.add(key.name)


def pool_problems(path: str, base: str, tenant: MetalClusterSettings, pool: MetalPoolSettings) -> Iterator[Problem]:
    """Problems of a pool, by capp's order of a machine (pkg/cloud/packet/client.go, NewDevice)."""
    metal = tenant.metal
    if pool.metro and pool.facility:
        yield Problem(
            f"{path}.facility",
            f"can't be set beside metro, {pool.metro}; leave one out",
            pool.facility,
            None,
            about=(f"{path}.metro",),
        )
    reservations = pool.hardware_reservation_ids
    in_metro = bool(pool.metro) or (not pool.facility and not metal.facility)
    where = f"{path}.hardwareReservationIds"
    if len(reservations) > 1 and in_metro:
        yield Problem(
            where,
            "makes capp 0.9 crash where machines are ordered in a metro, and a single entry is ignored there; set "
            "facility instead of metro, or leave the reservations out",
            list(reservations),
            None,
            about=(f"{path}.metro", f"{path}.facility", f"{base}metal.metro", f"{base}metal.facility"),
        )
    if len(reservations) > 1 and "next-available" in reservations:
        yield Problem(
            where,
            "next-available can't be combined with other reservations; leave it or them out",
            list(reservations),
            None,
        )
    if len(set(reservations)) != len(reservations):
        yield Problem(where, "names a reservation twice; leave one out", list(reservations), None)
    if pool.ipxe_url and pool.os != "custom_ipxe":
        yield Problem(f"{path}.os", "must be custom_ipxe where ipxeUrl is set", pool.os, "custom_ipxe")
    if not pool.bootstrap.commands and not pool.os.startswith("ubuntu_"):
        yield Problem(
            f"{path}.os",
            "needs bootstrap.commands, because the default profile, ubuntu-containerd, works on Ubuntu only",
            pool.os,
            "ubuntu_24_04",
            about=(f"{path}.bootstrap.commands",),
        )
    if pool.os == "custom_ipxe" and not pool.ipxe_url:
        yield Problem(f"{path}.ipxeUrl", "is required with os custom_ipxe", example="https://example.org/boot.ipxe")


def warnings(base: str, tenant: MetalClusterSettings) -> Iterator[Problem]:
    """Warnings, among them about settings that capp 0.9 ignores."""
    if tenant.metal.vip_manager == "KUBE_VIP":
        yield Problem(
            f"{base}metal.vipManager",
            "KUBE_VIP makes capp open a BGP session for each worker, and nothing uses it; EMLB opens none",
        )
    for index, pool in enumerate(tenant.worker_pools):
        path = f"{base}workerPools[{index}]"
        if pool.tags:
            yield Problem(f"{path}.tags", f"has no effect: capp 0.9 gives the devices no tags; {LEAVE_OUT}")
        if len(pool.hardware_reservation_ids) == 1:
            yield Problem(
                f"{path}.hardwareReservationIds",
                "capp 0.9 ignores a single entry and orders on-demand hardware, which is billed. With a facility and "
                f"more than one entry it takes the first that is free; otherwise {LEAVE_OUT}",
            )
        if pool.os in ("ubuntu_18_04", "ubuntu_20_04"):
            yield Problem(f"{path}.os", f"{pool.os} gets no security updates any more; use ubuntu_24_04")
