"""Simulated hosts behind Metal3's baremetal-operator: they boot from what Metal3 gives them, and from nothing else."""

from .hosts import Hosts

__all__ = ["Hosts"]
