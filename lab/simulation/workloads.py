"""A kubelet's pods: what it asks its API server for, and what it tells it of them. The rules are in :mod:`.pod_rules`.

Own code rather than kwok: kwok knows neither network plugins nor missing Secrets and would be one more program to build,
where the machines here have a node's own credentials already.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import ipaddress
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from . import pod_rules, pod_sources
from .join import answered, status_text
from .pod_rules import Facts
from .pod_sources import Missing
from .pod_summary import changed, has_begun, rfc3339
from .programs import Program, Programs, Surroundings, image_name

log = logging.getLogger("lab.pods")

MERGE = {"Content-Type": "application/strategic-merge-patch+json"}
RANGE_SECONDS = 15.0
OWN_RANGE = ipaddress.ip_network("100.64.0.0/10")
"""Pods' addresses where the node has no range: the network plugin has its own then."""


class Workloads:
    """The pods that are bound to one node."""

    def __init__(self, client: httpx.Client, node: str, disk: Path, number: int, programs: Programs) -> None:
        """Prepare; nothing is asked yet.

        Args:
            client: with the node's credentials.
            node: the Node's name.
            disk: the machine's disk: its network's configuration outlives the machine's restart, and the plugin's pod.
            number: of the machine, for addresses where the node has no range.
            programs: what is run where a container has its image.
        """
        self._client, self._node, self._number, self._known = client, node, number, programs
        self._disk = disk
        self._server, self._ca_pem = (disk / "server").read_text(), (disk / "ca.crt").read_text()
        self._running: dict[tuple[str, str], Program] = {}
        self._addresses: dict[str, str] = {}
        self._said: dict[str, tuple[str, str]] = {}

    @property
    def network(self) -> bool:
        """Whether a network plugin has put its configuration on the machine."""
        return (self._disk / "cni").exists()

    def sync(self, node: Mapping[str, Any], *, network: bool) -> bool:
        """Bring each pod a step further; True where one lacks an address, because the Node as read lacks its own or a range.

        Args:
            node: the Node, as last read.
            network: whether the machine has a network.

        Raises:
            NotYet: the API server does not answer.
        """
        query = {"fieldSelector": f"spec.nodeName={self._node}"}
        pods = answered(lambda: self._client.get("/api/v1/pods", params=query), f"the pods of Node {self._node}")[
            "items"
        ]
        present = {pod["metadata"]["uid"] for pod in pods}
        for key in [key for key in self._running if key[0] not in present]:
            self._running.pop(key).stop()
        for uid in [uid for uid in {*self._addresses, *self._said} if uid not in present]:
            self._addresses.pop(uid, None)
            self._said.pop(uid, None)
        for pod in pods:
            if address := (pod.get("status") or {}).get("podIP"):
                self._addresses[pod["metadata"]["uid"]] = address
        for pod in pods:
            self._step(pod, node, network=network)
        lacks = not host_ip(node) or expects_range(node)
        return lacks and any(not pod_rules.finished(pod) for pod in pods)

    def stop(self) -> None:
        """End the programs."""
        for program in self._running.values():
            program.stop()
        self._running.clear()

    def _step(self, pod: Mapping[str, Any], node: Mapping[str, Any], *, network: bool) -> None:
        uid = pod["metadata"]["uid"]
        fetch = functools.cache(functools.partial(self._fetch, pod["metadata"]["namespace"]))
        facts = self._facts(pod, node, fetch, network=network)
        if pod["metadata"].get("deletionTimestamp"):
            self._remove(pod, facts)
            return
        status = pod_rules.status(pod, facts)
        if changed(pod.get("status") or {}, status) and not self._report(pod, status):
            return
        for key in [key for key in self._running if key[0] == uid and key[1] in facts.ended]:
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
        if not pod_rules.finished(pod) and not pod["metadata"].get("deletionTimestamp"):
            if not any(map(has_begun, states.values())):
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
            ended={
                container: program.exit_code
                for (owner, container), program in self._running.items()
                if owner == uid and program.exit_code is not None
            },
        )

    def _address(self, uid: str, node: Mapping[str, Any]) -> str:
        """A pod's address, from the node's range; the first one of it is the bridge's."""
        if uid not in self._addresses:
            if expects_range(node):
                return ""
            range_ = node["spec"].get("podCIDR")
            hosts = ipaddress.ip_network(range_) if range_ else own_range(self._number)
            others = set(self._addresses.values())
            self._addresses[uid] = next(
                (text for number in range(2, hosts.num_addresses) if (text := str(hosts[number])) not in others), ""
            )
        return self._addresses[uid]

    def _fetch(self, namespace: str, plural: str, name: str) -> Mapping[str, Any] | None:
        answer = self._client.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            # Of a pod that was just bound the API server doesn't know yet that its node may read this.
            raise Missing(status_text(answer))
        obj: dict[str, Any] = answer.json()
        return obj

    def _report(self, pod: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        """Write a pod's status; False where the pod is gone, or another one of its name is there."""
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        answer = self._client.patch(f"{path(pod)}/status", json=body, headers=MERGE)
        if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            return False
        answered(lambda: answer, f"status of {name(pod)}")
        return True

    def _remove(self, pod: Mapping[str, Any], facts: Facts) -> None:
        """Stop a pod's containers, say so, and let go of it."""
        uid = pod["metadata"]["uid"]
        for key in [key for key in self._running if key[0] == uid]:
            self._running.pop(key).stop()
        status = pod_rules.last_status(pod, facts)
        if changed(pod.get("status") or {}, status) and not self._report(pod, status):
            return
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        answer = self._client.request("DELETE", path(pod), json=body)
        if answer.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            answered(lambda: answer, f"deleting {name(pod)}")

    def _start_programs(self, pod: Mapping[str, Any], status: Mapping[str, Any], fetch: pod_sources.Fetch) -> None:
        running = {entry["name"] for entry in status["containerStatuses"] if "running" in entry["state"]}
        for container in pod["spec"]["containers"]:
            key = (pod["metadata"]["uid"], container["name"])
            begin = self._known.get(image_name(container["image"]))
            if not begin or container["name"] not in running or key in self._running:
                continue
            try:
                files = pod_sources.mounted(container, pod_sources.files(pod, fetch))
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
                    token=functools.partial(self._token, pod),
                )
            )

    def _token(self, pod: Mapping[str, Any]) -> str:
        """A token of a pod's service account, bound to the pod, as a kubelet asks for it."""
        metadata = pod["metadata"]
        account = pod["spec"].get("serviceAccountName") or "default"
        bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"boundObjectRef": bound, "expirationSeconds": 3607},
        }
        answer = self._client.post(
            f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token", json=body
        )
        return str(answer.raise_for_status().json()["status"]["token"])

    def _tell(self, pod: Mapping[str, Any], said: tuple[str, str] | None) -> None:
        """Write an event about a pod, where there is news."""
        uid = pod["metadata"]["uid"]
        if said is None or self._said.get(uid) == said:
            return
        self._said[uid] = said
        metadata, now = pod["metadata"], rfc3339(datetime.datetime.now(datetime.timezone.utc))
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{secrets.token_hex(8)}",
                "namespace": metadata["namespace"],
            },
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": uid,
            },
            "reason": said[0],
            "message": said[1],
            "type": "Warning",
            "source": {"component": "kubelet", "host": self._node},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        # As a kubelet's, an event is told once and not again.
        self._client.post(f"/api/v1/namespaces/{metadata['namespace']}/events", json=event)


