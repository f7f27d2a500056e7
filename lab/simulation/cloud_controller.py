"""The lab's cloud controller, in place of Equinix Metal's (CPEM), whose module can't be built here.

Follows metal/config.go and metal/devices.go of cloud-provider-equinix-metal 3.8, and controllers/node and
controllers/nodelifecycle of k8s.io/cloud-provider. It gives Services no load balancer.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from .join import client_context, status_text
from .programs import Program, Surroundings

log = logging.getLogger("lab.cloud-controller")

IMAGES = ("cloud-provider-equinix-metal", "cloud-controller")
"""Last parts of the image names for which it runs."""

CONFIG = "/etc/cloud-sa/cloud-sa.json"
UNINITIALIZED_TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
PROVIDERS = ("equinixmetal", "packet")
POLL_SECONDS = 1.0

STRATEGIC, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"


class ConfigInvalid(Exception):
    """The configuration is invalid: it exits at once, as CPEM does."""


@dataclass(frozen=True)
class Config:
    """Its configuration: the key of the Metal API, and the project."""

    api_key: str
    project: str


def configuration(around: Surroundings) -> Config:
    """Read its configuration: a file, and the environment, which has precedence.

    Raises:
        ConfigInvalid: with CPEM's text.
    """
    path = CONFIG
    for index, word in enumerate(around.words):
        option, equals, value = word.partition("=")
        if option in ("--cloud-config", "--provider-config"):
            path = value if equals else "".join(around.words[index + 1 : index + 2])
    document: Any = {}
    if path in around.files:
        try:
            document = json.loads(around.files[path])
        except ValueError as error:
            raise ConfigInvalid(f"failed to process json of configuration file at path {path}: {error}") from None
        if not isinstance(document, Mapping):
            raise ConfigInvalid(f"failed to process json of configuration file at path {path}: it is no object")
    # Go's encoding/json ignores the case of keys.
    plain = {str(key).lower(): str(value) for key, value in document.items()}
    values = []
    for variable, key in (("METAL_API_KEY", "apikey"), ("METAL_PROJECT_ID", "projectid")):
        value = around.environment.get(variable) or plain.get(key, "")
        if not value:
            raise ConfigInvalid(f'environment variable "{variable}" is required')
        values.append(value)
    return Config(*values)


def device_id(provider_id: str) -> str:
    """The device of a Node, by its providerID; empty if it is not of Equinix Metal.

    >>> device_id("equinixmetal://1"), device_id("1"), device_id("metal3://1")
    ('1', '1', '')
    """
    provider, separator, identity = provider_id.rpartition("://")
    return identity if not separator or provider in PROVIDERS else ""


def addresses(device: Mapping[str, Any]) -> list[dict[str, str]]:
    """A Node's addresses; empty while the device has no public or no private address."""
    entries = [{"type": "Hostname", "address": str(device.get("hostname", ""))}]
    for entry in device.get("ip_addresses") or []:
        if entry.get("address_family") == 4:
            kind = "ExternalIP" if entry.get("public") else "InternalIP"
            entries.append({"type": kind, "address": entry["address"]})
    return entries if {"ExternalIP", "InternalIP"} <= {entry["type"] for entry in entries} else []


def labels(device: Mapping[str, Any]) -> dict[str, str]:
    """The labels that it sets on a Node: the plan, and the metro as region. CPEM sets no zone."""
    plan, metro = (device.get("plan") or {}).get("slug"), (device.get("metro") or {}).get("code")
    values: dict[str, str] = {}
    if plan:
        values |= {"node.kubernetes.io/instance-type": plan, "beta.kubernetes.io/instance-type": plan}
    if metro:
        values |= {"topology.kubernetes.io/region": metro, "failure-domain.beta.kubernetes.io/region": metro}
    return values


