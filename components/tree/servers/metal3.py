"""The state of a machine's server of Metal3, from its BareMetalHost. Pure.

A Metal3Machine only shows that no host is free. The baremetal-operator reports the errors of a host in the host alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...capi.former import DEPLOYMENT_LABEL
from ...capi.reading import (
    Failure,
    Json,
    condition,
    deletion_time,
    has_bootstrap_data,
    kind,
    name,
    subject,
    timestamp,
)
from ...kube.objects import Kind, dig
from ..blocker import Blocker, describe, kubectl
from ..model import ReadResult, Reference, Snapshot
from . import Servers, State, metal3_data, metal3_nodes, metal3_rolls

MACHINE_KIND = "Metal3Machine"
HOST = Kind("metal3.io/v1alpha1", "BareMetalHost", "baremetalhosts")

HOST_ANNOTATION = "metal3.io/BareMetalHost"
"""Annotation of a Metal3Machine: namespace and name of its host. CAPM3 ignores the namespace and uses its own."""

RUNNING = ("provisioned", "externally provisioned")
"""States of a host on which an operating system runs."""

UNHEALTHY = "capm3.metal3.io/unhealthy"
PASSED_OVER = {"baremetalhost.metal3.io/paused": "paused", UNHEALTHY: "marked unhealthy"}
"""Annotations of hosts that CAPM3 passes over, with their meaning (``chooseHost`` in its metal3machine_manager.go)."""

NODE_REUSE = "infrastructure.cluster.x-k8s.io/node-reuse"
"""Label of a host that a pool with ``nodeReuse`` has given back and will take again; its value is ``md-`` and the name of the
pool's MachineDeployment."""

FREE = ("available", "ready")
"""States of a host that CAPM3 may choose."""

CHOICE_SECONDS = 30
"""How often CAPM3 looks for a host (``requeueAfter`` in its metal3machine_manager.go)."""

MOST_NAMES = 5
"""How many hosts are named where none is free."""


def trouble(snapshot: Snapshot, machine: Json) -> Blocker | None:
    """Why a machine's server is no node of the cluster; None where nothing is wrong with it, or it is none of Metal3's."""
    metal3_machine = _infrastructure_machine(snapshot, machine)
    if metal3_machine is None or not has_bootstrap_data(machine):
        return None
    host_name = _host_name(metal3_machine)
    if isinstance(snapshot.servers, Failure):
        return None if dig(machine, "status", "nodeRef") else _unreadable_hosts(metal3_machine, snapshot.servers)
    if not host_name:
        return _none_free(snapshot, machine, metal3_machine, snapshot.servers)
    host = _host_by_name(snapshot.servers, host_name)
    if host is None:
        return Blocker(
            subject(machine),
            f"its server is gone: there is no {HOST.name}/{host_name} in namespace {snapshot.namespace}",
            f"Have it replaced: {kubectl(snapshot, 'delete machine', name(machine))} (a pool with `healthCheck` does this by "
            "itself)",
        )
    return _host_blocker(snapshot, machine, metal3_machine, host)


def state(snapshot: Snapshot, machine: Json) -> State:
    """The state of the server of a machine that is being deleted."""
    host = _host_of(snapshot, machine)
    if host is None:
        return State()
    return State(f"; its server {subject(host)} is {_state(host)}", _has_error(host))


def asks_nodes(snapshot: Snapshot, machine: Json) -> bool:
    """Whether the tenant cluster's nodes explain why a machine is none of them: an operating system runs on its server."""
    host = _host_of(snapshot, machine)
    return host is not None and dig(host, "status", "provisioning", "state") in RUNNING


def _host_of(snapshot: Snapshot, machine: Json) -> Json | None:
    """The host that a machine is on; None where that is not known."""
    metal3_machine = _infrastructure_machine(snapshot, machine)
    if metal3_machine is None or isinstance(snapshot.servers, Failure):
        return None
    return _host_by_name(snapshot.servers, _host_name(metal3_machine))


def _infrastructure_machine(snapshot: Snapshot, machine: Json) -> Json | None:
    reference = Reference.parse(dig(machine, "spec", "infrastructureRef"), snapshot.namespace)
    metal3_machine: ReadResult | None = snapshot.references.get(reference) if reference else None
    if metal3_machine is None or isinstance(metal3_machine, Failure) or kind(metal3_machine) != MACHINE_KIND:
        return None
    return metal3_machine


