"""Simulated hosts behind Metal3's baremetal-operator; they boot from Metal3's data alone."""

from .hosts import Hosts

__all__ = ["Hosts"]
