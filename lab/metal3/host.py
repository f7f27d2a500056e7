"""A provisioned host's life, in a thread: it boots from its config drive, joins, and is a node until it is powered off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..metal.options import BootOptions
from ..simulation import boot, kubelet
from ..simulation.cloudinit import single_line
from ..simulation.kubeadm import Join
from ..simulation.node_life import NodeLife
from ..simulation.programs import Programs
from ..simulation.trouble import BootFailure
from ..simulation.workloads import Workloads
from . import config_drive, network_data
from .config_drive import Secrets

log = logging.getLogger("lab.metal3")

UUID_LABEL = "metal3.io/uuid"
"""CAPM3 finds the Node of a host by this label, and writes the providerID into it."""

FAULTS = "lab.kamaji-equinix/faults"
"""Annotation of a BareMetalHost with the faults of its node, separated by commas. Earlier faults are simulated by the
baremetal-operator in demo mode, for hosts with certain names (its pkg/provisioner/demo/demo.go)."""

HOST_FAULTS = ("no-uuid-label", "hangs", "breaks")


class PowerOff(Exception):
    """The host was powered off or deprovisioned, or the lab stops."""


class Host(threading.Thread):
    """One provisioned host.

    Attributes:
        host_name: namespace and name of its BareMetalHost.
        number: unique number of the host, for addresses.
        stage: booting, joined, left out.
        problem: why it is left out of its cluster.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        disk: Path,
        number: int,
        secrets: Secrets,
        options: Callable[[], BootOptions],
        programs: Programs,
    ) -> None:
        """Prepare; ``start`` powers it on.

        Args:
            document: its BareMetalHost.
            disk: the folder that is its disk.
            number: unique number of the host, for addresses.
            secrets: reads Secrets of the management cluster.
            options: how it boots.
            programs: the programs for containers with certain images.
        """
        metadata = document["metadata"]
        host_name = f"{metadata['namespace']}/{metadata['name']}"
        super().__init__(daemon=True, name=f"host {host_name}")
        self.host_name = host_name
        self.document = document
        self.stage, self.problem = "booting", ""
        self._disk, self.number, self._secrets = disk, number, secrets
        self._options, self._programs = options, programs
        self._off = threading.Event()

    def power_off(self) -> None:
        """End its thread soon."""
        self._off.set()

    def run(self) -> None:
        """Live until powered off."""
        try:
            log.info("host %s: provisioned", self.host_name)
            self.wait(self._options().seconds)
            self._boot()
        except PowerOff:
            pass
        except BootFailure as error:
            self._leave_out(str(error))
        except Exception as error:
            self._leave_out(f"the lab failed at it: {type(error).__name__}: {single_line(error)}")
            log.exception("host %s", self.host_name)

    def _leave_out(self, reason: str) -> None:
        log.error("host %s: no Node: %s", self.host_name, reason)
        self.stage, self.problem = "left out", reason

    def _boot(self) -> None:
        drive = config_drive.read(self.document, self._secrets)
        join, version = boot.read(drive.user_data, drive.instance_data())
        self._check_identity(join)
        addresses = network_data.addresses(drive.network_data, cards(self.document))
        name = join.name or drive.hostname
        if not kubelet.has_credentials(self._disk):
            boot.NodeJoin(f"host {self.host_name}", log, self).run(join, name)
        machine = kubelet.Hardware(
            id=self.document["metadata"]["uid"],
            hostname=name,
            operating_system="Ubuntu 24.04 LTS",
            architecture="amd64",
            # Without a fixed address it has an address from DHCP.
            addresses={"InternalIP": next(iter(addresses), f"10.66.{self.number // 250}.{self.number % 250 + 1}")},
        )
        node = kubelet.Kubelet(machine, self._with_label(join), version, self._disk)
        NodeLife(node, Workloads(node.client, node.name, self._disk, self.number, self._programs), self).run()

    def _check_identity(self, join: Join) -> None:
        uid, label = self.document["metadata"]["uid"], join.labels.get(UUID_LABEL)
        if not label:
            raise BootFailure(
                f"its kubelet registers without label {UUID_LABEL}={uid}: CAPM3 never finds the Node of its machine then"
            )
        if label != uid:
            raise BootFailure(f"its kubelet's label {UUID_LABEL} is {label!r}, where the host is {uid}")

    def _with_label(self, join: Join) -> Join:
        if not self.has_fault("no-uuid-label"):
            return join
        log.info("host %s: a fault takes label %s from its Node", self.host_name, UUID_LABEL)
        labels = {name: value for name, value in join.labels.items() if name != UUID_LABEL}
        return replace(join, labels=labels)

    def wait(self, seconds: float) -> None:
        """Wait; raises PowerOff once the host is powered off."""
        if self._off.wait(seconds):
            raise PowerOff

    def join_seconds(self) -> float:
        """Seconds for which it tries to reach its control plane."""
        return self._options().join_seconds

    def keep(self, write: Callable[[Path], None]) -> None:
        """Call ``write`` with the folder of its disk."""
        if self._off.is_set():
            raise PowerOff
        write(self._disk)

    def has_fault(self, fault: str) -> bool:
        """Whether its BareMetalHost's annotation has this fault."""
        return fault in faults(self.document)

    def heartbeat_seconds(self) -> float:
        """Seconds between two heartbeats of its node."""
        return self._options().heartbeat_seconds

    def has_network(self) -> bool:
        """Whether its node has a network without a network plugin's pod."""
        return self._options().network == "provided"

    def report_node(self, node: str) -> None:
        """Record that its Node exists."""
        if self.stage != "joined":
            self.stage = "joined"
            log.info("host %s: Node %s has joined", self.host_name, node)


def faults(document: Mapping[str, Any]) -> set[str]:
    """The faults of a BareMetalHost's annotation."""
    text = (document["metadata"].get("annotations") or {}).get(FAULTS) or ""
    return {fault.strip() for fault in text.split(",")} - {""}


def cards(document: Mapping[str, Any]) -> list[str]:
    """MAC addresses of a host's network cards: those of its inspection, and the card that it boots from."""
    nics = ((document.get("status") or {}).get("hardware") or {}).get("nics") or []
    boots = document["spec"].get("bootMACAddress")
    return [*(nic["mac"] for nic in nics if nic.get("mac")), *([boots] if boots else [])]
