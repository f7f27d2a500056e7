"""The end of clusters with add-ons: a finalizer in the tenant that nobody removes, a tenant that hangs, a killed run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from lab.kubeconfig import client_of
from tests.support.fleet import MERGE
from tests.support.interruptions import kill, require_absence, start, wait_for
from tests.support.lab import Lab
from tests.support.project import Project, dev_sections
from tests.support.stack_outputs import stack_outputs

SECONDS = 60.0
"""A destroy may take as long, whatever is in its way."""

POOL = "/apis/network.lab/v1/addresspools/default"


@pytest.fixture
def network(lab: Lab) -> Iterator[None]:
    """Nodes need the add-on, as real ones do."""
    lab.command("set", "--network", "required", "--gate")
    yield
    lab.command("set", "--network", "provided")


def project(lab: Lab, folder: Path, name: str) -> Project:
    """A project with one cluster of one machine and the lab's network plugin."""
    instance = Project.make(folder / "project", lab.environment())
    sections = dev_sections(lab.kubeconfig, network=True)
    sections["cluster"] = {**sections["cluster"], "name": name}
    sections["controlPlane"] = {**sections["controlPlane"], "name": f"{name}-plane"}
    sections["workerPools"] = [{**sections["workerPools"][0], "replicas": 1}]
    instance.configure(name, **sections)
    return instance


def check_destroy(lab: Lab, project: Project, name: str) -> None:
    """Destroy it, see how long that takes, and that nothing is left."""
    beginning = time.monotonic()
    output = project.script("destroy", "--yes", "--stack", name).ok()
    seconds = time.monotonic() - beginning
    require_absence(lab, name)
    print(f"{name}: destroyed in {seconds:.1f} s, nothing left after {time.monotonic() - beginning:.1f} s", flush=True)
    assert seconds < SECONDS, f"the add-on held it up for {seconds:.0f} s:\n{output}"


@pytest.mark.usefixtures("network")
def test_a_finalizer_in_the_tenant_that_nobody_removes(lab: Lab, tmp_path: Path) -> None:
    instance = project(lab, tmp_path, "held")
    instance.script("up", "--stack", "held", "--timeout", "300").ok()
    with client_of(yaml.safe_load(stack_outputs(instance, "held")["kubeconfig"])) as client:
        patch = {"metadata": {"finalizers": ["network.lab/held"]}}
        client.patch(POOL, json=patch, headers=MERGE).raise_for_status()
        client.delete(POOL).raise_for_status()
        assert client.get(POOL).json()["metadata"]["deletionTimestamp"], "it hangs"
    check_destroy(lab, instance, "held")


@pytest.mark.usefixtures("network")
def test_a_tenant_that_hangs(lab: Lab, tmp_path: Path) -> None:
    instance = project(lab, tmp_path, "hung")
    instance.script("up", "--stack", "hung", "--timeout", "300").ok()
    frozen = [
        entry
        for entry in psutil.process_iter(["cmdline"])
        if "default_hung-plane" in " ".join(entry.info["cmdline"] or ())
    ]
    assert frozen, "the tenant's programs run"
    for process in frozen:
        process.suspend()
    try:
        check_destroy(lab, instance, "hung")
    finally:
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


@pytest.mark.usefixtures("network")
def test_a_run_that_was_killed_while_it_installed(lab: Lab, tmp_path: Path) -> None:
    instance = project(lab, tmp_path, "cut")
    process = start(instance, "up", "--stack", "cut", "--timeout", "300")
    wait_for(process, "add-on network is being installed", 120)
    kill(process)
    check_destroy(lab, instance, "cut")


@pytest.mark.usefixtures("network")
def test_a_run_that_was_killed_while_it_installed_is_gone_on_with(lab: Lab, tmp_path: Path) -> None:
    instance = project(lab, tmp_path, "resumed")
    process = start(instance, "up", "--stack", "resumed", "--timeout", "300")
    wait_for(process, "add-on network is being installed", 120)
    kill(process)
    instance.script("up", "--stack", "resumed", "--timeout", "300").ok()
    status = instance.script("status", "--stack", "resumed").ok()
    assert "Blocked" not in status, f"all of it is there:\n{status}"
    check_destroy(lab, instance, "resumed")
