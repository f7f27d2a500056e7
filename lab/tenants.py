"""The simulated cloud around Kamaji: a load balancer for each Service, and a kubelet for Kamaji's Deployments.

The lab runs one kube-apiserver, kube-controller-manager and kube-scheduler per tenant, whatever the number of replicas.
Their release is that of the image's tag if the toolchain has it, else the release that the toolchain always has.
"""

from __future__ import annotations

import logging
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from . import pods
from .changes import Changes
from .processes import Process, listener_on, start
from .relay import ConnectProxy, LoadBalancer

log = logging.getLogger(__name__)

RUNNABLE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 20.0
"""Seconds from the crash of a tenant's process to its next start."""

STEADY_SECONDS = 5.0
"""A pod that has run for so long counts as recovered."""

SERVICES, DEPLOYMENTS = "/api/v1/services", "/apis/apps/v1/deployments"

Key = tuple[str, str]
"""Namespace and name."""


@dataclass
class Pod:
    """A tenant's pod as it runs here."""

    digest: str
    address: str
    port: int
    processes: dict[str, Process] = field(default_factory=dict)

    def serves(self) -> bool:
        """Whether its API server accepts connections."""
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex((self.address, self.port)) == 0


@dataclass
class Crash:
    """Number of crashes of a tenant's pod since it last served, and the time of its next start."""

    count: int = 0
    again: float = 0.0
    text: str = ""


