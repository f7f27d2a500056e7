"""Templates of worker pools: none goes as long as machines are made from it, and none stays for ever."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from lab.plane import ManagementPlane
from tests.support.edits import FIRST, interrupt, plainly
from tests.support.interruptions import wait_for
from tests.support.lab import eventually
from tests.support.pool_lives import PoolLife

SEEDS = (2, 3)
"""The first was left a template by an engine that ended between two resources."""


@pytest.fixture(scope="module")
def management(collecting_management: ManagementPlane) -> ManagementPlane:
    """With the garbage collector, which takes a pool's MachineSets along."""
    return collecting_management


@pytest.fixture(scope="module")
def pools(management: ManagementPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoolLife]:
    with PoolLife(management, tmp_path_factory.mktemp("lives"), "lives") as instance:
        instance.start()
        yield instance


def test_a_change_that_is_taken_back_amid_its_roll_out_finds_its_template_alive(pools: PoolLife) -> None:

    before = pools.sets.templates()
    pools.hold(True)
    change = {**FIRST, "a": {**FIRST["a"], "machineType": "m3.large.x86", "wait": True}}
    pools.life.configure(change)
    process = plainly(pools.project, pools.stack)
    wait_for(process, "waits for its machines")
    interrupt(process, signal.SIGKILL)
    assert len(pools.sets.templates()) == len(before) + 1, "the roll-out needs both"
    pools.project.pulumi("cancel", "--yes", pools.stack).ok()
    pools.life.configure(FIRST)
    pools.project.up(pools.stack).ok()
    assert before <= pools.sets.templates(), "the template in use stays"
    pools.check_references("taken back")
    pools.hold(False)
    pools.tidy("taken back")


def test_a_run_does_not_wait_for_a_roll_out_unless_that_is_wished(pools: PoolLife) -> None:
    pools.hold(True)
    pools.life.configure({**FIRST, "a": {**FIRST["a"], "machineType": "c3.small.x86"}})
    pools.life.whole()
    assert not pools.has_rolled(), "the roll-out is still under way"
    pools.hold(False)
    pools.tidy("not waited for")


def test_a_pool_that_goes_takes_its_templates_along_in_the_same_run(pools: PoolLife) -> None:
    pools.life.configure({"a": FIRST["a"]})
    pools.life.whole()
    names = {name for _, name in pools.sets.templates()}
    assert not [name for name in names if name.startswith(f"{pools.stack}-b-")], "nothing of it is left"


@pytest.mark.parametrize("seed", SEEDS)
def test_no_sequence_of_edits_interruptions_and_reverts_harms_a_pool(pools: PoolLife, seed: int) -> None:
    pools.tidy(pools.life.run(seed))


def test_destroy_leaves_no_template(pools: PoolLife) -> None:
    pools.project.script_here("destroy", "--yes", "--stack", pools.stack).ok()
    eventually(pools.sets.templates, lambda templates: not templates, 60, "the Cluster takes its templates along")
