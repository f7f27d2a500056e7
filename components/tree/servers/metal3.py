"""The state of a machine's server of Metal3, from its BareMetalHost. Pure.

A Metal3Machine only shows that no host is free. The baremetal-operator reports the errors of a host in the host alone.
"""

from __future__ import annotations

from collections.abc import Iterator

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
from . import Servers

MACHINE_KIND = "Metal3Machine"
HOST = Kind("metal3.io/v1alpha1", "BareMetalHost", "baremetalhosts")

HOST_ANNOTATION = "metal3.io/BareMetalHost"
"""Of a Metal3Machine: namespace and name of its host. CAPM3 ignores the namespace and takes its own."""

UNHEALTHY = "capm3.metal3.io/unhealthy"
PASSED_OVER = {"baremetalhost.metal3.io/paused": "paused", UNHEALTHY: "marked unhealthy"}
"""Annotations of hosts that CAPM3 passes over, with their meaning (``chooseHost`` in its metal3machine_manager.go)."""

MOST_NAMES = 5
"""How many hosts are named where none is free."""


def trouble(snapshot: Snapshot, machine: Json) -> Blocker | None:
    """Why a machine's server is no node of the cluster; None where nothing is wrong with it, or it is none of Metal3's."""
    own = _infrastructure_machine(snapshot, machine)
    if own is None or not has_bootstrap_data(machine):
        return None
    host_name = _host_name(own)
    if isinstance(snapshot.servers, Failure):
        return None if dig(machine, "status", "nodeRef") else _unread(own, snapshot.servers)
    if not host_name:
        return _none_free(snapshot, machine, own, snapshot.servers)
    host = _host_called(snapshot.servers, host_name)
    if host is None:
        return Blocker(
            subject(machine),
            f"its server is gone: there is no {HOST.name}/{host_name} in namespace {snapshot.namespace}",
            f"Have it replaced: {kubectl(snapshot, 'delete machine', name(machine))} (a pool with `healthCheck` does this by "
            "itself)",
        )
    return _host_blocker(snapshot, machine, host)


def state(snapshot: Snapshot, machine: Json) -> str:
    """The state of the server of a machine that is being deleted, as the end of a sentence; empty where it is not known."""
    own = _infrastructure_machine(snapshot, machine)
    host = (
        _host_called(snapshot.servers, _host_name(own)) if own and not isinstance(snapshot.servers, Failure) else None
    )
    return f"; its server {subject(host)} is {_state(host)}" if host else ""


def _infrastructure_machine(snapshot: Snapshot, machine: Json) -> Json | None:
    reference = Reference.parse(dig(machine, "spec", "infrastructureRef"), snapshot.namespace)
    found: ReadResult | None = snapshot.references.get(reference) if reference else None
    if found is None or isinstance(found, Failure) or kind(found) != MACHINE_KIND:
        return None
    return found


def _host_name(own: Json) -> str:
    return str((dig(own, "metadata", "annotations") or {}).get(HOST_ANNOTATION) or "").rpartition("/")[2]


def _host_called(hosts: tuple[Json, ...], host_name: str) -> Json | None:
    return next((host for host in hosts if name(host) == host_name), None)


def _unread(own: Json, failure: Failure) -> Blocker:
    return Blocker(
        subject(own),
        f"it is no node yet, and its {HOST.name} could not be read: {failure.reason}: {failure.message}",
        "Let the management credentials list hosts: docs/rbac-metal3.yaml",
    )


def _host_blocker(snapshot: Snapshot, machine: Json, host: Json) -> Blocker | None:
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
    if state not in ("provisioned", "externally provisioned"):
        began = timestamp(dig(status, "operationHistory", "provision", "start"))
        since = f" since {began:%H:%M:%S} UTC" if began and state == "provisioning" else ""
        return Blocker(
            subject(host),
            f"{subject(machine)} is on it, and it is {_state(host)}{since}",
            "An image takes some minutes; if this lasts, see the server's console, Ironic's log and "
            + describe(snapshot, host),
        )
    if status.get("poweredOn") is False:
        return Blocker(
            subject(host),
            f"{subject(machine)} is on it, and it is switched off",
            f"See what the baremetal-operator says: {describe(snapshot, host)}",
        )
    if dig(machine, "status", "nodeRef"):
        return None
    label = f"metal3.io/uuid={dig(host, 'metadata', 'uid')}"
    return Blocker(
        subject(machine),
        f"its server {subject(host)} runs, but no node with label {label} has joined the cluster",
        "See the server's console and /var/log/cloud-init-output.log: does `kubeadm join` reach the endpoint? Where the node "
        f"is there without its label, with the cluster's kubeconfig: `kubectl label node {name(machine)} {label}`",
    )


