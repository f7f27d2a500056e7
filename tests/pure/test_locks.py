"""Locks of Pulumi's own backends: read, judged, cleared or named."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from kamaji_equinix.automation.engine.lock import moment, process_start
from kamaji_equinix.automation.errors import Locked
from kamaji_equinix.automation.repair import locks

from tests.support.locks import clear_locks

HERE = socket.gethostname()


@pytest.fixture(autouse=True)
def notes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cleared is noted in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def now() -> datetime:
    return datetime.now(timezone.utc)


def place(root: Path, pid: int, *, host: str = HERE, at: datetime | None = None, name: str = "a.json") -> Path:
    """A lock's file, as Pulumi writes it."""
    path = root / ".pulumi" / "locks" / "organization" / "shop" / "dev" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = (at or now()).isoformat().replace("+00:00", "Z")
    path.write_text(json.dumps({"pid": pid, "username": "ann", "hostname": host, "timestamp": stamp}))
    return path


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_lock_of_a_dead_process_is_removed_and_named(tmp_path: Path) -> None:
    path = place(tmp_path, pid := dead_pid())
    message = locks.clear_stale_lock(f"file://{tmp_path}", "shop", "dev")
    assert not path.exists(), "a dead process can't release its lock itself"
    assert message is not None, "the user is told"
    assert f"ann@{HERE}, process {pid}" in message, "with whose lock it was"


def test_the_lock_of_a_living_process_stays_and_its_holder_is_named(tmp_path: Path) -> None:
    path = place(tmp_path, os.getpid())
    assert locks.clear_stale_lock(f"file://{tmp_path}", "shop", "dev") is None, "nothing was cleared"
    assert path.exists(), "the lock of a running update must stay"
    with pytest.raises(Locked) as error:
        locks.require_free(f"file://{tmp_path}", "shop", "dev")
    assert f"process {os.getpid()}" in str(error.value), "the holder is named"
    assert "pulumi cancel --yes --stack dev" in str(error.value), "and the command"


def test_a_pid_that_was_given_to_another_process_since_counts_as_dead(tmp_path: Path) -> None:
    path = place(tmp_path, os.getpid(), at=now() - timedelta(days=400))
    assert locks.clear_stale_lock(f"file://{tmp_path}", "shop", "dev"), "this process began after the lock was taken"
    assert not path.exists(), "so the lock's own process is gone"


def test_an_unreaped_process_counts_as_dead(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None, "the pipe tells when it ended"
    child.stdout.read()
    place(tmp_path, child.pid)
    for _ in range(100):
        if process_start(child.pid) is None:
            break
        os.sched_yield()
    message = locks.clear_stale_lock(f"file://{tmp_path}", "shop", "dev")
    child.wait()
    assert message, "a zombie holds nothing"


def test_the_lock_of_another_host_stays_because_its_process_cannot_be_seen(tmp_path: Path) -> None:
    path = place(tmp_path, dead_pid(), host="elsewhere")
    assert locks.clear_stale_lock(f"file://{tmp_path}", "shop", "dev") is None, "its process may well run there"
    assert path.exists(), "so it stays"
    with pytest.raises(Locked, match="ann@elsewhere"):
        locks.require_free(f"file://{tmp_path}", "shop", "dev")


def test_only_the_stacks_own_locks_are_looked_at(tmp_path: Path) -> None:
    path = place(tmp_path, dead_pid())
    assert locks.clear_stale_lock(f"file://{tmp_path}", "shop", "prod") is None, "stack prod has no lock"
    assert locks.clear_stale_lock(f"file://{tmp_path}", "other", "dev") is None, "nor has another project's dev"
    assert path.exists(), "nobody else's lock is touched"


def test_of_a_dead_and_a_living_lock_only_the_dead_one_goes(tmp_path: Path) -> None:
    dead, alive = place(tmp_path, dead_pid(), name="a.json"), place(tmp_path, os.getpid(), name="b.json")
    assert locks.clear_stale_lock(f"file://{tmp_path}", "shop", "organization/shop/dev"), "the dead one is cleared"
    assert not dead.exists(), "the dead one is gone"
    assert alive.exists(), "the living one stays"


def test_a_lock_that_is_not_readable_is_named_and_left_alone(tmp_path: Path) -> None:
    path = place(tmp_path, 1)
    path.write_text('{"pid": ')
    with pytest.raises(Locked) as error:
        locks.clear_stale_lock(f"file://{tmp_path}", "shop", "dev")
    assert str(path) in str(error.value), "the file is named"
    assert path.exists(), "nobody knows whose it is"


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///var/state", Path("/var/state")),
        ("file://./state", Path("state")),
        ("file://~", Path.home()),
        ("file://~/state", Path.home() / "state"),
        ("file:///var/with%20space?no_tmp_dir=true", Path("/var/with space")),
        ("s3://bucket?region=x", None),
        ("https://api.pulumi.com", None),
        ("", None),
    ],
)
def test_the_folder_of_a_backend_is_read_as_pulumi_reads_it(url: str, folder: Path | None) -> None:
    assert locks.backend_folder(url) == folder, f"{url} is this folder"


REFUSAL = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock "
    "file with `pulumi cancel`.\n  s3://state/.pulumi/locks/organization/shop/dev/x.json: created by ann@{host} (pid {pid}) "
    "at 2026-01-02T03:04:05+01:00"
)


def test_a_lock_in_a_bucket_whose_process_is_dead_is_cancelled() -> None:
    cancels = []
    text = REFUSAL.format(host=HERE, pid=dead_pid())
    message = clear_locks(text, "dev", lambda: cancels.append(True))
    assert cancels == [True], "pulumi cancel was run once"
    assert "ann@" in message, "and the user is told whose lock went"


def test_a_lock_in_a_bucket_of_another_host_is_never_cancelled() -> None:
    cancels: list[bool] = []
    with pytest.raises(Locked) as error:
        clear_locks(REFUSAL.format(host="elsewhere", pid=1), "dev", lambda: cancels.append(True))
    assert not cancels, "its process may well run there"
    assert "ann@elsewhere, process 1" in str(error.value), "the holder is named"
    assert len(error.value.holders) == 1, f"for callers too: {error.value.holders}"


def test_a_refusal_without_a_named_lock_is_never_cancelled() -> None:
    cancelled: list[bool] = []
    with pytest.raises(Locked, match="another update"):
        clear_locks("[409] Conflict: Another update is currently in progress.", "dev", lambda: cancelled.append(True))
    assert not cancelled, "nobody knows who holds it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.123456789+02:00", "2026-01-02T03:04:05.123456+02:00"),
        ("2026-01-02T03:04:05.1-05:30", "2026-01-02T03:04:05.100000-05:30"),
    ],
)
def test_times_are_read_as_go_writes_them(text: str, expected: str) -> None:
    assert moment(text) == datetime.fromisoformat(expected), "the same moment"
