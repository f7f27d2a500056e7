"""A device's life, in a thread: queued, provisioning, active; then it boots from its user data and runs as a node."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..simulation import boot, kubelet
from ..simulation.cloudinit import single_line
from ..simulation.kubeadm import Join
from ..simulation.node_life import NodeLife
from ..simulation.programs import Programs
from ..simulation.trouble import BootFailure
from ..simulation.workloads import Workloads
from .devices import Device
from .options import QUEUED_SHARE, BootOptions
from .store import Store

log = logging.getLogger("lab.metal")

POLL_SECONDS = 0.1


class PowerOff(Exception):
    """The device was deleted, or the lab stops."""


class Machine(threading.Thread):
    """One device, from its order on. A restarted lab powers it on again."""

    def __init__(self, device: Device, store: Store, options: Callable[[], BootOptions], programs: Programs) -> None:
        """Prepare; ``start`` powers it on."""
        super().__init__(daemon=True, name=f"device {device.hostname}")
        self._device, self._store, self._options = device, store, options
        self._programs = programs
        self._off = threading.Event()

    def power_off(self) -> None:
        """End its thread soon."""
        self._off.set()

    def run(self) -> None:
        """Live until powered off."""
        try:
            self._provision()
            if self._device.state == "active":
                self._boot()
        except PowerOff:
            pass
        except BootFailure as error:
            self._leave_out(str(error))
        except Exception as error:
            self._leave_out(f"the lab failed at it: {type(error).__name__}: {single_line(error)}")
            log.exception("device %s (%s)", self._device.id, self._device.hostname)

    def _leave_out(self, reason: str) -> None:
        if self._store.get(self._device.id):
            log.error("device %s (%s): no Node: %s", self._device.id, self._device.hostname, reason)
            self._store.update(self._device, stage="left out", problem=reason)

    def wait(self, seconds: float) -> None:
        """Wait; raises PowerOff once the device is powered off."""
        if self._off.wait(seconds):
            raise PowerOff

    def _enter(self, state: str) -> None:
        if not self._store.update(self._device, state=state):
            raise PowerOff
        log.info("device %s (%s): %s", self._device.id, self._device.hostname, state)

    def _provision(self) -> None:
        device, project = self._device, self._device.project
        if device.state == "queued":
            log.info("device %s (%s): queued, %s in %s", device.id, device.hostname, device.plan, device.metro)
        names = (device.id, device.hostname)
        while device.state in ("queued", "provisioning"):
            options, age = self._options(), time.time() - device.created
            if device.state == "queued" and age >= options.seconds * QUEUED_SHARE:
                if slow := self._store.strike(project, "slow-queue", *names):
                    log.info("device %s (%s): stays queued for %.0f s", *names, slow.seconds)
                    self.wait(slow.seconds)
                self._enter("provisioning")
            elif device.state == "provisioning" and age >= options.seconds and not self._stuck():
                is_failure = options.fails or self._store.strike(project, "fails", *names)
                self._enter("failed" if is_failure else "active")
            self.wait(POLL_SECONDS)

    def _stuck(self) -> bool:
        device = self._device
        if device.stuck:
            return True
        fault = self._store.strike(device.project, "stays-provisioning", device.id, device.hostname)
        if fault and fault.count is not None:
            self._store.update(device, stuck=True)
        return fault is not None

    def _boot(self) -> None:
        device = self._device
        if device.stage == "left out":
            return
        self._store.update(device, stage="booting")
        join, version = boot.read(device.userdata, instance_data(device))
        self._check_identity(join)
        disk = self._store.disk(device)
        if not kubelet.has_credentials(disk):
            label = f"device {device.id} ({device.hostname})"
            boot.NodeJoin(label, log, self).run(join, join.name or device.hostname)
        node = kubelet.Kubelet(hardware(device), join, version, disk)
        NodeLife(node, Workloads(node.client, node.name, disk, device.number, self._programs), self).run()

    def _check_identity(self, join: Join) -> None:
        device = self._device
        if join.name and join.name != device.hostname:
            raise BootFailure(f"its Node would be named {join.name!r}, but its hostname is {device.hostname!r}")
        provider_id = f"equinixmetal://{device.id}"
        if not join.provider_id:
            raise BootFailure(
                f"its kubelet has no provider-id: without {provider_id} Cluster API never finds the Node of its Machine"
            )
        if join.provider_id != provider_id:
            raise BootFailure(f"its kubelet's provider-id is {join.provider_id!r}, where {provider_id} is needed")

    def join_seconds(self) -> float:
        """Seconds for which it tries to reach its control plane."""
        return self._options().join_seconds

    def keep(self, write: Callable[[Path], None]) -> None:
        """Call ``write`` with the folder of its disk."""
        if not self._store.keep(self._device, write):
            raise PowerOff

    def has_fault(self, fault: str) -> bool:
        """Whether a fault of its project affects it now."""
        device = self._device
        return self._store.strike(device.project, fault, device.id, device.hostname) is not None

    def heartbeat_seconds(self) -> float:
        """Seconds between two heartbeats of its node."""
        return self._options().heartbeat_seconds

    def has_network(self) -> bool:
        """Whether its node has a network without a network plugin's pod."""
        return self._options().network == "provided"

    def report_node(self, node: str) -> None:
        """Record that its Node exists."""
        if self._device.stage != "joined":
            self._store.update(self._device, stage="joined")
            log.info("device %s (%s): Node %s has joined", self._device.id, self._device.hostname, node)


def instance_data(device: Device) -> dict[str, dict[str, object]]:
    """The instance data that cloud-init reads.

    Equinix Metal's metadata service also has the EC2 format, which its Ubuntu images use: the instance id is the device's.
    """
    metadata: dict[str, object] = {
        "instance-id": device.id,
        "hostname": device.hostname,
        "local-hostname": device.hostname,
        "iqn": f"iqn.2026-01.net.packet:device.{device.id[:8]}",
        "plan": device.plan,
        "facility": device.facility,
        "tags": list(device.tags),
        "public-ipv4": device.public_address,
        "local-ipv4": device.private_address,
    }
    return {
        "v1": {"instance-id": device.id, "local-hostname": device.hostname, "platform": "ec2"},
        "ds": {"meta-data": metadata},
    }


def hardware(device: Device) -> kubelet.Hardware:
    """The hardware of a device, for its kubelet."""
    return kubelet.Hardware(
        id=device.id,
        hostname=device.hostname,
        operating_system=device.operating_system,
        architecture="arm64" if ".arm" in device.plan else "amd64",
        addresses={"InternalIP": device.private_address, "ExternalIP": device.public_address},
    )
