"""How devices boot."""

from __future__ import annotations

from dataclasses import dataclass

QUEUED_SHARE = 0.25
"""Share of the time until a device's first boot in state queued; the rest is in state provisioning."""


@dataclass(frozen=True)
class BootOptions:
    """How devices boot, in all projects; a project's faults can change it.

    Attributes:
        seconds: time from a device's order to its running operating system.
        fails: whether devices end in state ``failed`` instead of ``active``.
        join_seconds: how long a device tries to reach its control plane. kubeadm's limit is five minutes.
        heartbeat_seconds: time between two heartbeats of a node; the default is a kubelet's.
        network: ``required``: a node is Ready only where a network plugin's pod has run, as on real machines;
            ``provided``: always.
    """

    seconds: float = 2.0
    fails: bool = False
    join_seconds: float = 300.0
    heartbeat_seconds: float = 10.0
    network: str = "required"