def _host_name(metal3_machine: Json) -> str:
    return str((dig(metal3_machine, "metadata", "annotations") or {}).get(HOST_ANNOTATION) or "").rpartition("/")[2]


def _host_by_name(hosts: tuple[Json, ...], host_name: str) -> Json | None:
    return next((host for host in hosts if name(host) == host_name), None)


def _unreadable_hosts(metal3_machine: Json, failure: Failure) -> Blocker:
    return Blocker(
        subject(metal3_machine),
        f"it is no node yet, and its {HOST.name} could not be read: {failure.reason}: {failure.message}",
        "Let the management credentials list hosts: docs/rbac-metal3.yaml",
    )


def _host_blocker(snapshot: Snapshot, machine: Json, metal3_machine: Json, host: Json) -> Blocker | None:
    state, status = dig(host, "status", "provisioning", "state"), host.get("status") or {}
    if status.get("errorMessage"):
        return Blocker(
            subject(host),
            f"{subject(machine)} is on it, and it is {_state(host)}",
            f"Mend the cause, the baremetal-operator tries again by itself: {describe(snapshot, host)}. "
            "To take another server: "
            + kubectl(snapshot, f"annotate {HOST.plural}.metal3.io", name(host), f"{UNHEALTHY}=")
            + f", then {kubectl(snapshot, 'delete machine', name(machine))}",
        )
    if blocker := metal3_data.blocker(snapshot, machine, metal3_machine):
        return blocker
    if state not in RUNNING:
        began = timestamp(dig(status, "operationHistory", "provision", "start"))
        since = f" since {began:%H:%M:%S} UTC" if began and state == "provisioning" else ""
        return Blocker(
            subject(host),
            f"{subject(machine)} is on it, and it is {_state(host)}{since}",
            "An image takes some minutes; if this lasts, see the server's console, Ironic's log and "
            + describe(snapshot, host),
            is_progress=True,
        )
    if status.get("poweredOn") is False:
        return Blocker(
            subject(host),
            f"{subject(machine)} is on it, and it is switched off",
            f"See what the baremetal-operator says: {describe(snapshot, host)}",
        )
    if blocker := metal3_nodes.blocker(snapshot, machine, metal3_machine, host):
        return blocker
    if dig(machine, "status", "nodeRef"):
        return None
    label = metal3_nodes.label(host)
    return Blocker(
        subject(machine),
        f"its server {subject(host)} runs, but no node with label {label} has joined the cluster",
        "See the server's console and /var/log/cloud-init-output.log: does `kubeadm join` reach the endpoint? Where the node "
        f"is there without its label, with the cluster's kubeconfig: `kubectl label node {name(machine)} {label}`",
        is_progress=True,
    )


def _state(host: Json) -> str:
    """A host's state and error, in words."""
    status = host.get("status") or {}
    state = dig(status, "provisioning", "state") or "not registered yet"
    message = " ".join(str(status.get("errorMessage") or "").split())
    return f"{state} with {status.get('errorType') or 'an error'}: {message}" if message else str(state)


def _none_free(snapshot: Snapshot, machine: Json, metal3_machine: Json, hosts: tuple[Json, ...]) -> Blocker | None:
    """The reason why no host is chosen, by the hosts and the machine's selector."""
    association = condition(metal3_machine, "AssociateBMH") or condition(metal3_machine, "AssociateBareMetalHost")
    if association is None or association.status == "True":
        return None
    selector = dig(metal3_machine, "spec", "hostSelector") or {}
    selection = selector_text(selector)
    candidates = [host for host in sorted(hosts, key=name) if fits(selector, dig(host, "metadata", "labels") or {})]
    deployment = str(dig(machine, "metadata", "labels", DEPLOYMENT_LABEL) or "")
    if free := [host for host in candidates if not _why_not(host, deployment)]:
        names = ", ".join(subject(host) for host in free[:MOST_NAMES])
        return Blocker(
            subject(metal3_machine),
            f"CAPM3 has not chosen a host for {subject(machine)} yet; free and fit: {names}",
            f"Wait: CAPM3 looks for one every {CHOICE_SECONDS} s; if it takes none, see its log and "
            + describe(snapshot, metal3_machine),
        )
    texts = [f"{name(host)} ({_why_not(host, deployment)})" for host in candidates[:MOST_NAMES]]
    texts += [f"{len(candidates) - MOST_NAMES} more"] if len(candidates) > MOST_NAMES else []
    total = f"of {len(hosts)} hosts in namespace {snapshot.namespace} "
    reason = total + (f"{len(candidates)} fit" if selection else "any will do") + (f" {selection}" if selection else "")
    return Blocker(
        subject(metal3_machine),
        f"no host is free for {subject(machine)}: {reason}" + (f": {', '.join(texts)}" if texts else ""),
        _host_advice(snapshot, candidates, selection, bool(hosts)) + metal3_rolls.advice(snapshot, machine, candidates),
        is_progress=any(map(_comes, candidates)) and not any(map(_has_error, candidates)),
    )


