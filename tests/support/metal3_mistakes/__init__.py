"""Mistakes in the settings of a cluster on Metal3, by subject."""

from __future__ import annotations

from . import hosts, machines, network

MISTAKES = [*machines.MISTAKES, *network.MISTAKES, *hosts.MISTAKES]