class Tenants:
    """Runs the load balancers and pods for the management cluster's Services and Deployments."""

    def __init__(
        self, connect: Callable[[], httpx.Client], folder: Path, proxy: ConnectProxy, delay: Callable[[], float]
    ) -> None:
        """Prepare.

        Args:
            connect: makes a client of the management cluster, as administrator.
            folder: the lab's folder.
            proxy: receives a route to each tenant, by its Service's name.
            delay: seconds until a new load balancer answers.
        """
        self._client, self._folder, self._proxy, self._delay = connect(), folder, proxy, delay
        self._changes = Changes(connect, [SERVICES, DEPLOYMENTS])
        self._services: dict[Key, dict[str, Any]] = {}
        self._deployments: dict[Key, dict[str, Any]] = {}
        self._balancers: dict[Key, LoadBalancer] = {}
        self.pods: dict[Key, Pod] = {}
        self._reports: dict[Key, str] = {}
        self._crashes: dict[Key, Crash] = {}

    def start(self) -> Tenants:
        """Begin to follow the management cluster."""
        self._changes.start()
        return self

    def reconcile(self) -> None:
        """Adjust load balancers and pods to the current Services and Deployments, which are read where they have changed."""
        if self._changes.seen():
            try:
                self._services = self._list(SERVICES, lambda item: item["spec"].get("type") == "LoadBalancer")
                self._deployments = self._list(DEPLOYMENTS, lambda item: "kamaji.clastix.io/name" in labels(item))
            except httpx.HTTPError:
                self._changes.tell()
                raise
        services, deployments = self._services, self._deployments
        for key in [key for key in self._balancers if key not in services]:
            self._balancers.pop(key).close()
            self._proxy.routes.pop(f"{key[1]}.{key[0]}.svc", None)
        for key in [key for key in self.pods if key not in deployments]:
            self._stop(key)
        for key in [key for key in self._crashes if key not in deployments]:
            del self._crashes[key]
        for key, service in services.items():
            self._balance(key, service)
        for key, deployment in deployments.items():
            if key in self._balancers:
                self._run(key, deployment)

    def _list(self, path: str, matches: Callable[[Mapping[str, Any]], bool]) -> dict[Key, dict[str, Any]]:
        items = self._client.get(path).raise_for_status().json()["items"]
        return {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in items if matches(item)}

    def _balance(self, key: Key, service: Mapping[str, Any]) -> None:
        port = service["spec"]["ports"][0]["port"]
        current = self._balancers.get(key)
        ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        if current is None or current.port != port:
            if current:
                current.close()
            # An address from an earlier run of the lab is kept: certificates and kubeconfigs name it.
            address = (ingress[0].get("ip") if ingress else None) or self._free_address()
            backend = (pod_address(address), port)
            current = LoadBalancer(address, port, backend, 0 if ingress else self._delay())
            self._balancers[key] = current
            self._proxy.routes[f"{key[1]}.{key[0]}.svc"] = backend
        if not ingress:
            log.info("Service %s/%s: load balancer %s:%d", *key, current.address, port)
            self._patch(
                f"/api/v1/namespaces/{key[0]}/services/{key[1]}/status",
                {"status": {"loadBalancer": {"ingress": [{"ip": current.address}]}}},
            )

    def _free_address(self) -> str:
        addresses = {balancer.address for balancer in self._balancers.values()}
        return next(address for number in range(10, 250) if (address := f"127.0.0.{number}") not in addresses)

    def _run(self, key: Key, deployment: Mapping[str, Any]) -> None:
        template = deployment["spec"]["template"]
        pod = self.pods.get(key)
        if pod and (
            pod.digest != pods.digest(template) or any(p.exit_code is not None for p in pod.processes.values())
        ):
            for process in pod.processes.values():
                if process.exit_code is not None:
                    self._note_crash(key, process)
            self._stop(key)
            pod = None
        if pod is None:
            if (crash := self._crashes.get(key)) and time.monotonic() < crash.again:
                return
            try:
                pod = self._start(key, template)
            except pods.VolumeNotReady as error:
                self._say(key, f"waits: {error}")
                return
            self.pods[key] = pod
        ready = pod.serves()
        # A short run is no proof: another program on its port may have answered just before it ended.
        if ready and all(time.time() - process.start_time > STEADY_SECONDS for process in pod.processes.values()):
            self._crashes.pop(key, None)
        self._report(key, deployment, ready=ready)

    def _note_crash(self, key: Key, process: Process) -> None:
        """Record a crash and the time of the next start, with a growing delay as a kubelet has it."""
        crash = self._crashes.setdefault(key, Crash())
        crash.count += 1
        crash.again = time.monotonic() + min(FIRST_BACKOFF * 2 ** (crash.count - 1), LONGEST_BACKOFF)
        times = "once" if crash.count == 1 else f"{crash.count} times"
        text = f"{process.name} crashed {times}, last with exit code {process.exit_code}"
        crash.text = f"{text}; {process.log} ends:\n{process.tail()}"
        log.warning("%s", crash.text)

    def problems(self) -> list[str]:
        """The problems of load balancers and pods, in words."""
        lines = []
        for balancer in self._balancers.values():
            if balancer.problem:
                lines.append(f"{balancer.problem}; the port is held by {listener_on(balancer.port)}")
        return [*lines, *(crash.text for crash in self._crashes.values())]

    def _start(self, key: Key, template: Mapping[str, Any]) -> Pod:
        namespace, name = key
        folder = self._folder / "pods" / f"{namespace}_{name}"
        spec = template["spec"]
        pods.write_volumes(
            spec.get("volumes") or [], lambda plural, source: self._get(namespace, plural, source), folder
        )
        balancer = self._balancers[key]
        pod = Pod(pods.digest(template), pod_address(balancer.address), balancer.port)
        for container in spec["containers"]:
            program = container["name"]
            if program not in RUNNABLE:
                self._say((namespace, f"{name} {program}"), "is not run in the lab")
                continue
            words = pods.arguments(container, folder)
            if program == "kube-apiserver":
                # It refuses to advertise loopback; nothing dials this address (TEST-NET-1).
                words = pods.replace_flags(words, "--advertise-address=192.0.2.10", f"--bind-address={pod.address}")
            else:
                words = pods.replace_flags(words, f"--bind-address={pod.address}")
                for word in words:
                    option, _, value = word.partition("=")
                    if option in ("--kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig"):
                        pods.redirect(Path(value), f"https://{pod.address}:{pod.port}", "localhost")
            process_name = f"tenant-{namespace}-{name}-{program}"
            pod.processes[process_name] = start(
                process_name, [pods.program(program, container), *words], self._folder / "logs"
            )
        self._say(key, f"started at {pod.address}:{pod.port}, template {pod.digest}")
        return pod

    def _report(self, key: Key, deployment: Mapping[str, Any], *, ready: bool) -> None:
        replicas = deployment["spec"]["replicas"]
        up = replicas if ready else 0
        target = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": up,
            "availableReplicas": up,
        }
        status = deployment.get("status") or {}
        if any(status.get(field, 0) != value for field, value in target.items()):
            condition = {
                "type": "Available",
                "status": "True" if ready else "False",
                "reason": "MinimumReplicasAvailable" if ready else "MinimumReplicasUnavailable",
                "message": "the lab's pod serves" if ready else "the lab's pod does not serve yet",
            }
            self._patch(
                f"/apis/apps/v1/namespaces/{key[0]}/deployments/{key[1]}/status",
                {"status": {**target, "conditions": [condition]}},
            )

    def _get(self, namespace: str, plural: str, name: str) -> dict[str, Any] | None:
        answer = self._client.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        body: dict[str, Any] = answer.raise_for_status().json()
        return body

    def _patch(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._client.patch(path, json=body, headers={"Content-Type": "application/merge-patch+json"})
        if answer.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            answer.raise_for_status()

    def _say(self, key: Key, text: str) -> None:
        if self._reports.get(key) != text:
            self._reports[key] = text
            log.info("tenant %s/%s %s", *key, text)

    def _stop(self, key: Key) -> None:
        pod = self.pods.pop(key)
        for process in pod.processes.values():
            process.ask_to_stop()
        for process in pod.processes.values():
            process.stop()
        shutil.rmtree(self._folder / "pods" / f"{key[0]}_{key[1]}", ignore_errors=True)
        self._say(key, "stopped")

    def answers_at(self) -> dict[str, float]:
        """The time from which each load balancer answers, in seconds since the epoch, by namespace and name."""
        return {"/".join(key): balancer.answers_at for key, balancer in self._balancers.items()}

    def stop(self) -> None:
        """Stop all pods and load balancers."""
        self._changes.stop()
        for pod in self.pods.values():
            for process in pod.processes.values():
                process.ask_to_stop()
        for key in list(self.pods):
            self._stop(key)
        for balancer in self._balancers.values():
            balancer.close()


def pod_address(balancer: str) -> str:
    """The pod's own loopback address behind a load balancer's."""
    return balancer.replace("127.0.0.", "127.1.0.", 1)


def labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    """Labels of an object."""
    values: Mapping[str, str] = item["metadata"].get("labels") or {}
    return values
