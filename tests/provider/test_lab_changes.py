"""What the lab follows on a real API server, without asking for it again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab.changes import Changes
from lab.plane import ManagementPlane
from tests.support.lab import eventually

NAMESPACE = "/api/v1/namespaces/default"
PATH = f"{NAMESPACE}/configmaps"


@pytest.fixture
def changes(management: ManagementPlane) -> Iterator[Changes]:
    instance = Changes(management.client, [PATH, f"{NAMESPACE}/secrets"])
    assert instance.seen(), "while nothing is watched yet, anything may have changed"
    instance.start()
    eventually(instance.seen, lambda seen: not seen, 10, "both watches are open, and what there was is told")
    yield instance
    instance.stop()


def test_a_change_is_seen_and_its_absence_too(management: ManagementPlane, changes: Changes) -> None:
    with management.client() as client:
        for act in (
            lambda: client.post(PATH, json={"metadata": {"name": "watched"}}),
            lambda: client.patch(
                f"{PATH}/watched",
                json={"data": {"a": "b"}},
                headers={"Content-Type": "application/merge-patch+json"},
            ),
            lambda: client.delete(f"{PATH}/watched"),
        ):
            time.sleep(0.5)
            assert not changes.seen(), "nothing has changed, so nothing need be read"
            act().raise_for_status()
            eventually(changes.seen, bool, 15, "the change is seen")
            eventually(changes.seen, lambda seen: not seen, 15, "once")


def test_what_somebody_tells_counts_as_a_change(changes: Changes) -> None:
    changes.tell()
    assert changes.seen(), "it was told"
    assert not changes.seen(), "once"
