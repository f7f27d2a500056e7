"""What an operation shows: the live view on a terminal, lines elsewhere, and the record of the whole run."""

from __future__ import annotations

import io
from pathlib import Path

from kamaji_equinix.automation.cli.lines import Lines
from kamaji_equinix.automation.cli.live import View
from kamaji_equinix.automation.cli.record import Record
from kamaji_equinix.automation.events import ClusterReady, Event, HandoffProgress, Message, ResourceChanged, Waiting
from rich.console import Console

C1 = {"stack": "dev", "cluster": "default/c1"}


def screen(*events: Event) -> str:
    """What stands on the terminal after some events."""
    out = io.StringIO()
    with View("up", Console(file=out, force_terminal=True, width=140)) as view:
        for event in events:
            view(event)
    return out.getvalue()


def test_a_cluster_shows_its_phase_and_what_it_waits_for() -> None:
    text = screen(HandoffProgress(**C1, phase="dial", text="192.0.2.1:6443: refuses connections"))
    for part in ("default/c1", "dial", "refuses connections"):
        assert part in text, f"{part!r} must be in view:\n{text}"


def test_changes_are_counted_and_what_is_under_way_is_named() -> None:
    creation = ResourceChanged(**C1, kind="Cluster", name="c1", operation="create", state="done")
    beginning = ResourceChanged(**C1, kind="PacketCluster", name="c1", operation="create", state="started")
    text = screen(creation, beginning)
    assert "1 created" in text, f"what has ended:\n{text}"
    assert "PacketCluster/c1" in text, f"what has not:\n{text}"


def test_a_ready_cluster_says_so_in_the_place_of_its_wait() -> None:
    last = screen(
        Waiting(**C1, subject="Machine/a", reason="boots", action="wait"), ClusterReady(**C1, seconds=40)
    ).splitlines()[-2:]
    assert "ready" in "".join(last), f"the last state stays: {last}"
    assert "boots" not in "".join(last), f"and nothing before it: {last}"


def test_warnings_and_errors_stay_in_view() -> None:
    text = screen(Message(stack="dev", severity="error", text="the API server refused it"))
    assert "error: the API server refused it" in text, f"the cause of a failure:\n{text}"


def test_without_a_terminal_each_event_is_one_line_and_none_comes_twice_in_a_row() -> None:
    out = io.StringIO()
    lines = Lines(out)
    for elapsed in (1.0, 2.0, 3.0):
        lines(HandoffProgress(**C1, phase="dial", text="refuses connections", elapsed=elapsed, limit=900))
    lines(ResourceChanged(**C1, kind="Cluster", name="c1", operation="create", state="started"))
    lines(ResourceChanged(**C1, kind="Cluster", name="c1", operation="create", state="done"))
    lines(Message(stack="dev", severity="info", text="the engine's own chatter"))
    assert out.getvalue().splitlines() == [
        "default/c1: dial: refuses connections",
        "Cluster/c1: create done",
    ], "what only a live view needs is no line"


def test_a_record_keeps_all_of_a_run_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "up.log"
    with Record(path) as record:
        record.event(Message(stack="dev", severity="info", text="the engine's own chatter"))
        record.write("\x1b[31mred\x1b[0m\nsecond line")
    lines = path.read_text().splitlines()
    assert [line[9:] for line in lines] == ["Message: the engine's own chatter", "red", "second line"], "with the time"
    assert path.stat().st_mode & 0o077 == 0, "what a run prints is its owner's"
