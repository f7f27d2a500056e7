"""Waiting until clusters are ready: what is told, when it ends, and how."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from kamaji_equinix.automation import readiness
from kamaji_equinix.automation.cli.live import View
from kamaji_equinix.automation.engine.process import Cancellation
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.errors import Cancelled, NotReady
from kamaji_equinix.automation.events import ClusterReady, Event, Waiting
from kamaji_equinix.automation.readiness import Look, await_ready
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.settings.load import load_stack
from rich.console import Console

from tests.support import cluster_objects as build
from tests.support.cluster_objects import Object, condition
from tests.support.settings_cases import configuration

SETTINGS = load_stack(configuration(cluster={"name": "c1", "namespace": "default"}, workerPools=[]))


class Clock(Cancellation):
    """Time that passes only while the wait pauses; requested where ``until`` has come."""

    def __init__(self, until: float = 1e9) -> None:
        super().__init__()
        self.now, self.until = 0.0, until

    def wait(self, seconds: float) -> bool:
        """Let time pass."""
        self.now += seconds
        if self.now >= self.until:
            self.request("by a test")
        return self.requested


class Timeline:
    """A management cluster whose objects are a function of the time."""

    def __init__(self, objects: Callable[[], list[Object]]) -> None:
        self.objects = objects

    def get(self, path: str) -> dict[str, Any]:
        """Answer like an API server."""
        url = urlsplit(path).path
        answer = []
        for obj in self.objects():
            collection = build.path(obj, "default")
            if url == f"{collection}/{obj['metadata']['name']}":
                return obj
            if url == collection:
                answer.append(obj)
        if url.rpartition("/")[2] in build.PLURALS.values():
            return {"apiVersion": "v1", "items": answer}
        raise ApiError("NotFound", f"{url} not found", 404)


def objects(ready: bool) -> list[Object]:
    state = condition(True) if ready else condition(False, "WaitingForControlPlane", "Info")
    infrastructure, plane = build.packet_cluster(), build.control_plane()
    return [infrastructure, plane, build.cluster(ready=state, infrastructure=infrastructure, plane=plane)]


def wait(
    at: Callable[[float], list[Object]], clock: Clock | None = None, timeout: float = 100
) -> tuple[list[Event], list[Look], Clock]:
    """Wait for a cluster that changes with time."""
    clock = clock or Clock()
    events: list[Event] = []
    looks: list[Look] = []
    client = Timeline(lambda: at(clock.now))
    translate = Translator("dev", events.append)
    await_ready(client, SETTINGS, translate, timeout, clock, looks.append, clock=lambda: clock.now)
    return events, looks, clock


def test_a_ready_cluster_ends_the_wait_at_once() -> None:
    events, looks, clock = wait(lambda now: objects(True))
    assert [type(event) for event in events] == [ClusterReady], "one event, that of the end"
    assert len(looks) == 1, "after one look"
    assert clock.now == 0, "without a pause"


def test_the_wait_ends_when_the_last_cell_turns_true_and_tells_each_state_once() -> None:
    events, _, clock = wait(lambda now: objects(now >= 21))
    assert 21 <= clock.now <= 21 + readiness.POLL_SECONDS, "it is seen within one interval"
    assert [type(event) for event in events] == [Waiting, ClusterReady], "an unchanged state is told once"


def test_when_the_time_is_over_the_error_names_what_blocks_and_what_to_do() -> None:
    clock = Clock()
    with pytest.raises(NotReady) as error:
        wait(lambda now: objects(False), clock, timeout=11)
    assert clock.now == 11, "the time-out is kept to, though it is no multiple of the interval"
    for part in ("Cluster default/c1 is not ready after 11 s.", "Blocked by Cluster/c1", "What to do:"):
        assert part in str(error.value), f"{part!r} is missing in:\n{error.value}"


def test_an_api_server_that_goes_away_meanwhile_is_told_and_waited_out() -> None:
    def at(now: float) -> list[Object]:
        if 4 <= now < 8:
            raise ApiError("Unreachable", "https://127.0.0.1:6443 refuses connections: nothing listens there")
        return objects(now >= 8)

    events, _, _ = wait(at)
    assert isinstance(events[-1], ClusterReady), "the wait went on"
    assert any("refuses connections" in str(event) for event in events), f"the outage is told: {events}"


def test_a_failure_of_the_program_itself_is_not_taken_for_one_of_the_cluster() -> None:
    def at(now: float) -> list[Object]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wait(at)


def test_a_request_ends_the_wait_between_two_looks() -> None:
    with pytest.raises(Cancelled, match="by a test"):
        wait(lambda now: objects(False), Clock(until=5))


def test_a_view_on_a_terminal_keeps_the_last_tree_of_a_cluster() -> None:
    out = io.StringIO()
    with View("up", Console(file=out, force_terminal=True, width=140)) as view:
        for look in wait(lambda now: objects(now >= 6))[1]:
            view.look(look)
    screen = out.getvalue()
    assert "Cluster/c1" in screen, "the tree is there"
    assert "True" in screen.rpartition("NAME")[2], f"as it was at the end:\n{screen}"
    assert "\x1b[" in screen, "in place of the one before it"
