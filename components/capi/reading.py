"""Kubernetes objects as the API answers them, and how Cluster API's conventions are read from them. Pure.

Both generations of the Cluster API contract are read: ``v1beta1`` keeps conditions with a severity in
``status.conditions``; ``v1beta2`` moved those to ``status.deprecated.v1beta1.conditions`` and booleans such as
``status.ready`` to ``status.initialization``. It keeps its own conditions, which have no severity, in ``status.conditions``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ..kube.objects import dig

Json = Mapping[str, Any]

CLUSTER_API = "cluster.x-k8s.io"
CONTROL_PLANE_LABEL = "cluster.x-k8s.io/control-plane"
PAUSED_ANNOTATION = "cluster.x-k8s.io/paused"

NO_REASON = "NoReasonReported"
"""What Cluster API reads where a provider's condition names no reason, which the v1beta2 generation requires."""


@dataclass(frozen=True)
class Failure:
    """An object, or a list of objects, that could not be read.

    Attributes:
        subject: the object of the request, such as ``KamajiControlPlane/x``.
        reason: one CamelCase word: ``NotFound``, ``Forbidden``, ``Unauthorized``, ``Unreachable``, ``NotServed`` or
            what the API server calls it.
        message: what the API server, or the network, said.
    """

    subject: str
    reason: str
    message: str


@dataclass(frozen=True)
class Condition:
    """One condition of an object.

    Attributes:
        type: its name, such as ``Ready``.
        status: ``True``, ``False`` or ``Unknown``.
        severity: ``Error``, ``Warning``, ``Info`` or empty (always empty in the v1beta2 generation).
        since: last transition, None where the object doesn't say.
        generation: of the object when the condition was written; 0 where it doesn't say.
    """

    type: str
    status: str
    severity: str = ""
    reason: str = ""
    message: str = ""
    since: datetime | None = None
    generation: int = 0

    @property
    def state(self) -> tuple[str, str, str]:
        """Status, severity and reason; siblings in which all are equal share a row."""
        return self.status, self.severity, self.reason


def kind(obj: Json) -> str:
    return str(obj.get("kind", ""))


def name(obj: Json) -> str:
    return str(dig(obj, "metadata", "name") or "")


def subject(obj: Json) -> str:
    """``Kind/name``, as the tree names an object."""
    return f"{kind(obj)}/{name(obj)}"


def group(api_version: str) -> str:
    """The API group of an ``apiVersion`` (empty for the core group)."""
    return api_version.rpartition("/")[0]


def deletion_time(obj: Json) -> datetime | None:
    return timestamp(dig(obj, "metadata", "deletionTimestamp"))


def is_paused(obj: Json) -> bool:
    return bool(dig(obj, "spec", "paused")) or PAUSED_ANNOTATION in (dig(obj, "metadata", "annotations") or {})


def is_controlled_by(obj: Json, owner: Json) -> bool:
    """Whether ``owner`` is the controller of ``obj``: by group, kind and name, as Cluster API's util.IsControlledBy."""
    for reference in dig(obj, "metadata", "ownerReferences") or ():
        if reference.get("controller"):
            return (
                group(reference.get("apiVersion", "")) == group(str(owner.get("apiVersion", "")))
                and reference.get("kind") == kind(owner)
                and reference.get("name") == name(owner)
            )
    return False


def conditions(obj: Json) -> Iterator[Condition]:
    """The conditions that carry a severity, where the object has such; otherwise those in ``status.conditions``."""
    former = dig(obj, "status", "deprecated", "v1beta1", "conditions")
    return conditions_in(dig(obj, "status", "conditions") if former is None else former)


def conditions_in(entries: object) -> Iterator[Condition]:
    """The conditions of a list that some field holds."""
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping):
            yield Condition(
                type=str(entry.get("type", "")),
                status=str(entry.get("status", "")),
                severity=str(entry.get("severity") or ""),
                reason=str(entry.get("reason") or ""),
                message=str(entry.get("message") or ""),
                since=timestamp(entry.get("lastTransitionTime")),
                generation=int(entry.get("observedGeneration") or 0),
            )


def condition(obj: Json, type_: str) -> Condition | None:
    return next((entry for entry in conditions(obj) if entry.type == type_), None)


def ready(obj: Json) -> Condition | None:
    """The condition of the READY cell.

    ``Ready``; an object of the v1beta2 generation that has none (Cluster, MachineDeployment) says ``Available``.
    """
    state = condition(obj, "Ready")
    if state is None and str(obj.get("apiVersion", "")) == f"{CLUSTER_API}/v1beta2":
        state = condition(obj, "Available")
    return state


