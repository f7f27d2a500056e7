"""Waiting for a cluster: what is printed, when it ends, and how."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.tree import wait

from tests.support import cluster_objects as made
from tests.support.cluster_objects import Object, condition

TRUE = condition(True)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def __call__(self) -> float:
        return self.now


class Recorded:
    """A management cluster whose objects are a function of the time."""

    def __init__(self, objects: Callable[[], list[Object]]) -> None:
        self.objects = objects

    def get(self, path: str) -> dict[str, Any]:
        """Answers like an API server."""
        where = urlsplit(path).path
        answer = []
        for obj in self.objects():
            collection = made.path(obj, "default")
            if where == f"{collection}/{obj['metadata']['name']}":
                return obj
            if where == collection:
                answer.append(obj)
        if where.rpartition("/")[2] in made.PLURALS.values():
            return {"apiVersion": "v1", "items": answer}
        raise ApiError("NotFound", f"{where} not found", 404)


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def objects(ready: bool) -> list[Object]:
    state = TRUE if ready else condition(False, "WaitingForControlPlane", "Info")
    infrastructure, plane = made.packet_cluster(), made.control_plane()
    return [infrastructure, plane, made.cluster(ready=state, infrastructure=infrastructure, plane=plane)]


def run(
    at: Callable[[float], list[Object]], timeout: float = 100, out: io.StringIO | None = None
) -> tuple[bool, str, float]:
    """Wait on a cluster that changes with time; the outcome, what was printed, and how long it took."""
    clock, text = Clock(), out or io.StringIO()
    client = Recorded(lambda: at(clock.now))
    done = tree.wait_until_ready(client, "default", "c1", timeout, text, clock=clock, sleep=clock.sleep)
    return done, text.getvalue(), clock.now


def test_a_ready_cluster_is_drawn_once_and_the_wait_ends_at_once() -> None:
    done, text, took = run(lambda now: objects(True))
    assert done, "it is ready"
    assert took == 0, "without a pause"
    assert text.count("Cluster/c1 ") == 1, "one tree"
    assert "Cluster default/c1 is ready after 0 s." in text, "and the result in words"


def test_the_wait_ends_when_the_last_cell_turns_true() -> None:
    done, text, took = run(lambda now: objects(now >= 21))
    assert done, "it became ready"
    assert 21 <= took <= 21 + wait.POLL_SECONDS, "and was seen within one interval"
    assert text.count("\nCluster/c1 ") == 2, "without a terminal a tree is printed when it changed"


def test_without_change_a_line_now_and_then_says_what_is_awaited() -> None:
    done, text, _ = run(lambda now: objects(False), timeout=100)
    assert not done, "it never became ready"
    assert text.count("\nCluster/c1 ") == 1, "the unchanged tree is not repeated"
    beats = [line for line in text.splitlines() if "no change" in line]
    assert len(beats) == 3, "every 30 seconds of the 100"
    assert "after 30 of 100 s" in beats[0], "with the time"
    assert "waiting for Cluster/c1" in beats[0], "and the object"


def test_when_the_time_is_over_what_blocks_is_named_with_what_to_do() -> None:
    done, text, took = run(lambda now: objects(False), timeout=11)
    assert not done, "it is not ready"
    assert took == 11, "the time-out is kept to, though it is no multiple of the interval"
    assert "Cluster default/c1 is not ready after 11 s." in text, "the result"
    assert "Blocked by Cluster/c1" in text, "what blocks"
    assert "What to do:" in text, "and what to do"


def test_an_api_server_that_goes_away_while_waiting_is_shown_and_waited_out() -> None:
    def at(now: float) -> list[Object]:
        if 4 <= now < 8:
            raise ApiError("Unreachable", "https://127.0.0.1:6443 refuses connections: nothing listens there")
        return objects(now >= 8)

    done, text, _ = run(at)
    assert done, "the wait went on"
    assert "refuses connections" in text, "and the outage was shown"


def test_a_failure_of_the_program_itself_is_not_taken_for_one_of_the_cluster() -> None:
    def at(now: float) -> list[Object]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(at)


def test_on_a_terminal_the_tree_is_redrawn_in_place() -> None:
    done, text, _ = run(lambda now: objects(now >= 6), out=Terminal())
    assert done, "it became ready"
    assert "\x1b[" in text, "the cursor moves"
    assert "Cluster/c1" in text, "the tree is there"
    assert "0 of 100 s" in text, "and how long it may still take"