def _state(host: Json) -> str:
    """A host's state and error, in words."""
    status = host.get("status") or {}
    state = dig(status, "provisioning", "state") or "not registered yet"
    message = " ".join(str(status.get("errorMessage") or "").split())
    return f"{state} with {status.get('errorType') or 'an error'}: {message}" if message else str(state)


def _none_free(snapshot: Snapshot, machine: Json, own: Json, hosts: tuple[Json, ...]) -> Blocker | None:
    """The reason why no host is chosen, by the hosts and the machine's selector."""
    seen = condition(own, "AssociateBMH") or condition(own, "AssociateBareMetalHost")
    if seen is None or seen.status == "True":
        return None
    selector = dig(own, "spec", "hostSelector") or {}
    asked = selector_text(selector)
    some = [host for host in sorted(hosts, key=name) if fits(selector, dig(host, "metadata", "labels") or {})]
    told = [f"{name(host)} ({_why_not(host)})" for host in some[:MOST_NAMES]]
    told += [f"{len(some) - MOST_NAMES} more"] if len(some) > MOST_NAMES else []
    there = f"of {len(hosts)} hosts in namespace {snapshot.namespace} "
    reason = there + (f"{len(some)} fit" if asked else "any will do") + (f" {asked}" if asked else "")
    return Blocker(
        subject(own),
        f"no host is free for {subject(machine)}: {reason}" + (f": {', '.join(told)}" if told else ""),
        _free_one(snapshot, some, asked, bool(hosts)),
    )


def _free_one(snapshot: Snapshot, some: list[Json], asked: str, any_there: bool) -> str:
    if not any_there:
        return f"Declare servers in `metal3.hosts`, or make {HOST.name}s in namespace {snapshot.namespace}"
    if not some:
        return (
            f"Give a server what the selector asks for ({asked}), by `metal3.hosts[].labels` or "
            f"{kubectl(snapshot, f'label {HOST.plural}.metal3.io', 'NAME', 'KEY=VALUE')}, or change `hostSelector`"
        )
    if broken := next((host for host in some if dig(host, "status", "errorMessage")), None):
        return f"Mend {subject(broken)}, the baremetal-operator tries again by itself: {describe(snapshot, broken)}"
    if coming := next((host for host in some if not dig(host, "spec", "consumerRef")), None):
        return f"Wait; if it doesn't change, see {describe(snapshot, coming)}"
    return "Declare more servers in `metal3.hosts`, or ask for fewer machines by `workerPools[].replicas`"


def _why_not(host: Json) -> str:
    consumer = dig(host, "spec", "consumerRef")
    if consumer:
        return f"{consumer.get('kind')}/{consumer.get('name')} is on it"
    if deletion_time(host):
        return "it is being deleted"
    for annotation, what in PASSED_OVER.items():
        if annotation in (dig(host, "metadata", "annotations") or {}):
            return what
    return _state(host)


def selector_text(selector: Json) -> str:
    """A Metal3Machine's ``hostSelector`` as kubectl writes selectors; empty where it asks for nothing."""
    return ",".join(
        [
            *(f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())),
            *_expressions(selector),
        ]
    )


def _expressions(selector: Json) -> Iterator[str]:
    for one in selector.get("matchExpressions") or ():
        operator, values = str(one.get("operator", "")).lower(), ",".join(one.get("values") or ())
        if operator in ("in", "notin"):
            yield f"{one.get('key')} {operator} ({values})"
        else:
            yield f"!{one.get('key')}" if operator == "!" else str(one.get("key"))


def fits(selector: Json, labels: Json) -> bool:
    """Whether labels match a ``hostSelector``; its operators are apimachinery's words.

    >>> fits({"matchExpressions": [{"key": "rack", "operator": "notin", "values": ["a"]}]}, {})
    True
    """
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(one, labels) for one in selector.get("matchExpressions") or ())


def _meets(one: Json, labels: Json) -> bool:
    operator, value = str(one.get("operator", "")).lower(), labels.get(str(one.get("key")))
    values = one.get("values") or ()
    if operator in ("in", "="):
        return value in values
    if operator == "notin":
        return value not in values
    return (value is None) == (operator == "!")


SERVERS = Servers(MACHINE_KIND, HOST, trouble, state)
