"""Why a device does not become a node."""

from __future__ import annotations


class BootFailure(Exception):
    """A device can't become a node of its cluster; the text says why, in one line and without secrets."""


class NotYet(Exception):
    """A step of the boot is not possible yet and is tried again, as by kubeadm and the kubelet; the text says why."""