def newer_conditions(obj: Json) -> list[Condition]:
    """The conditions of the v1beta2 generation: in ``status.v1beta2`` of an object of the older one that has them already.

    As Cluster API reads them (util/conditions.UnstructuredGet): a provider's conditions of the older generation count where
    there are no others, and none counts where one of them is no condition.
    """
    raw_conditions = dig(obj, "status", "v1beta2", "conditions")
    entries = list(
        conditions_in(raw_conditions if isinstance(raw_conditions, list) else dig(obj, "status", "conditions"))
    )
    if any(not entry.type or entry.status not in ("True", "False", "Unknown") for entry in entries):
        return []
    return [replace(entry, severity="", reason=entry.reason or NO_REASON) for entry in entries]


def newer_condition(obj: Json, type_: str) -> Condition | None:
    """One condition of the v1beta2 generation."""
    return next((entry for entry in newer_conditions(obj) if entry.type == type_), None)


def first_false(obj: Json, *, ignore: tuple[str, ...] = ("Ready", "Available", "Paused")) -> Condition | None:
    """The first condition that doesn't hold, apart from the summaries that only repeat it."""
    return next((c for c in conditions(obj) if c.status != "True" and c.type not in ignore), None)


def node_conditions(machine: Json) -> Iterator[Condition]:
    """Cluster API's conditions about the health of a machine's node; none if there is no node.

    Its newer conditions hold the kubelet's own words, beside the older ones in the v1beta1 generation.
    """
    status = machine.get("status") or {}
    for entries in (dig(status, "v1beta2", "conditions"), status.get("conditions")):
        yield from (entry for entry in conditions_in(entries) if entry.type == "NodeHealthy")


def node_problem(machine: Json) -> str:
    """Cluster API's text about an unhealthy node of a machine; empty if it is healthy or does not exist."""
    for entry in node_conditions(machine):
        if entry.status == "False" and entry.message:
            return " ".join(entry.message.removeprefix("* ").split())
    return ""


def is_provisioned(infrastructure: Json) -> bool:
    """Whether infrastructure is provisioned: ``status.ready`` or ``status.initialization.provisioned``."""
    status = infrastructure.get("status") or {}
    return bool(status.get("ready") or dig(status, "initialization", "provisioned"))


def control_plane_ready(control_plane: Json) -> bool:
    """Whether a control plane answers: ``status.ready``, in the v1beta2 generation also the initialization field."""
    status = control_plane.get("status") or {}
    if "ready" in status:
        return bool(status["ready"])
    return bool(dig(status, "initialization", "controlPlaneInitialized"))


def infrastructure_ready(cluster: Json) -> bool:
    """Whether Cluster API counts the infrastructure of a Cluster, or of a Machine, as ready."""
    return bool(
        dig(cluster, "status", "infrastructureReady")
        or dig(cluster, "status", "initialization", "infrastructureProvisioned")
    )


def has_bootstrap_data(machine: Json) -> bool:
    """Whether a Machine has its bootstrap data."""
    return bool(
        dig(machine, "status", "bootstrapReady")
        or dig(machine, "status", "initialization", "bootstrapDataSecretCreated")
    )


def is_current(obj: Json, generation: object = None) -> bool:
    """Whether a controller has acted on an object as it is now.

    Args:
        obj: the object.
        generation: the generation that the controller acted on; by default ``status.observedGeneration``.
    """
    generation = dig(obj, "status", "observedGeneration") if generation is None else generation
    return int(str(generation or 0)) >= int(dig(obj, "metadata", "generation") or 0)


def terminal_failure(obj: Json) -> tuple[str, str] | None:
    """``failureReason`` and ``failureMessage``: a state that Cluster API's controllers never retry."""
    for status in (obj.get("status") or {}, dig(obj, "status", "deprecated", "v1beta1") or {}):
        reason, message = status.get("failureReason"), status.get("failureMessage")
        if reason or message:
            return str(reason or "failed"), str(message or "")
    return None


def timestamp(value: Any) -> datetime | None:
    """An RFC 3339 time as the API writes it, None where there is none or it can't be read."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if not isinstance(value, str):
        return None
    try:
        # Python 3.10's fromisoformat takes neither "Z" nor a fraction of other than three or six digits.
        return datetime.strptime(value.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
