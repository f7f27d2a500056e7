"""The rules of a kubelet for a pod: the next status of its simulated containers. Pure.

Follows pkg/kubelet/kubelet_pods.go (getPhase), status/generate.go and kubelet.go (syncPod) of Kubernetes 1.33. A container
with restartPolicy Always runs for ever; one of a Job or an init container succeeds after a second.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .pod_summary import Json, conditions, has_started, is_initialized, phase, rfc3339

RUN_SECONDS = 1.0
"""Running time of a container that ends by itself."""

FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0
"""Seconds until a crashed container starts again; doubled with each crash."""

NETWORK_FOLDERS = ("/etc/cni/net.d", "/opt/cni/bin")
"""Folders of a machine for a network plugin's configuration and programs."""

NO_NETWORK = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)
"""containerd's text, which the kubelet repeats."""


@dataclass(frozen=True)
class Facts:
    """A kubelet's knowledge besides the pod.

    Attributes:
        now: the time.
        network: whether the machine has a network plugin.
        host_ip: the node's address; empty until a cloud controller has set it.
        pod_ip: the pod's address in the pods' network.
        volumes: why the pod's volumes can't be mounted; empty if they can.
        environment: why a container's environment is incomplete, by the container's name.
        exit_codes: exit codes of containers' programs that have ended, by the container's name.
    """

    now: datetime.datetime
    network: bool = True
    host_ip: str = ""
    pod_ip: str = ""
    volumes: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    exit_codes: Mapping[str, int] = field(default_factory=dict)


def status(pod: Json, facts: Facts) -> dict[str, Any]:
    """The next status of a pod that is bound to the node and not being deleted."""
    before = pod.get("status") or {}
    if is_finished(pod):
        return dict(before)
    spec = pod["spec"]
    states = container_states(pod)
    waits = obstacle(pod, facts) is not None
    reason = "PodInitializing" if spec.get("initContainers") else "ContainerCreating"
    first = []
    for container in spec.get("initContainers") or []:
        previous = states.get(container["name"])
        policy = container.get("restartPolicy", "OnFailure" if spec["restartPolicy"] != "Never" else "Never")
        current = wait_status(container, previous, reason) if waits else advance(container, previous, policy, facts)
        first.append(current)
        waits = waits or not is_initialized(container, current)
    main_statuses = [
        wait_status(container, states.get(container["name"]), reason)
        if waits
        else advance(container, states.get(container["name"]), spec["restartPolicy"], facts)
        for container in spec["containers"]
    ]
    if all("terminated" in entry["state"] for entry in main_statuses):
        # Sidecars end after the last of the other containers.
        first = [entry if "terminated" in entry["state"] else stop_status(entry, facts) for entry in first]
    return whole(pod, first, main_statuses, facts)


def stop_status(entry: Json, facts: Facts) -> dict[str, Any]:
    """A container's status after the kubelet has stopped it."""
    state = entry["state"]
    if "running" in state:
        termination = end(state["running"], 0, facts)
    else:
        # As the kubelet does for containers without a known state.
        termination = {
            "exitCode": 137,
            "reason": "ContainerStatusUnknown",
            "message": "The container could not be located",
        }
    return {**entry, "ready": "running" in state, "started": False, "state": {"terminated": termination}}


def last_status(pod: Json, facts: Facts) -> dict[str, Any]:
    """The status of a pod whose containers were stopped because it is being deleted."""
    if is_finished(pod):
        return dict(pod["status"])
    states = container_states(pod)

    def last(container: Json) -> dict[str, Any]:
        entry = states.get(container["name"]) or container_status(container, None, {})
        return entry if "terminated" in entry["state"] else {**stop_status(entry, facts), "ready": False}

    first = [last(container) for container in pod["spec"].get("initContainers") or []]
    main_statuses = [last(container) for container in pod["spec"]["containers"]]
    return whole(pod, first, main_statuses, facts, terminal=True)


def whole(
    pod: Json, first: list[dict[str, Any]], main_statuses: list[dict[str, Any]], facts: Facts, *, terminal: bool = False
) -> dict[str, Any]:
    """A pod's status with these statuses of its containers."""
    before = pod.get("status") or {}
    status_: dict[str, Any] = {
        "phase": phase(pod["spec"], first, main_statuses, terminal=terminal),
        "startTime": before.get("startTime") or rfc3339(facts.now),
        "containerStatuses": main_statuses,
    }
    if first:
        status_["initContainerStatuses"] = first
    if facts.host_ip:
        status_ |= {"hostIP": facts.host_ip, "hostIPs": [{"ip": facts.host_ip}]}
    address = (
        facts.host_ip if host_network(pod) else facts.pod_ip if any(map(has_started, [*first, *main_statuses])) else ""
    )
    if address := before.get("podIP") or address:
        status_ |= {"podIP": address, "podIPs": [{"ip": address}]}
    status_["conditions"] = conditions(pod, status_, facts.now)
    return status_


def is_finished(pod: Json) -> bool:
    """Whether a pod has ended: its status never changes any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def host_network(pod: Json) -> bool:
    """Whether a pod uses the machine's own network."""
    return bool(pod["spec"].get("hostNetwork"))


