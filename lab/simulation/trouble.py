"""Why a device does not become a node."""

from __future__ import annotations


class BootFailure(Exception):
    """A device does not become a node of its cluster; the text says why, in one line and without secrets."""


class NotYet(Exception):
    """A step of the boot cannot be done yet and is tried again, as kubeadm and the kubelet do; the text says why."""