class CloudController(threading.Thread):
    """The running program, from the start of its pod."""

    def __init__(self, around: Surroundings, metal_url: str, metal_ca_pem: str) -> None:
        """Prepare.

        Args:
            around: the surroundings in its pod.
            metal_url: URL of the Metal API, in place of api.equinix.com.
            metal_ca_pem: certificate of the Metal API's authority.
        """
        super().__init__(daemon=True, name=around.name)
        self._around = around
        self._off = threading.Event()
        self._metal_url, self._metal_ca = metal_url, metal_ca_pem
        self._last_report = ""
        self.exit_code: int | None = None

    def stop(self) -> None:
        """Ask it to stop, without waiting."""
        self._off.set()

    def run(self) -> None:
        """Run until stopped; end at once if the configuration is invalid."""
        try:
            config = configuration(self._around)
        except ConfigInvalid as error:
            log.error("%s ends: %s", self._around.name, error)  # noqa: TRY400 - the text is enough
            self.exit_code = 1
            return
        around = self._around
        headers = {"X-Auth-Token": config.api_key}
        with (
            httpx.Client(
                base_url=around.server, verify=client_context(around.ca_pem), timeout=5.0, trust_env=False
            ) as cluster,
            httpx.Client(
                base_url=self._metal_url,
                verify=client_context(self._metal_ca),
                headers=headers,
                timeout=5.0,
                trust_env=False,
            ) as metal,
        ):
            while not self._off.is_set():
                try:
                    self._look(cluster, metal)
                except httpx.HTTPError as error:
                    self._say(f"{error or type(error).__name__}")
                self._off.wait(POLL_SECONDS)

    def _say(self, text: str) -> None:
        if text != self._last_report:
            self._last_report = text
            log.warning("%s: %s", self._around.name, text)

    def _look(self, cluster: httpx.Client, metal: httpx.Client) -> None:
        if "Authorization" not in cluster.headers:
            cluster.headers["Authorization"] = f"Bearer {self._around.token()}"
        answer = cluster.get("/api/v1/nodes")
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            del cluster.headers["Authorization"]
        if answer.is_error:
            self._say(f"nodes: {answer.status_code} {status_text(answer)}")
            return
        for node in answer.json()["items"]:
            if self._off.is_set():
                return
            taints = (node["spec"].get("taints")) or []
            if any(taint["key"] == UNINITIALIZED_TAINT for taint in taints):
                self._initialize(cluster, metal, node)
            elif not is_ready(node):
                self._delete_orphan(cluster, metal, node)

    def _device(self, metal: httpx.Client, node: Mapping[str, Any]) -> httpx.Response | None:
        identity = device_id(node["spec"].get("providerID") or "")
        return metal.get(f"/devices/{identity}") if identity else None

    def _initialize(self, cluster: httpx.Client, metal: httpx.Client, node: Mapping[str, Any]) -> None:
        """Set a Node's addresses and labels, then remove the taint."""
        name = node["metadata"]["name"]
        answer = self._device(metal, node)
        if answer is None:
            return
        if answer.is_error:
            self._say(f"failed to get instance metadata for node {name}: {answer.status_code} {answer.text[:200]}")
            return
        device = answer.json()
        node_addresses = addresses(device)
        if not node_addresses:
            self._say(
                f"failed to get instance metadata for node {name}: could not get at least one public and private ip"
            )
            return
        path = f"/api/v1/nodes/{name}"
        if not (
            current := self._patch(cluster, f"{path}/status", {"status": {"addresses": node_addresses}}, STRATEGIC)
        ):
            return
        taints = [taint for taint in current["spec"].get("taints") or [] if taint["key"] != UNINITIALIZED_TAINT]
        # With the version that was read: others change the list of taints too, and a conflict is tried again.
        metadata = {"labels": labels(device), "resourceVersion": current["metadata"]["resourceVersion"]}
        if not self._patch(cluster, path, {"metadata": metadata, "spec": {"taints": taints}}, MERGE):
            return
        log.info("%s: Successfully initialized node %s with cloud provider", self._around.name, name)

    def _patch(self, cluster: httpx.Client, path: str, body: object, kind: str) -> dict[str, Any] | None:
        answer = cluster.patch(path, json=body, headers={"Content-Type": kind})
        if answer.is_error:
            if answer.status_code != httpx.codes.CONFLICT:
                self._say(f"{path}: {answer.status_code} {status_text(answer)}")
            return None
        obj: dict[str, Any] = answer.json()
        return obj

    def _delete_orphan(self, cluster: httpx.Client, metal: httpx.Client, node: Mapping[str, Any]) -> None:
        """Delete a Node whose device does not exist, as k8s.io/cloud-provider does with Nodes that are not Ready."""
        answer = self._device(metal, node)
        if answer is not None and answer.status_code == httpx.codes.NOT_FOUND:
            name = node["metadata"]["name"]
            log.info("%s: deleting node %s: its device does not exist", self._around.name, name)
            cluster.delete(f"/api/v1/nodes/{name}")


def is_ready(node: Mapping[str, Any]) -> bool:
    """Whether a Node's condition Ready is true."""
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def start(around: Surroundings, metal_url: str, metal_ca_pem: str) -> Program:
    """Start the cloud controller."""
    program = CloudController(around, metal_url, metal_ca_pem)
    program.start()
    return program
