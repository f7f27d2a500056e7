"""Updates that find their stack locked: by the dead, by the living, and by those that have just ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.automation.engine.lock import reported_locks
from kamaji_equinix.automation.errors import Locked
from kamaji_equinix.automation.repair import lock_wait
from pulumi.automation import CommandResult, ConcurrentUpdateError

from tests.support.locks import clear_locks

HERE = socket.gethostname()
AT = datetime.now(timezone.utc).isoformat(timespec="seconds")
URL = "s3://state/.pulumi/locks/organization/shop/dev/{}.json?endpoint=http://127.0.0.1:9000&region=x"


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was cleared is noted in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def refusal(*locks: tuple[str, str, int]) -> ConcurrentUpdateError:
    """A refusal of Pulumi that names locks: name, host and process of each."""
    lines = [f"  {URL.format(name)}: created by ann@{host} (pid {pid}) at {AT}" for name, host, pid in locks]
    text = f"error: the stack is currently locked by {len(locks)} lock(s).\n" + "\n".join(lines)
    return ConcurrentUpdateError(CommandResult(stdout="", stderr=text, code=255))


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


class Backend:
    """Locks of a stack, and what an update meets: each attempt is refused while there is a lock."""

    def __init__(
        self, *locks: tuple[str, str, int], sequence: list[tuple[tuple[str, str, int], ...]] | None = None
    ) -> None:
        self.locks, self.sequence = locks, list(sequence or [])
        self.attempts = self.cancels = 0
        self.messages: list[str] = []

    def attempt(self) -> str:
        self.attempts += 1
        locks = self.locks
        if self.sequence:
            self.locks = self.sequence.pop(0)
        if locks:
            raise refusal(*locks)
        return "done"

    def cancel(self) -> None:
        self.cancels += 1
        self.locks = ()

    def run(self, seconds: float = 0, pause: Callable[[float], Any] = lambda _: None) -> str:
        return lock_wait.wait_until_free(
            self.attempt, seconds, self.messages.append, stack="dev", cancel=self.cancel, pause=pause
        )


def test_a_free_stack_is_updated_at_once() -> None:
    backend = Backend()
    assert backend.run() == "done", "its value is passed on"
    assert (backend.attempts, backend.cancels, backend.messages) == (1, 0, []), "and nothing else happens"


def test_a_lock_that_a_dead_process_left_is_cleared_and_told() -> None:
    pid = dead_pid()
    backend = Backend(("a", HERE, pid))
    assert backend.run() == "done", "the update goes on"
    assert backend.cancels == 1, "pulumi cancel was run once"
    assert f"process {pid}" in backend.messages[0], f"whose it was: {backend.messages}"


def test_the_lock_of_an_update_that_ended_in_between_is_nobodys_to_cancel() -> None:
    # Its process is dead at the first refusal, and its lock gone at the second look: a cancel would hit whoever came next.
    backend = Backend(("a", HERE, dead_pid()), sequence=[()])
    assert backend.run() == "done", "the second attempt succeeds"
    assert backend.cancels == 0, "nothing was cancelled"


def test_when_another_run_took_the_stack_in_between_it_keeps_it() -> None:
    backend = Backend(("a", HERE, dead_pid()), sequence=[(("b", "elsewhere", 7),)])
    with pytest.raises(Locked, match="ann@elsewhere, process 7") as error:
        backend.run()
    assert backend.cancels == 0, "its lock is still there"
    assert error.value.holders == (str(reported_locks(str(refusal(("b", "elsewhere", 7))))[0]),), "who holds it"


def test_a_dead_lock_beside_a_living_one_is_left_to_the_living() -> None:
    backend = Backend(("a", HERE, dead_pid()), ("b", HERE, os.getpid()))
    with pytest.raises(Locked):
        backend.run()
    assert backend.cancels == 0, "a cancel would delete both"


def test_a_living_update_is_waited_for_and_named_once() -> None:
    busy = (("b", HERE, os.getpid()),)
    backend = Backend(*busy, sequence=[busy, busy, ()])
    pauses: list[float] = []
    assert backend.run(60, pauses.append) == "done", "it goes on when the stack is free"
    assert len(pauses) == 3, f"between the attempts it pauses: {pauses}"
    assert all(0 < seconds <= lock_wait.RETRY_SECONDS[1] for seconds in pauses), f"for seconds: {pauses}"
    (message,) = backend.messages
    assert f"process {os.getpid()}" in message, f"who is waited for is told once: {message}"


def test_the_wait_ends_with_its_time() -> None:
    backend = Backend(("b", HERE, os.getpid()))
    with pytest.raises(Locked, match=f"process {os.getpid()}"):
        backend.run(1, lambda _: threading.Event().wait(0.6))
    assert backend.attempts >= 2, "it was tried once more when the time was over"


def test_a_refusal_without_names_is_waited_for_too() -> None:
    calls: list[int] = []

    def attempt() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ConcurrentUpdateError(CommandResult(stdout="", stderr="[409] Conflict: in progress", code=255))
        return "done"

    messages: list[str] = []
    value = lock_wait.wait_until_free(
        attempt, 60, messages.append, stack="dev", cancel=lambda: None, pause=lambda _: None
    )
    assert value == "done", "Pulumi Cloud names nobody"
    assert "another update" in messages[0], f"it is told nevertheless: {messages}"


def test_a_pause_that_raises_gives_up() -> None:
    def pause(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Backend(("b", HERE, os.getpid())).run(60, pause)


def test_of_many_that_see_one_dead_lock_only_one_cancels() -> None:
    dead = refusal(("a", HERE, dead_pid()))
    cancels: list[int] = []
    barrier = threading.Barrier(8)

    def clear() -> None:
        barrier.wait()
        clear_locks(str(dead), "dev", lambda: cancels.append(1))

    threads = [threading.Thread(target=clear) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert cancels == [1], "a second cancel could delete the lock of the first one's update"


def test_a_cancel_that_fails_is_tried_again_by_the_next() -> None:
    dead = str(refusal(("a", HERE, dead_pid())))
    cancels: list[int] = []

    def fail() -> None:
        raise ConnectionError("no route")

    with pytest.raises(Locked, match="no route"):
        clear_locks(dead, "dev", fail)
    clear_locks(dead, "dev", lambda: cancels.append(1))
    assert cancels == [1], "what was not cleared is not noted as cleared"


def test_a_cancel_that_helps_nothing_ends_in_a_refusal() -> None:
    backend = Backend(("a", HERE, dead_pid()))
    with pytest.raises(Locked, match="locked by another update"):
        lock_wait.wait_until_free(backend.attempt, 0, backend.messages.append, stack="dev", cancel=lambda: None)
    assert backend.attempts <= 2 + lock_wait.IMMEDIATE_RETRIES, "and in no endless loop"
