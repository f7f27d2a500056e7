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
class Stack:
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
            return {
                device["hostname"]: device["id"] for device in metal.devices() if device["hostname"].startswith(NAME)
            }

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
        eventually(self.nodes, lambda value: len(value) == count and all(value.values()), 240, "all nodes are Ready")


@pytest.fixture(scope="module")
def stack(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    instance = Stack(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()))
    instance.configure(unhealthySeconds=UNHEALTHY_SECONDS, maxUnhealthy="40%")
    try:
        instance.project.script("up", "--stack", NAME, "--timeout", "300").ok()
        yield instance
    finally:
        instance.project.script("destroy", "--yes", "--stack", NAME).ok()


def test_a_broken_machine_is_replaced_and_its_device_given_back(stack: Stack) -> None:
    machines, devices = stack.machines(), stack.devices()
    victim = sorted(devices)[0]
    with stack.fault(victim):
        eventually(stack.nodes, lambda value: not value[victim], 60, "a node that is not Ready")
        status = stack.project.script("status", "--stack", NAME)
        assert victim in status.output, f"status names it:\n{status.output}"
        eventually(
            stack.devices,
            lambda value: len(value) == 3 and devices[victim] not in value.values(),
            300,
            "another device in its place",
        )
    stack.all_ready()
    after = stack.machines()
    survivors = machines.items() & after.items()
    assert len(survivors) == 2, f"the healthy machines are the same ones: {machines} became {after}"
    output = stack.project.up(NAME).ok()
    assert "updated" not in output, f"and the stack has nothing to do:\n{output}"


def test_where_most_machines_are_broken_none_is_replaced(stack: Stack) -> None:
    machines, devices = stack.machines(), stack.devices()
    with stack.fault(*sorted(devices)[:2]):
        eventually(stack.nodes, lambda value: sum(not ready for ready in value.values()) == 2, 60, "two broken nodes")
        time.sleep(UNHEALTHY_SECONDS + 15)
        assert stack.machines() == machines, "as when the network between them fails: all would go at once"
        assert stack.devices() == devices, "and no device was given back"
    stack.all_ready()
    assert stack.machines() == machines, "they came back"


def test_a_data_store_that_is_away_for_a_while_harms_nothing(stack: Stack) -> None:
    # The defaults: nodes come back one by one, and with a minute's patience the last of them would be replaced.
    stack.configure()
    stack.project.script("up", "--stack", NAME, "--timeout", "300").ok()
    machines, devices = stack.machines(), stack.devices()
    store = next(entry["pid"] for entry in stack.lab.state_file()["processes"] if entry["name"] == "tenants-etcd")
    os.kill(store, signal.SIGSTOP)
    try:
        time.sleep(45)
        status = stack.project.script("status", "--stack", NAME)
        assert "Traceback" not in status.output, status.output
        update = stack.project.up(NAME)
        assert "Traceback" not in update.output, update.output
    finally:
        os.kill(store, signal.SIGCONT)
    eventually(lambda: answers(stack), bool, 240, "the tenant's API server answers again")
    stack.all_ready()
    update = stack.project.up(NAME).ok()
    assert "updated" not in update, f"the stack has nothing to do:\n{update}"
    assert stack.machines() == machines, "no machine was replaced"
    assert stack.devices() == devices, "nor a device"
    stack.project.script("status", "--stack", NAME, "--wait", "--timeout", "240").ok()


def answers(stack: Stack) -> bool:
    """Whether the tenant's API server answers."""
    with contextlib.suppress(Exception):
        return bool(stack.nodes())
    return False
