"""Machines that break, and a DataStore that is away: what is replaced, what is not, and what the program says of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.metal import Fault
from tests.support.lab import Lab, eventually, nodes
from tests.support.project import Project, dev_sections
from tests.support.stack_outputs import stack_outputs

NAME = "broken"
MACHINES = "cluster.x-k8s.io/v1beta1/machines"
UNHEALTHY_SECONDS = 60


@dataclass
class Watched:
    """A stack with one pool of three machines under a MachineHealthCheck that replaces one at a time."""

    lab: Lab
    project: Project

    def configure(self, **check: Any) -> None:
        """The stack, with a health check of its pool."""
        sections: dict[str, Any] = dev_sections(self.lab.kubeconfig)
        sections["cluster"] = {**sections["cluster"], "name": NAME}
        sections["controlPlane"] = {**sections["controlPlane"], "name": f"{NAME}-plane"}
        sections["workerPools"] = [{"name": "a", "replicas": 3, "healthCheck": check}]
        self.project.configure(NAME, **sections)

    def machines(self) -> dict[str, str]:
        """UIDs of the machines by name."""
        return {
            item["metadata"]["name"]: item["metadata"]["uid"]
            for item in self.lab.items(MACHINES)
            if item["metadata"]["name"].startswith(NAME)
        }

    def devices(self) -> dict[str, str]:
        """Ids of the devices by host name."""
        with contextlib.closing(self.lab.metal()) as metal:
            return {one["hostname"]: one["id"] for one in metal.devices() if one["hostname"].startswith(NAME)}

    def nodes(self) -> dict[str, bool]:
        """Whether each node is Ready."""
        return nodes(stack_outputs(self.project, NAME)["kubeconfig"])

    @contextlib.contextmanager
    def fault(self, *hosts: str) -> Iterator[None]:
        """Some machines whose container runtime has died."""
        project = dev_sections(self.lab.kubeconfig)["metal"]["projectId"]
        with contextlib.closing(self.lab.metal()) as metal:
            metal.set_faults(project, [Fault("breaks", device=host) for host in hosts])
            try:
                yield
            finally:
                metal.clear_faults(project)

    def all_ready(self, count: int = 3) -> None:
        eventually(self.nodes, lambda found: len(found) == count and all(found.values()), 240, "all nodes are Ready")


@pytest.fixture(scope="module")
def watched(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    found = Watched(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()))
    found.configure(unhealthySeconds=UNHEALTHY_SECONDS, maxUnhealthy="40%")
    try:
        found.project.script("up", "--stack", NAME, "--timeout", "300").ok()
        yield found
    finally:
        found.project.script("destroy", "--yes", "--stack", NAME).ok()


def test_a_broken_machine_is_replaced_and_its_device_given_back(watched: Watched) -> None:
    machines, devices = watched.machines(), watched.devices()
    victim = sorted(devices)[0]
    with watched.fault(victim):
        eventually(watched.nodes, lambda found: not found[victim], 60, "a node that is not Ready")
        told = watched.project.script("status", "--stack", NAME)
        assert victim in told.output, f"status names it:\n{told.output}"
        eventually(
            watched.devices,
            lambda found: len(found) == 3 and devices[victim] not in found.values(),
            300,
            "another device in its place",
        )
    watched.all_ready()
    after = watched.machines()
    kept = machines.items() & after.items()
    assert len(kept) == 2, f"the healthy machines are the same ones: {machines} became {after}"
    done = watched.project.up(NAME).ok()
    assert "updated" not in done, f"and the stack has nothing to do:\n{done}"


def test_where_most_machines_are_broken_none_is_replaced(watched: Watched) -> None:
    machines, devices = watched.machines(), watched.devices()
    with watched.fault(*sorted(devices)[:2]):
        eventually(watched.nodes, lambda found: sum(not ready for ready in found.values()) == 2, 60, "two broken nodes")
        time.sleep(UNHEALTHY_SECONDS + 15)
        assert watched.machines() == machines, "as when the network between them fails: all would go at once"
        assert watched.devices() == devices, "and no device was given back"
    watched.all_ready()
    assert watched.machines() == machines, "they came back"


def test_a_data_store_that_is_away_for_a_while_harms_nothing(watched: Watched) -> None:
    # The defaults: nodes come back one by one, and with a minute's patience the last of them would be replaced.
    watched.configure()
    watched.project.script("up", "--stack", NAME, "--timeout", "300").ok()
    machines, devices = watched.machines(), watched.devices()
    store = next(entry["pid"] for entry in watched.lab.state_file()["processes"] if entry["name"] == "tenants-etcd")
    os.kill(store, signal.SIGSTOP)
    try:
        time.sleep(45)
        told = watched.project.script("status", "--stack", NAME)
        assert "Traceback" not in told.output, told.output
        done = watched.project.up(NAME)
        assert "Traceback" not in done.output, done.output
    finally:
        os.kill(store, signal.SIGCONT)
    eventually(lambda: answers(watched), bool, 240, "the tenant's API server answers again")
    watched.all_ready()
    done = watched.project.up(NAME).ok()
    assert "updated" not in done, f"the stack has nothing to do:\n{done}"
    assert watched.machines() == machines, "no machine was replaced"
    assert watched.devices() == devices, "nor a device"
    watched.project.script("status", "--stack", NAME, "--wait", "--timeout", "240").ok()


def answers(watched: Watched) -> bool:
    """Whether the tenant's API server answers."""
    with contextlib.suppress(Exception):
        return bool(watched.nodes())
    return False
