"""A machine's life as a node: it registers, sends heartbeats, and runs the pods that are bound to it."""

from __future__ import annotations

import logging
import time
from typing import Protocol

import httpx

from .cloudinit import single_line
from .kubelet import Kubelet
from .trouble import NotYet
from .workloads import Workloads

log = logging.getLogger("lab.nodes")

RETRY_SECONDS = 0.5
POD_SECONDS = 1.0
"""Time between two checks of a node's pods."""


class Outside(Protocol):
    """The outside world of a node: its machine's power, faults and network."""

    def wait(self, seconds: float) -> None:
        """Wait; raises an exception once the machine is powered off."""

    def has_fault(self, fault: str) -> bool:
        """Whether the node has a fault now: ``hangs`` or ``breaks``."""

    def heartbeat_seconds(self) -> float:
        """Seconds between two heartbeats."""

    def has_network(self) -> bool:
        """Whether it has a network without a network plugin's pod."""

    def report_node(self, node: str) -> None:
        """Called after each successful check: the Node exists."""


class NodeLife:
    """A node's life, until the machine is powered off."""

    def __init__(self, kubelet: Kubelet, workloads: Workloads, outside: Outside) -> None:
        """Prepare."""
        self._kubelet, self._workloads, self._outside = kubelet, workloads, outside
        self._is_registered = False
        self._due = 0.0
        self._hangs = self._broken = False

    def run(self) -> None:
        """Run until the machine is powered off."""
        last_reason = ""
        try:
            while True:
                try:
                    self._look()
                    self._outside.report_node(self._kubelet.name)
                    last_reason = ""
                except (NotYet, httpx.HTTPError) as error:
                    reason = single_line(error) or type(error).__name__
                    if reason != last_reason:
                        last_reason = reason
                        log.warning("Node %s: %s", self._kubelet.name, reason)
                pause = min(POD_SECONDS, self._outside.heartbeat_seconds())
                self._outside.wait(pause if self._is_registered else RETRY_SECONDS)
        finally:
            self._workloads.stop()
            self._kubelet.close()

    def _look(self) -> None:
        """Check once: send a heartbeat if it is due, then sync the pods."""
        if not self._is_registered:
            self._kubelet.register()
            self._is_registered = True
        now = time.monotonic()
        if now >= self._due:
            self._hangs = self._outside.has_fault("hangs")
            self._broken = not self._hangs and self._outside.has_fault("breaks")
            self._beat()
            self._due = now + self._outside.heartbeat_seconds()
        if self._hangs or self._broken:
            return
        before = self._network()
        if self._workloads.sync(self._kubelet.node, network=before):
            self._kubelet.look()
        if self._network() != before:
            self._beat()

    def _network(self) -> bool:
        return self._workloads.network or self._outside.has_network()

    def _beat(self) -> None:
        if not self._hangs:
            self._kubelet.beat(healthy=not self._broken, network=self._network())