def expects_range(node: Mapping[str, Any]) -> bool:
    """Whether kube-controller-manager may still give a Node its range of pods' addresses: it takes a moment."""
    creation = datetime.datetime.strptime(node["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%S%z")
    age = datetime.datetime.now(datetime.timezone.utc) - creation
    return not node["spec"].get("podCIDR") and age.total_seconds() < RANGE_SECONDS


def host_ip(node: Mapping[str, Any]) -> str:
    """A Node's address for its pods; empty where it has none yet."""
    addresses = {entry["type"]: entry["address"] for entry in (node.get("status") or {}).get("addresses") or []}
    return str(addresses.get("InternalIP") or addresses.get("ExternalIP") or "")


def own_range(number: int) -> ipaddress.IPv4Network:
    """A /24 of a machine's own, by its number."""
    first = int(OWN_RANGE.network_address) + (number % 2**14) * 256
    return ipaddress.IPv4Network((first, 24))


def problem(look: Callable[[], object]) -> str:
    """What a look at a pod's sources finds missing; empty where nothing is."""
    try:
        look()
    except Missing as error:
        return str(error)
    return ""


def all_containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A pod's containers, init containers first."""
    yield from spec.get("initContainers") or []
    yield from spec["containers"]


def name(pod: Mapping[str, Any]) -> str:
    """A pod as logs name it."""
    return f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"


def path(pod: Mapping[str, Any]) -> str:
    """A pod's path at the API server."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
