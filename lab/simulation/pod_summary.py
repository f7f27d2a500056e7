"""A pod's phase and conditions, derived from the states of its containers. Pure.

Follows getPhase of pkg/kubelet/kubelet_pods.go and pkg/kubelet/status/generate.go of Kubernetes 1.33.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]

TIMES = ("lastTransitionTime", "lastProbeTime")


def phase(spec: Json, first: Iterable[Json], main_statuses: Iterable[Json], *, terminal: bool = False) -> str:
    """A pod's phase, by the states of its containers.

    Args:
        spec: spec of the pod.
        first: statuses of its init containers.
        main_statuses: statuses of its other containers.
        terminal: whether no container is started again.
    """
    sidecars = {c["name"] for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"}
    plain = [entry for entry in first if entry["name"] not in sidecars]
    if spec["restartPolicy"] == "Never" and any(has_failed(entry) for entry in plain):
        return "Failed"
    states = [entry["state"] for entry in main_statuses]
    running = sum("running" in state for state in states)
    running += sum("running" in entry["state"] for entry in first if entry["name"] in sidecars)
    over = [entry for entry in main_statuses if "terminated" in entry["state"] or entry.get("lastState")]
    over = [entry for entry in over if "running" not in entry["state"]]
    if not terminal and any("terminated" not in entry["state"] for entry in plain):
        return "Pending"
    if len(over) + sum("running" in state for state in states) < len(states):
        return "Pending"
    if running and not terminal:
        return "Running"
    if terminal:
        return "Failed" if any(has_failed(entry) for entry in main_statuses) else "Succeeded"
    if spec["restartPolicy"] == "Always":
        return "Running"
    if not any(has_failed(entry) for entry in over):
        return "Succeeded"
    return "Failed" if spec["restartPolicy"] == "Never" else "Running"


def is_over(status: Json) -> bool:
    """Whether a pod's status is its last."""
    return status["phase"] in ("Succeeded", "Failed")


def has_failed(entry: Json) -> bool:
    """Whether a container ended with an error."""
    termination = entry["state"].get("terminated") or (entry.get("lastState") or {}).get("terminated") or {}
    return "running" not in entry["state"] and bool(termination.get("exitCode"))


def conditions(pod: Json, status: Json, now: datetime.datetime) -> list[dict[str, Any]]:
    """The kubelet's conditions, and those of others unchanged."""
    conditions_now = {entry["type"]: dict(entry) for entry in (pod.get("status") or {}).get("conditions") or []}
    spec, main_statuses = pod["spec"], status["containerStatuses"]
    completion = (
        {"reason": "PodCompleted" if status["phase"] == "Succeeded" else "PodFailed"} if is_over(status) else None
    )
    sidecars = {c["name"] for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"}
    containers_with_sidecars = [
        entry for entry in status.get("initContainerStatuses", []) if entry["name"] in sidecars
    ] + main_statuses
    first = dict(
        zip((c["name"] for c in spec.get("initContainers") or []), spec.get("initContainers") or [], strict=True)
    )
    incomplete = [
        entry["name"]
        for entry in status.get("initContainerStatuses", [])
        if not is_initialized(first[entry["name"]], entry)
    ]
    unready = [entry["name"] for entry in containers_with_sidecars if not entry["ready"]]
    containers = completion or (
        {"reason": "ContainersNotReady", "message": f"containers with unready status: {go_list(unready)}"}
        if unready
        else {}
    )
    gates = [gate["conditionType"] for gate in spec.get("readinessGates") or []]
    unmet = [gate for gate in gates if (conditions_now.get(gate) or {}).get("status") != "True"]
    ready = containers or (
        {"reason": "ReadinessGatesNotReady", "message": f"pod readiness gates are not True: {', '.join(unmet)}"}
        if unmet
        else {}
    )
    initialization = {
        "reason": "ContainersNotInitialized",
        "message": f"containers with incomplete status: {go_list(incomplete)}",
    }
    kubelets = {
        "PodReadyToStartContainers": {}
        if any(map(has_started, [*status.get("initContainerStatuses", []), *main_statuses]))
        else {"": ""},
        "Initialized": initialization if incomplete and not any(map(has_started, main_statuses)) else {},
        "Ready": ready,
        "ContainersReady": containers,
        "PodScheduled": {},
    }
    for name, against in kubelets.items():
        value = "False" if against else "True"
        before = conditions_now.get(name) or {}
        since = before.get("lastTransitionTime") if before.get("status") == value else None
        conditions_now[name] = {
            "type": name,
            "status": value,
            "lastTransitionTime": since or rfc3339(now),
            **{key: text for key, text in against.items() if key},
        }
    return list(conditions_now.values())


def go_list(names: Iterable[str]) -> str:
    """Names in Go's format of a list of texts."""
    return f"[{' '.join(names)}]"


def has_started(container: Json) -> bool:
    """Whether a container has ever run."""
    return bool({"running", "terminated"} & set(container.get("state") or {})) or bool(container.get("lastState"))


def is_initialized(container: Json, current: Json) -> bool:
    """Whether the containers after an init container may start."""
    if container.get("restartPolicy") == "Always":
        return bool(current["started"])
    return bool((current["state"].get("terminated") or {}).get("exitCode") == 0)


def rfc3339(moment: datetime.datetime) -> str:
    """A time in the API server's format."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def has_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a status differs from the one before, apart from its times."""
    return any(plain(before.get(key)) != plain(value) for key, value in after.items())


def plain(value: Any) -> Any:
    """A part of a status with sorted conditions, without their times."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items() if key not in TIMES and part not in ({}, "", None)}
    if isinstance(value, list):
        parts = [plain(part) for part in value]
        return (
            sorted(parts, key=lambda part: str(part.get("type", "")))
            if all(isinstance(p, dict) for p in parts)
            else parts
        )
    return value
