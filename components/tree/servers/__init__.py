"""The servers under a cluster's machines, where an infrastructure provider has objects for them.

The module of a provider has ``SERVERS``; modules without are parts of such a one. Nothing else names the providers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ...capi.reading import Failure, Json, deletion_time, infrastructure_ready, node_conditions, ready
from ...kube.objects import Kind, dig
from ..blocker import Blocker
from ..model import ListResult, Snapshot


@dataclass(frozen=True)
class State:
    """The state of a server.

    Attributes:
        text: the end of a sentence; empty where it is not known.
        has_error: whether its controller reports an error.
    """

    text: str = ""
    has_error: bool = False


@dataclass(frozen=True)
class Servers:
    """How to read one provider's servers.

    Attributes:
        machine_kind: kind of the infrastructure machines that are on them.
        kind: of the servers, which are in the Cluster's namespace.
        parts: further kinds that explain why a server is not installed.
        trouble: why a Machine's server is no node of the cluster; None where nothing is wrong with it.
        state: the state of a Machine's server that is being deleted.
        asks_nodes: whether the tenant cluster's nodes explain why a Machine's server is none of them.
    """

    machine_kind: str
    kind: Kind
    parts: tuple[Kind, ...]
    trouble: Callable[[Snapshot, Json], Blocker | None]
    state: Callable[[Snapshot, Json], State]
    asks_nodes: Callable[[Snapshot, Json], bool]


@cache
def _servers_by_kind() -> Mapping[str, Servers]:
    """The providers of this package, by the kind of their infrastructure machines."""
    modules = (import_module(module.name) for module in iter_modules(__path__, f"{__name__}."))
    all_servers = (getattr(module, "SERVERS", None) for module in modules)
    return {servers.machine_kind: servers for servers in all_servers if servers}


def _under(machine: Json) -> Servers | None:
    return _servers_by_kind().get(str(dig(machine, "spec", "infrastructureRef", "kind")))


def kind_to_read(machines: ListResult) -> Kind | None:
    """The kind of servers that explain an unhealthy node or a deletion; None where no machine needs that."""
    for machine in () if isinstance(machines, Failure) else machines:
        servers = _under(machine)
        if servers and not _is_well(machine):
            return servers.kind
    return None


def parts_to_read(machines: ListResult) -> tuple[Kind, ...]:
    """The kinds that explain why a server is not installed; none where each machine has one that is."""
    for machine in () if isinstance(machines, Failure) else machines:
        servers = _under(machine)
        if servers and not infrastructure_ready(machine):
            return servers.parts
    return ()


def asks_nodes(snapshot: Snapshot) -> bool:
    """Whether the tenant cluster's nodes explain why a machine's server is none of them."""
    machines = () if isinstance(snapshot.machines, Failure) else snapshot.machines
    return any(
        servers.asks_nodes(snapshot, machine)
        for machine in machines
        if not _is_well(machine) and not deletion_time(machine) and (servers := _under(machine))
    )


def trouble(snapshot: Snapshot, machine: Json) -> Blocker | None:
    """Why a machine's server is no node of the cluster; None where nothing is wrong with it, or it is not known.

    The servers of healthy machines were not read (:func:`kind_to_read`).
    """
    servers = _under(machine)
    return servers.trouble(snapshot, machine) if servers and not _is_well(machine) else None


def state(snapshot: Snapshot, machine: Json) -> State:
    """The state of the server of a machine that is being deleted."""
    servers = _under(machine)
    return servers.state(snapshot, machine) if servers else State()


def _is_well(machine: Json) -> bool:
    readiness = ready(machine)
    return bool(
        dig(machine, "status", "nodeRef")
        and not deletion_time(machine)
        # A node whose server is off or deleted is unknown, not unhealthy.
        and not any(item.status != "True" for item in node_conditions(machine))
        and readiness
        and readiness.status == "True"
    )
