"""The order in which programs are compiled and linked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain import schedule
from toolchain.jobs import await_child


@given(
    sizes=st.lists(st.integers(0, 4), max_size=5),
    slots=st.integers(1, 3),
    # Milliseconds to compile, and to link.
    pace=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=20, max_size=20),
)
def test_a_group_is_compiled_one_after_another_and_linked_beside(
    sizes: list[int], slots: int, pace: list[tuple[int, int]]
) -> None:
    groups = [[(number, place) for place in range(size)] for number, size in enumerate(sizes)]
    lock, compiling, begun, most = threading.Lock(), set[tuple[int, int]](), list[tuple[int, int]](), [0]

    def build(item: tuple[int, int], compilation: Future[None], milliseconds: tuple[int, int]) -> None:
        time.sleep(milliseconds[0] / 1000)
        with lock:
            compiling.discard(item)
        compilation.set_result(None)
        time.sleep(milliseconds[1] / 1000)

    with ThreadPoolExecutor(20) as threads:

        def begin(item: tuple[int, int], compilation: Future[None]) -> Future[None]:
            with lock:
                assert not [other for other in compiling if other[0] == item[0]], "the two would compile the same twice"
                compiling.add(item)
                begun.append(item)
                most[0] = max(most[0], len(compiling))
            return threads.submit(build, item, compilation, pace[len(begun) - 1])

        schedule.run(groups, begin, slots)
        assert not compiling, "it waits for all"
    assert most[0] <= slots, "more at a time would need more memory than there may be"
    assert sorted(begun) == [item for group in groups for item in group], "each is built, and once"
    firsts = [number for number, place in begun if place == 0]
    assert firsts == sorted(firsts), "their modules are downloaded in this order"


@pytest.mark.parametrize("compiled_before", [True, False], ids=["links", "compiles"])
def test_the_first_failure_ends_the_wait_at_once(compiled_before: bool) -> None:
    release, begun = threading.Event(), list[str]()

    def build(item: str, compilation: Future[None]) -> None:
        begun.append(item)
        if item == "fails" and compiled_before:
            compilation.set_result(None)
        if item == "fails":
            raise RuntimeError("no space left")
        release.wait(60)
        compilation.set_result(None)

    with ThreadPoolExecutor(3) as threads:
        began = time.monotonic()
        try:
            with pytest.raises(RuntimeError, match="no space left"):
                schedule.run([["waits"], ["fails", "next"]], lambda *item: threads.submit(build, *item), 2)
            assert time.monotonic() - began < 30, "whoever waits for the build learns of it while others still run"
            assert compiled_before or "next" not in begun, "nothing more of its group is begun"
        finally:
            release.set()


def test_a_link_is_seen_among_the_programs_of_its_build_alone(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/bin/sleep")
    command = f"import subprocess, time; time.sleep(0.3); subprocess.run([{str(link)!r}, '60'])"
    with subprocess.Popen([str(link), "60"], start_new_session=True) as foreign:
        with subprocess.Popen([sys.executable, "-c", command], start_new_session=True) as build:
            assert await_child(build, "link"), "it begins to link after a moment"
            os.killpg(build.pid, signal.SIGKILL)
        with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as build:
            assert not await_child(build, "link"), "it has ended without one, and the foreign one is not its"
            assert build.wait() == 0, "its exit code is still there to read"
        foreign.kill()
