"""The live view on a terminal, drawn from events."""

from __future__ import annotations

import io

from kamaji_equinix.automation.events import ClusterReady, Event, HandoffProgress, Message, ResourceChanged, Waiting
from kamaji_equinix.automation.live import View
from rich.console import Console

C1 = {"stack": "dev", "cluster": "default/c1"}


def drawn(*events: Event) -> str:
    """What stands on the terminal after some events."""
    out = io.StringIO()
    with View("up", Console(file=out, force_terminal=True, width=140)) as view:
        for event in events:
            view(event)
    return out.getvalue()


def test_a_cluster_shows_its_phase_and_what_it_waits_for() -> None:
    told = drawn(HandoffProgress(**C1, phase="dial", text="192.0.2.1:6443: refuses connections"))
    for part in ("default/c1", "dial", "refuses connections"):
        assert part in told, f"{part!r} must be in view:\n{told}"


def test_changes_are_counted_and_what_is_under_way_is_named() -> None:
    made = ResourceChanged(**C1, kind="Cluster", name="c1", operation="create", state="done")
    going = ResourceChanged(**C1, kind="PacketCluster", name="c1", operation="create", state="started")
    told = drawn(made, going)
    assert "1 create done" in told, f"what has ended:\n{told}"
    assert "PacketCluster/c1" in told, f"what has not:\n{told}"


def test_a_ready_cluster_says_so_in_the_place_of_its_wait() -> None:
    last = drawn(
        Waiting(**C1, subject="Machine/a", reason="boots", action="wait"), ClusterReady(**C1, seconds=40)
    ).splitlines()[-2:]
    assert "ready" in "".join(last), f"the last state stays: {last}"
    assert "boots" not in "".join(last), f"and nothing before it: {last}"


def test_warnings_and_errors_stay_in_view() -> None:
    told = drawn(Message(stack="dev", severity="error", text="the API server refused it"))
    assert "error: the API server refused it" in told, f"the cause of a failure:\n{told}"
