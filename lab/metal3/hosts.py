"""All hosts: they are powered on when provisioned, and off when deprovisioned."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from ..metal.options import BootOptions
from ..simulation.programs import Programs
from .host import HOST_FAULTS, Host, faults

log = logging.getLogger("lab.metal3")

PATH = "/apis/metal3.io/v1alpha1/baremetalhosts"


class Hosts:
    """The simulated hosts of one management cluster."""

    def __init__(
        self, client: httpx.Client, folder: Path, options: Callable[[], BootOptions], programs: Programs
    ) -> None:
        """Prepare; ``reconcile`` starts hosts.

        Args:
            client: the management cluster's API.
            folder: folder of their disks.
            options: how they boot.
            programs: the programs for containers with certain images.
        """
        self._client, self._folder, self._options, self._programs = client, folder, options, programs
        self._running: dict[str, Host] = {}
        self._reports: set[str] = set()

    def reconcile(self) -> None:
        """Read all BareMetalHosts, and power hosts on and off.

        Raises:
            httpx.HTTPError: the management cluster does not answer.
        """
        documents = self._client.get(PATH).raise_for_status().json()["items"]
        documents_by_disk = {disk(document): document for document in documents if runs(document)}
        for key in [key for key in self._running if key not in documents_by_disk]:
            self._power_off(key)
        for key, document in documents_by_disk.items():
            self._check(document)
            if host := self._running.get(key):
                host.document = document
            else:
                self._power_on(key, document)

    def _check(self, document: Mapping[str, Any]) -> None:
        for fault in sorted(faults(document) - set(HOST_FAULTS)):
            if fault not in self._reports:
                self._reports.add(fault)
                log.error("unknown fault %r of a host; known: %s", fault, ", ".join(HOST_FAULTS))

    def _power_on(self, key: str, document: Mapping[str, Any]) -> None:
        folder = self._folder / key
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        numbers = {host.number for host in self._running.values()}
        number = next(number for number in range(1 + len(numbers)) if number not in numbers)
        host = Host(document, folder, number, self._secret, self._options, self._programs)
        self._running[key] = host
        host.start()

    def _power_off(self, key: str) -> None:
        host = self._running.pop(key)
        host.power_off()
        host.join(5)
        shutil.rmtree(self._folder / key, ignore_errors=True)
        log.info("host %s: given back or powered off", host.host_name)

    def _secret(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        answer = self._client.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        secret: dict[str, Any] = answer.raise_for_status().json()
        return secret

    def overview(self) -> list[dict[str, str]]:
        """The running hosts, for the state file."""
        return [
            {"name": host.host_name, "stage": host.stage, "problem": host.problem}
            for host in list(self._running.values())
        ]

    def stop(self) -> None:
        """Power off all hosts; their disks stay, so that a restarted lab finds them joined."""
        for host in self._running.values():
            host.power_off()
        for host in self._running.values():
            host.join(5)
        self._running.clear()


def runs(document: Mapping[str, Any]) -> bool:
    """Whether an operating system runs on a host."""
    state = ((document.get("status") or {}).get("provisioning") or {}).get("state")
    return state == "provisioned" and bool(document["spec"].get("online")) and bool(document["spec"].get("userData"))


def disk(document: Mapping[str, Any]) -> str:
    """Name of a host's disk; each machine that the host becomes has a new one."""
    user_data = document["spec"].get("userData") or {}
    consumer = (document["spec"].get("consumerRef") or {}).get("name", "")
    digest = hashlib.sha256(f"{user_data.get('namespace')}/{user_data.get('name')} {consumer}".encode()).hexdigest()
    return f"{document['metadata']['uid']}-{digest[:8]}"
