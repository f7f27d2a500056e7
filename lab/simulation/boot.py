"""A machine's first boot, for all providers: it reads its user data, finds the cluster and gets a node's certificate."""

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
"""Waiting is logged only after this time: a certificate takes a second."""

Result = TypeVar("Result")


class Surroundings(Protocol):
    """The machine that boots."""

    def wait(self, seconds: float) -> None:
        """Wait; raises an exception once the machine is powered off."""

    def join_seconds(self) -> float:
        """Seconds for which it tries to reach its control plane."""

    def keep(self, write: Callable[[Path], None]) -> None:
        """Call ``write`` with the folder of the machine's disk; raises an exception if the machine was deleted."""


def read(user_data: str, instance_data: Mapping[str, Any]) -> tuple[Join, str]:
    """How user data lets a machine join, and the kubelet's version.

    The version is empty if the commands name none; the API server's is used then.

    Raises:
        BootFailure: the user data is invalid or does not let the machine join.
    """
    config = cloudinit.read(user_data, instance_data)
    commands.check(config)
    return kubeadm.read(config), version(config)


def version(config: CloudConfig) -> str:
    """The kubelet's version that the commands install; empty if they name none."""
    return commands.installed_version(config) or (f"v{minor}.0" if (minor := commands.repository(config)) else "")


class NodeJoin:
    """``kubeadm join`` on one machine."""

    def __init__(self, label: str, log: logging.Logger, surroundings: Surroundings) -> None:
        """Prepare; ``label`` is the machine's name in the log."""
        self._label, self._log, self._surroundings = label, log, surroundings

    def run(self, request: Join, name: str) -> None:
        """Join as Node ``name``, and save the credentials on the machine's disk.

        Raises:
            BootFailure: joining is impossible or took too long.
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
        """Repeat a step until it succeeds or its time is over, as kubeadm does."""
        began = time.monotonic()
        last_reason = ""
        while True:
            try:
                return step()
            except (NotYet, httpx.HTTPError) as error:
                reason = cloudinit.single_line(error) or type(error).__name__
            duration, seconds = time.monotonic() - began, self._surroundings.join_seconds()
            if duration >= seconds:
                raise BootFailure(f"gave up after {seconds:.0f} s: {reason}")
            if duration > PATIENCE_SECONDS and reason != last_reason:
                last_reason = reason
                self._log.info("%s: waits: %s", self._label, reason)
            self._surroundings.wait(RETRY_SECONDS)
