"""Servers of one's own on the lab, with the real CAPM3, IPAM and baremetal-operator: a stack's life, and kills amid it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.interrupting import kill, started
from tests.support.lab import Lab, eventually, nodes
from tests.support.metal3_lab import HOSTS, HostWatch, write
from tests.support.project import Project

REPETITIONS = 20


@pytest.fixture(scope="module")
def racks(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of the second generation; the tier's own makes room, because there can't be two."""
    assert lab.command("down").returncode == 0, "the tier's lab stops"
    own = Lab(tmp_path_factory.mktemp("racks") / "state")
    begun = own.command("up", "--contract", "v1beta2")
    assert begun.returncode == 0, begun.stdout
    yield own
    ended = own.command("down")
    assert ended.returncode == 0, ended.stdout
    again = lab.command("up")
    assert again.returncode == 0, again.stdout


def gone(lab: Lab, stack: str) -> None:
    """See that nothing is left: no object, no host, no credentials."""
    eventually(lambda: lab.leftovers(stack), lambda left: not left, 60, "all objects gone")
    assert lab.items(HOSTS) == [], "the hosts were the stack's"
    assert not [name for name in lab.secrets("default") if name.endswith("-bmc")], "and so were their credentials"


def test_a_rack_comes_up_rolls_and_is_given_back(racks: Lab, tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", racks.environment())
    write(project, racks, "rack")
    project.script("up", "--stack", "rack").ok()
    kubeconfig = project.script("kubeconfig", "--stack", "rack").ok()
    first = nodes(kubeconfig)
    assert len(first) == 2, f"both machines are nodes: {first}"
    assert all(first.values()), "and ready"
    hosts = {host["metadata"]["name"]: host for host in racks.items(HOSTS)}
    assert sum("consumerRef" in host["spec"] for host in hosts.values()) == 2, "on two of three hosts"
    done = project.up("rack", "--expect-no-changes", "--refresh")
    assert done.code == 0, f"nothing that the controllers write is a change:\n{done.output}"

    write(project, racks, "rack", metaData={"ipAddressesFromPool": {"nodeIP": "nodes"}, "strings": {"site": "ams"}})
    project.script("up", "--stack", "rack").ok()
    eventually(lambda: nodes(kubeconfig), lambda now: not now.keys() & first.keys(), 180, "other machines, by a roll")
    write(project, racks, "rack", hosts=[])
    refused = project.up("rack")
    assert refused.code != 0, "hosts with machines can't be left out"
    assert "its server would be wiped" in " ".join(refused.output.split()), refused.output

    write(project, racks, "rack")
    with HostWatch(racks) as watched:
        project.script("destroy", "--yes", "--stack", "rack").ok()
    for name in hosts:
        state, _, machine, _ = watched.before_deletion(name)
        assert (state, machine) == ("available", False), f"given back before it goes: {watched.seen[name]}"
        assert not watched.seen[name][-1][1], f"and switched off: {watched.seen[name]}"
    gone(racks, "rack")


@pytest.mark.parametrize("seed", range(REPETITIONS))
def test_a_kill_at_a_random_moment_strands_no_host(racks: Lab, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    project, stack = Project.make(tmp_path / "project", racks.environment()), f"killed{seed}"
    write(project, racks, stack)
    operation = chance.choice(["up", "destroy"])
    if operation == "destroy":
        project.script("up", "--stack", stack, "--no-wait").ok()
    process = started(project, operation, "--stack", stack, *(["--yes"] if operation == "destroy" else []))
    moment = chance.uniform(0, 25 if operation == "up" else 12)
    time.sleep(moment)
    kill(process)
    again = chance.random() < 0.5
    print(f"seed {seed}: {operation} killed after {moment:.1f} s, then {'up and ' if again else ''}destroy", flush=True)
    if again:
        project.script("up", "--stack", stack, "--timeout", "300").ok()
    project.script("destroy", "--yes", "--stack", stack).ok()
    gone(racks, stack)
