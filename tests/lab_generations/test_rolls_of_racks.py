"""A rack without a spare server on the lab: a roll that can't go on, its revert, the advice, a lost host, and the end."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.support.interruptions import start
from tests.support.lab import Lab, eventually
from tests.support.metal3_lab import HOSTS, write
from tests.support.project import Project

STACK = "rolls"
CORE = "cluster.x-k8s.io/v1beta2"
HOST_PATH = "/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts"
NO_SURGE = {"maxSurge": 0, "maxUnavailable": 1}

CLUSTER = f"/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters/{STACK}"


class Rack:
    """A stack with three hosts and a machine on each."""

    def __init__(self, lab: Lab, project: Project) -> None:
        self.lab, self.project = lab, project

    def configure(self, *, site: str = "", strategy: dict[str, Any] | None = None, replicas: int = 3) -> None:
        """Write its settings; another site is another data template, which rolls the machines."""
        metadata = {"ipAddressesFromPool": {"nodeIP": "nodes"}, **({"strings": {"site": site}} if site else {})}
        write(self.project, self.lab, STACK, replicas=replicas, metaData=metadata)
        if strategy:
            path = self.project.folder / f"Pulumi.{STACK}.yaml"
            document = yaml.safe_load(path.read_text())
            document["config"]["kamaji-equinix:workerPools"][0]["strategy"] = strategy
            path.write_text(yaml.safe_dump(document))

    def script(self, *arguments: str) -> str:
        return self.project.script(*arguments, "--stack", STACK).ok()

    def status(self) -> str:
        return " ".join(self.script("status").split())

    def machines(self) -> set[str]:
        """Names of the machines that are not going."""
        label = "cluster.x-k8s.io/cluster-name"
        machines = [item["metadata"] for item in self.lab.items(f"{CORE}/machines")]
        result = [metadata for metadata in machines if metadata["labels"][label] == STACK]
        return {item["name"] for item in result if "deletionTimestamp" not in item}

    def states(self) -> dict[str, str]:
        """Provisioning state of each host."""
        return {
            item["metadata"]["name"]: (item.get("status") or {}).get("provisioning", {}).get("state", "")
            for item in self.lab.items(HOSTS)
            if item["metadata"]["name"].startswith("rack-1-")
        }


@pytest.fixture(scope="module")
def rack(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    first_output = lab.command("up", "--contract", "v1beta2")
    assert first_output.returncode == 0, f"the lab is not of the second generation:\n{first_output.stdout}"
    result = Rack(lab, Project.make(tmp_path_factory.mktemp("rolls"), lab.environment()))
    result.configure()
    result.script("up", "--timeout", "400")
    yield result
    result.script("destroy", "--yes")


def stuck(rack: Rack, site: str) -> str:
    """Begin a roll that has no host for its first new machine; what `status` says then."""
    rack.configure(site=site)
    rack.script("up", "--no-wait")
    return eventually(rack.status, lambda text: "no host is free" in text, 180, "the new machine waits for a host")


def preview(rack: Rack) -> str:
    """The line about the pool's machines in a preview."""
    result = re.search(r"machines of default/rolls, pool worker-a: ([^\n]*)", rack.script("preview"))
    return result[1] if result else ""


def test_a_reverted_roll_touches_only_the_machine_that_it_had_added(rack: Rack) -> None:
    before = rack.machines()
    stuck(rack, "ams")
    assert len(rack.machines()) == 4, "one more, without a host"
    rack.configure()
    line = preview(rack)
    assert line.startswith("1 will be deleted;"), f"and no roll: {line}"
    assert "3 stay, because MachineSet" in line, line
    output = rack.script("up", "--timeout", "300")
    assert rack.machines() == before, f"as announced:\n{output}"
    assert preview(rack) == "", "and nothing is left to announce"


def test_a_roll_without_a_spare_host_goes_on_as_status_advises(rack: Rack) -> None:
    before = rack.machines()
    text = stuck(rack, "fra")
    advice = re.search(r"set `strategy: (\{[^}]*\})` of pool (\S+) in `workerPools`, and run `kamaji-equinix up`", text)
    assert advice, text
    assert advice[2] == "worker-a", "the pool by its name in the settings"
    rack.configure(site="fra", strategy=yaml.safe_load(advice[1]))
    output = rack.script("up", "--timeout", "600")
    after = rack.machines()
    assert (len(after), after & before) == (3, set()), f"all three are others:\n{output}"
    run, ready = (re.search(pattern, output) for pattern in (r"up took (\d+) s", r"rolls: ready after (\d+) s"))
    assert run, f"how long it took:\n{output}"
    assert ready, f"when the cluster was ready:\n{output}"
    assert abs(int(run[1]) - int(ready[1])) <= 2, f"one duration, not two:\n{output}"


def test_a_host_that_somebody_deletes_is_missed_and_comes_back(rack: Rack) -> None:
    rack.configure(site="fra", strategy=NO_SURGE, replicas=2)
    rack.script("up", "--timeout", "300")
    states = eventually(rack.states, lambda result: "available" in result.values(), 120, "a host without a machine")
    (spare,) = [name for name, state in states.items() if state == "available"]
    with rack.lab.management() as client:
        client.delete(f"{HOST_PATH}/{spare}").raise_for_status()
        eventually(
            lambda: client.get(f"{HOST_PATH}/{spare}").status_code,
            lambda code: code == httpx.codes.NOT_FOUND,
            60,
            "the host is gone",
        )
    text = rack.status()
    assert f"BareMetalHost/{spare}: it does not exist, and the settings declare it" in text, text
    assert f"BareMetalHost default/{spare}" in " ".join(rack.script("preview").split()), "a preview says so, too"
    output = rack.script("up", "--timeout", "300")
    assert "delete done" not in output, f"a refresh deletes nothing:\n{output}"
    eventually(rack.states, lambda result: result.get(spare) == "available", 120, "it is there again")
    assert "does not exist" not in rack.status(), "and nothing is missed"


def test_a_destroy_that_is_stopped_says_what_is_on_and_the_next_one_leaves_nothing(rack: Rack) -> None:
    process = start(rack.project, "destroy", "--yes", "--stack", STACK)
    with rack.lab.management() as client:
        eventually(
            lambda: client.get(CLUSTER).json()["metadata"].get("deletionTimestamp"), bool, 90, "its deletion has begun"
        )
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=90)
    all_output = " ".join(output.split())
    assert process.returncode == 130, "the shell is told that Ctrl-C ended it"
    assert f"`kamaji-equinix destroy --stack {STACK}` deletes what is left" in all_output, all_output
    assert f"Cluster default/{STACK} (being deleted, which goes on by itself)" in all_output, all_output
    assert "BareMetalHost default/rack-1-host-" in all_output, all_output
    output = rack.script("destroy", "--yes")
    leftovers = rack.lab.leftovers(STACK)
    assert not leftovers, f"nothing is left as soon as it ends: {leftovers}\n{output}"
    assert rack.states() == {}, "no host"
    secrets = [name for name in rack.lab.secrets("default") if name.startswith((STACK, "rack-1-"))]
    assert secrets == [], "and no Secret"