def _has_error(host: Json) -> bool:
    return bool(dig(host, "status", "errorMessage"))


def _comes(host: Json) -> bool:
    """Whether a host becomes free by itself."""
    marks = dig(host, "metadata", "annotations") or {}
    return not dig(host, "spec", "consumerRef") and not deletion_time(host) and not PASSED_OVER.keys() & marks.keys()


def _host_advice(snapshot: Snapshot, candidates: list[Json], selection: str, has_hosts: bool) -> str:
    if not has_hosts:
        return f"Declare servers in `metal3.hosts`, or make {HOST.name}s in namespace {snapshot.namespace}"
    if not candidates:
        return (
            f"Give a server what the selector asks for ({selection}), by `metal3.hosts[].labels` or "
            f"{kubectl(snapshot, f'label {HOST.plural}.metal3.io', 'NAME', 'KEY=VALUE')}, or change `hostSelector`"
        )
    if broken := next(filter(_has_error, candidates), None):
        return f"Mend {subject(broken)}, the baremetal-operator tries again by itself: {describe(snapshot, broken)}"
    if coming := next((host for host in candidates if not dig(host, "spec", "consumerRef")), None):
        return f"Wait; if it doesn't change, see {describe(snapshot, coming)}"
    return "Declare more servers in `metal3.hosts`, or ask for fewer machines by `workerPools[].replicas`"


def _why_not(host: Json, deployment: str) -> str:
    """Why CAPM3 does not choose a host; empty where it does (``chooseHost`` in its metal3machine_manager.go)."""
    consumer = dig(host, "spec", "consumerRef")
    if consumer:
        return f"{consumer.get('kind')}/{consumer.get('name')} is on it"
    if deletion_time(host):
        return "it is being deleted"
    for annotation, text in PASSED_OVER.items():
        if annotation in (dig(host, "metadata", "annotations") or {}):
            return text
    keeper = str(dig(host, "metadata", "labels", NODE_REUSE) or "").removeprefix("md-")
    if keeper and keeper != deployment:
        return f"kept for MachineDeployment/{keeper} by nodeReuse"
    state, error = dig(host, "status", "provisioning", "state"), dig(host, "status", "errorMessage")
    return "" if state in FREE and not error else _state(host)


def selector_text(selector: Json) -> str:
    """A Metal3Machine's ``hostSelector`` as kubectl writes selectors; empty where it asks for nothing."""
    return ",".join(
        [
            *(f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())),
            *_expressions(selector),
        ]
    )


def _expressions(selector: Json) -> Iterator[str]:
    for expression in selector.get("matchExpressions") or ():
        operator, values = str(expression.get("operator", "")).lower(), ",".join(expression.get("values") or ())
        if operator in ("in", "notin"):
            yield f"{expression.get('key')} {operator} ({values})"
        else:
            yield f"!{expression.get('key')}" if operator == "!" else str(expression.get("key"))


def fits(selector: Json, labels: Json) -> bool:
    """Whether labels match a ``hostSelector``; its operators are apimachinery's words.

    >>> fits({"matchExpressions": [{"key": "rack", "operator": "notin", "values": ["a"]}]}, {})
    True
    """
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(expression, labels) for expression in selector.get("matchExpressions") or ())


def _meets(expression: Json, labels: Json) -> bool:
    operator, value = str(expression.get("operator", "")).lower(), labels.get(str(expression.get("key")))
    values = expression.get("values") or ()
    if operator in ("in", "="):
        return value in values
    if operator == "notin":
        return value not in values
    return (value is None) == (operator == "!")


SERVERS = Servers(MACHINE_KIND, HOST, metal3_data.PARTS, trouble, state, asks_nodes)
