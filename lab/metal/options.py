"""How devices boot."""

from __future__ import annotations

from dataclasses import dataclass

QUEUED_SHARE = 0.25
"""Part of a device's way to its first boot that it spends in state queued; the rest is provisioning."""


@dataclass(frozen=True)
class BootOptions:
    """How devices boot, in all projects; a project's faults can differ.

    Attributes:
        seconds: from a device's order to its operating system running.
        fails: devices end in state ``failed`` instead of ``active``.
        join_seconds: how long a booting device looks for its control plane. kubeadm gives up after five minutes.
        heartbeat_seconds: between two signs of life of a node; a kubelet's own default.
        network: whether a node is Ready only where a network plugin's pod has run (``required``), as on real machines, or
            always (``provided``).
    """

    seconds: float = 2.0
    fails: bool = False
    join_seconds: float = 300.0
    heartbeat_seconds: float = 10.0
    network: str = "required"