def brings_network(pod: Json) -> bool:
    """Whether a pod belongs to a network plugin: it is in the host's network and mounts the host's CNI folders."""
    volumes = {
        volume["name"]
        for volume in pod["spec"].get("volumes") or []
        if str((volume.get("hostPath") or {}).get("path", "")).rstrip("/") in NETWORK_FOLDERS
    }
    containers = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
    mounts = {mount["name"] for container in containers for mount in container.get("volumeMounts") or []}
    return host_network(pod) and bool(volumes & mounts)


def obstacle(pod: Json, facts: Facts) -> tuple[str, str] | None:
    """Why a pod's first container doesn't start: reason and message of the kubelet's event."""
    if any(map(has_started, container_states(pod).values())):
        return None
    if not facts.network and not host_network(pod):
        return "NetworkNotReady", f"network is not ready: {NO_NETWORK}"
    if facts.volumes:
        return "FailedMount", facts.volumes
    return None


def trouble(pod: Json, status: Json, facts: Facts) -> tuple[str, str] | None:
    """The kubelet's event about a pod: reason and message."""
    if is_finished(pod):
        return None
    if problem := obstacle(pod, facts):
        return problem
    for container in [*status.get("initContainerStatuses", []), *status["containerStatuses"]]:
        reason = (container["state"].get("waiting") or {}).get("reason")
        if reason == "CreateContainerConfigError":
            return "Failed", f"Error: {container['state']['waiting']['message']}"
        if reason == "CrashLoopBackOff":
            return (
                "BackOff",
                f"Back-off restarting failed container {container['name']} in pod {pod['metadata']['name']}",
            )
    return None


def container_states(pod: Json) -> dict[str, dict[str, Any]]:
    """The states of a pod's containers and init containers, by name."""
    status_ = pod.get("status") or {}
    entries = [*(status_.get("initContainerStatuses") or []), *(status_.get("containerStatuses") or [])]
    return {entry["name"]: dict(entry) for entry in entries}


def advance(container: Json, previous: Json | None, policy: str, facts: Facts) -> dict[str, Any]:
    """A container's next state."""
    state = (previous or {}).get("state") or {}
    last = (previous or {}).get("lastState") or {}
    if running := state.get("running"):
        code = facts.exit_codes.get(container["name"])
        if code is None and policy != "Always" and age(running["startedAt"], facts) >= RUN_SECONDS:
            code = 0
        if code is None:
            ready = age(running["startedAt"], facts) >= delay(container)
            return {
                **container_status(container, previous, {"running": dict(running)}),
                "ready": ready,
                "started": True,
            }
        termination = {"terminated": end(running, code, facts)}
        if policy == "Always" or (policy == "OnFailure" and code):
            return {**container_status(container, previous, back_off(container, previous)), "lastState": termination}
        return {**container_status(container, previous, termination), "ready": code == 0, "started": False}
    if "terminated" in state:
        return dict(previous or {})
    crash_time = (last.get("terminated") or {}).get("finishedAt")
    if crash_time and age(crash_time, facts) < seconds_off((previous or {}).get("restartCount", 0)):
        return dict(previous or {})
    if problem := facts.environment.get(container["name"]):
        return container_status(
            container, previous, {"waiting": {"reason": "CreateContainerConfigError", "message": problem}}
        )
    entry = container_status(container, previous, {"running": {"startedAt": rfc3339(facts.now)}})
    entry["restartCount"] += 1 if last else 0
    entry["containerID"] = f"containerd://{container['name']}-{entry['restartCount']}"
    return {**entry, "ready": delay(container) <= 0, "started": True}


def container_status(container: Json, previous: Json | None, state: dict[str, Any]) -> dict[str, Any]:
    """A container's status in a state, not ready."""
    previous = previous or {}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"] if has_started({"state": state}) else previous.get("imageID", ""),
        "restartCount": previous.get("restartCount", 0),
        "ready": False,
        "started": False,
        "state": state,
        **({"lastState": previous["lastState"]} if previous.get("lastState") else {}),
        **({"containerID": previous["containerID"]} if previous.get("containerID") else {}),
    }


def wait_status(container: Json, previous: Json | None, reason: str) -> dict[str, Any]:
    """The status of a container that can't start yet; one that has run keeps its state."""
    if previous and has_started(previous):
        return dict(previous)
    return container_status(container, previous, {"waiting": {"reason": reason}})


def back_off(container: Json, previous: Json | None) -> dict[str, Any]:
    """The waiting state of a container that has crashed."""
    seconds = seconds_off((previous or {}).get("restartCount", 0))
    message = f"back-off {seconds:.0f}s restarting failed container={container['name']}"
    return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}


def seconds_off(restarts: int) -> float:
    """Seconds until a crashed container starts again, by its number of restarts."""
    return float(min(FIRST_BACKOFF * 2 ** min(restarts, 10), LONGEST_BACKOFF))


def end(running: Json, code: int, facts: Facts) -> dict[str, Any]:
    """The terminated state of a container."""
    return {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "startedAt": running["startedAt"],
        "finishedAt": rfc3339(facts.now),
    }


def delay(container: Json) -> float:
    """Seconds from a container's start until its probes succeed."""
    probes = (container.get("startupProbe"), container.get("readinessProbe"))
    return float(sum((probe or {}).get("initialDelaySeconds") or 0 for probe in probes))


def age(moment: str, facts: Facts) -> float:
    """Seconds since a time in a status."""
    then = datetime.datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    return (facts.now - then).total_seconds()
