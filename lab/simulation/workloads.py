"""A kubelet's pods and their progress. The rules are in :mod:`.pod_rules`, the requests in :mod:`.pod_requests`.

kwok is not used: it simulates neither network plugins nor missing Secrets and would be one more program to build, while the
machines here already have a node's credentials.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import ipaddress
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from . import pod_rules, pod_sources
from .pod_requests import PodRequests, name
from .pod_rules import Facts
from .pod_sources import Missing
from .pod_summary import has_changed, has_started
from .programs import Program, Programs, Surroundings, image_name

log = logging.getLogger("lab.pods")

RANGE_SECONDS = 15.0
FALLBACK_RANGE = ipaddress.ip_network("100.64.0.0/10")
"""Range of pods' addresses for nodes without a range, whose network plugin has its own."""


class Workloads:
    """The pods that are bound to one node."""

    def __init__(self, client: httpx.Client, node: str, disk: Path, number: int, programs: Programs) -> None:
        """Prepare; no request is sent yet.

        Args:
            client: client of the API server, with the node's credentials.
            node: the Node's name.
            disk: the machine's disk; the network's configuration on it outlives restarts and the plugin's pod.
            number: number of the machine, for pods' addresses if the node has no range.
            programs: the programs for containers with certain images.
        """
        self._requests = PodRequests(client, node)
        self._node, self._number, self._programs = node, number, programs
        self._disk = disk
        self._server, self._ca_pem = (disk / "server").read_text(), (disk / "ca.crt").read_text()
        self._running: dict[tuple[str, str], Program] = {}
        self._addresses: dict[str, str] = {}
        self._events: dict[str, tuple[str, str]] = {}

    @property
    def network(self) -> bool:
        """Whether a network plugin's configuration is on the machine."""
        return (self._disk / "cni").exists()

    def sync(self, node: Mapping[str, Any], *, network: bool) -> bool:
        """Advance each pod by a step; True if a pod lacks an address because the Node has none yet, or no range.

        Args:
            node: the Node when it was last read.
            network: whether the machine has a network.

        Raises:
            NotYet: the API server does not answer.
        """
        pods = self._requests.pods()
        present = {pod["metadata"]["uid"] for pod in pods}
        for key in [key for key in self._running if key[0] not in present]:
            self._running.pop(key).stop()
        for uid in [uid for uid in {*self._addresses, *self._events} if uid not in present]:
            self._addresses.pop(uid, None)
            self._events.pop(uid, None)
        for pod in pods:
            if address := (pod.get("status") or {}).get("podIP"):
                self._addresses[pod["metadata"]["uid"]] = address
        for pod in pods:
            self._step(pod, node, network=network)
        lacks = not host_ip(node) or expects_range(node)
        return lacks and any(not pod_rules.is_finished(pod) for pod in pods)

    def stop(self) -> None:
        """End the programs."""
        for program in self._running.values():
            program.stop()
        self._running.clear()

    def _step(self, pod: Mapping[str, Any], node: Mapping[str, Any], *, network: bool) -> None:
        uid = pod["metadata"]["uid"]
        fetch = functools.cache(functools.partial(self._requests.fetch, pod["metadata"]["namespace"]))
        facts = self._facts(pod, node, fetch, network=network)
        if pod["metadata"].get("deletionTimestamp"):
            self._remove(pod, facts)
            return
        status = pod_rules.status(pod, facts)
        if has_changed(pod.get("status") or {}, status) and not self._requests.report(pod, status):
            return
        for key in [key for key in self._running if key[0] == uid and key[1] in facts.exit_codes]:
            del self._running[key]
        if status["phase"] == "Running" and pod_rules.brings_network(pod) and not self.network:
            with contextlib.suppress(FileNotFoundError):  # the machine was deleted just now
                self._disk.joinpath("cni").write_text(f"{name(pod)}\n")
            log.info("Node %s: %s has brought the network", self._node, name(pod))
        self._start_programs(pod, status, fetch)
        self._tell(pod, pod_rules.trouble(pod, status, facts))

    def _facts(
        self, pod: Mapping[str, Any], node: Mapping[str, Any], fetch: pod_sources.Fetch, *, network: bool
    ) -> Facts:
        uid, spec = pod["metadata"]["uid"], pod["spec"]
        states = pod_rules.container_states(pod)
        volumes, environment = "", {}
        if not pod_rules.is_finished(pod) and not pod["metadata"].get("deletionTimestamp"):
            if not any(map(has_started, states.values())):
                volumes = problem(lambda: pod_sources.files(pod, fetch))
            for container in all_containers(spec):
                if "running" not in (states.get(container["name"]) or {}).get("state", {}):
                    environment[container["name"]] = problem(
                        functools.partial(pod_sources.environment, pod, container, fetch)
                    )
        return Facts(
            now=datetime.datetime.now(datetime.timezone.utc),
            network=network,
            host_ip=host_ip(node),
            pod_ip="" if pod_rules.host_network(pod) else self._address(uid, node),
            volumes=volumes,
            environment={key: text for key, text in environment.items() if text},
            exit_codes={
                container: program.exit_code
                for (owner, container), program in self._running.items()
                if owner == uid and program.exit_code is not None
            },
        )

    def _address(self, uid: str, node: Mapping[str, Any]) -> str:
        """A pod's address from the node's range, whose first address is the bridge's."""
        if uid not in self._addresses:
            if expects_range(node):
                return ""
            range_ = node["spec"].get("podCIDR")
            hosts = ipaddress.ip_network(range_) if range_ else machine_range(self._number)
            addresses_in_use = set(self._addresses.values())
            self._addresses[uid] = next(
                (
                    text
                    for number in range(2, hosts.num_addresses)
                    if (text := str(hosts[number])) not in addresses_in_use
                ),
                "",
            )
        return self._addresses[uid]

    def _remove(self, pod: Mapping[str, Any], facts: Facts) -> None:
        """Stop a pod's containers, report that, and complete the pod's deletion."""
        uid = pod["metadata"]["uid"]
        for key in [key for key in self._running if key[0] == uid]:
            self._running.pop(key).stop()
        status = pod_rules.last_status(pod, facts)
        if has_changed(pod.get("status") or {}, status) and not self._requests.report(pod, status):
            return
        self._requests.delete(pod)

    def _start_programs(self, pod: Mapping[str, Any], status: Mapping[str, Any], fetch: pod_sources.Fetch) -> None:
        running = {entry["name"] for entry in status["containerStatuses"] if "running" in entry["state"]}
        for container in pod["spec"]["containers"]:
            key = (pod["metadata"]["uid"], container["name"])
            begin = self._programs.get(image_name(container["image"]))
            if not begin or container["name"] not in running or key in self._running:
                continue
            try:
                files = pod_sources.mounts(container, pod_sources.files(pod, fetch))
                environment = pod_sources.environment(pod, container, fetch)
            except Missing:
                continue
            log.info("Node %s: runs %s of %s", self._node, image_name(container["image"]), name(pod))
            self._running[key] = begin(
                Surroundings(
                    name=name(pod),
                    words=[*(container.get("command") or []), *(container.get("args") or [])],
                    environment=environment,
                    files=files,
                    server=self._server,
                    ca_pem=self._ca_pem,
                    token=functools.partial(self._requests.token, pod),
                )
            )

    def _tell(self, pod: Mapping[str, Any], trouble: tuple[str, str] | None) -> None:
        # As by a kubelet, an event is reported only once.
        uid = pod["metadata"]["uid"]
        if trouble is not None and self._events.get(uid) != trouble:
            self._events[uid] = trouble
            self._requests.tell(pod, *trouble)


def expects_range(node: Mapping[str, Any]) -> bool:
    """Whether kube-controller-manager may still set a Node's range of pods' addresses, which takes a moment."""
    creation = datetime.datetime.strptime(node["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%S%z")
    age = datetime.datetime.now(datetime.timezone.utc) - creation
    return not node["spec"].get("podCIDR") and age.total_seconds() < RANGE_SECONDS


def host_ip(node: Mapping[str, Any]) -> str:
    """A Node's address for its pods; empty if it has none yet."""
    addresses = {entry["type"]: entry["address"] for entry in (node.get("status") or {}).get("addresses") or []}
    return str(addresses.get("InternalIP") or addresses.get("ExternalIP") or "")


def machine_range(number: int) -> ipaddress.IPv4Network:
    """The /24 for a machine without a range, by the machine's number."""
    first = int(FALLBACK_RANGE.network_address) + (number % 2**14) * 256
    return ipaddress.IPv4Network((first, 24))


def problem(look: Callable[[], object]) -> str:
    """The problem that a look at a pod's sources raises; empty if there is none."""
    try:
        look()
    except Missing as error:
        return str(error)
    return ""


def all_containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A pod's containers, init containers first."""
    yield from spec.get("initContainers") or []
    yield from spec["containers"]
