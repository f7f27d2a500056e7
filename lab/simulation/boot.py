"""A machine's first boot, whoever provides it: user data read, cluster found, a node's certificate got."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from . import cloudinit, commands, join, kubeadm, kubelet
from .cloudinit import CloudConfig
from .kubeadm import Join
from .trouble import BootFailure, NotYet

RETRY_SECONDS = 0.5
PATIENCE_SECONDS = 3.0
"""What lasts no longer than this is no news: a certificate takes a second."""

Result = TypeVar("Result")


class Surroundings(Protocol):
    """Where a machine boots."""

    def wait(self, seconds: float) -> None:
        """Wait; raises whatever ends the machine's life once it is powered off."""

    def join_seconds(self) -> float:
        """How long it looks for its control plane."""

    def keep(self, write: Callable[[Path], None]) -> None:
        """Let ``write`` write to the machine's disk; raises whatever ends its life where that is gone."""


def read(user_data: str, instance_data: Mapping[str, Any]) -> tuple[Join, str]:
    """What user data wants of a machine: how to join, and the kubelet's version.

    The version is empty, to take the API server's, where the commands name neither a version nor a minor one.

    Raises:
        BootFailure: it does not make a node.
    """
    config = cloudinit.read(user_data, instance_data)
    commands.check(config)
    return kubeadm.read(config), version(config)


def version(config: CloudConfig) -> str:
    """The kubelet's version that the commands install; empty where they don't say."""
    return commands.installed_version(config) or (f"v{minor}.0" if (minor := commands.repository(config)) else "")


class NodeJoin:
    """``kubeadm join`` on one machine."""

    def __init__(self, label: str, log: logging.Logger, surroundings: Surroundings) -> None:
        """Prepare; ``label`` is how the log calls the machine."""
        self._label, self._log, self._surroundings = label, log, surroundings

    def run(self, request: Join, name: str) -> None:
        """Join as Node ``name``, and keep the credentials on the machine's disk.

        Raises:
            BootFailure: it can't, or could not in time.
        """
        cluster = self._persist(lambda: join.discover(request))
        self._log.info("%s: found its cluster at %s", self._label, cluster.server)
        bootstrap = join.Bootstrap(request, cluster, name)
        try:
            self._persist(bootstrap.preflight)
            credentials = self._persist(bootstrap.credentials)
        finally:
            bootstrap.close()
        self._surroundings.keep(lambda disk: kubelet.save(credentials, disk))

    def _persist(self, step: Callable[[], Result]) -> Result:
        """Do a step again and again, as kubeadm does, until its time is over."""
        began = time.monotonic()
        last_reason = ""
        while True:
            try:
                return step()
            except (NotYet, httpx.HTTPError) as error:
                reason = cloudinit.one_line(error) or type(error).__name__
            duration, seconds = time.monotonic() - began, self._surroundings.join_seconds()
            if duration >= seconds:
                raise BootFailure(f"gave up after {seconds:.0f} s: {reason}")
            if duration > PATIENCE_SECONDS and reason != last_reason:
                last_reason = reason
                self._log.info("%s: waits: %s", self._label, reason)
            self._surroundings.wait(RETRY_SECONDS)
