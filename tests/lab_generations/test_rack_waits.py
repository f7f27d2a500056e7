"""Machines on servers of one's own that wait for what no server can give: an address, and a node that is not another's."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.advised_command import KUBECTL, run
from tests.support.lab import Lab, eventually, nodes
from tests.support.metal3_lab import HOSTS, write
from tests.support.project import Project

NAMESPACE, STACK = "waits", "waiting"
MERGE = {"Content-Type": "application/merge-patch+json"}
MACHINES = "cluster.x-k8s.io/v1beta2/machines"
DEPLOYMENT = f"/apis/cluster.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/machinedeployments/{STACK}-{{}}"
HOST = f"/apis/metal3.io/v1alpha1/namespaces/{NAMESPACE}/baremetalhosts/{{}}"
POOLS = ("scarce", "scarcer", "stale")
FIRST = "10.10.0.100"


class Waiting:
    """A stack whose pools have as many machines as an autoscaler asks for, of which one host each is there."""

    def __init__(self, lab: Lab, project: Project, management: httpx.Client) -> None:
        self.lab, self.project, self.management = lab, project, management

    def write(self, end: str) -> None:
        """Write the stack's settings, with a pool of addresses that ends at ``end``."""
        hosts = [
            {
                "name": f"{pool}-host",
                "labels": {"pool": pool},
                "bootMACAddress": f"00:60:2f:00:03:{number:02x}",
                "annotations": {"lab.kamaji-equinix/faults": "no-uuid-label"} if pool == "stale" else {},
                "bmc": {
                    "address": f"redfish-virtualmedia://127.0.0.1:8000/redfish/v1/Systems/{number}",
                    "credentialsName": "bmc",
                },
            }
            for number, pool in enumerate(POOLS)
        ]
        ip_pool = {"name": "nodes", "ranges": [{"start": FIRST, "end": end}], "prefix": 24, "gateway": "10.10.0.1"}
        write(self.project, self.lab, STACK, namespace=NAMESPACE, hosts=hosts, pools=POOLS, ipPools=[ip_pool])
        path = self.project.folder / f"Pulumi.{STACK}.yaml"
        document = yaml.safe_load(path.read_text())
        for pool in document["config"]["kamaji-equinix:workerPools"]:
            del pool["replicas"]
            pool |= {"min": 0, "max": 1}
        path.write_text(yaml.safe_dump(document))

    def up(self) -> str:
        return self.project.script("up", "--no-wait", "--stack", STACK).ok()

    def scale(self, pool: str, replicas: int) -> None:
        """Ask for machines, as an autoscaler does."""
        body = {"spec": {"replicas": replicas}}
        self.management.patch(DEPLOYMENT.format(pool), json=body, headers=MERGE).raise_for_status()

    def machines(self, pool: str) -> dict[str, str]:
        """The node of each machine of a pool, by the machine's name; empty where it has none."""
        return {
            machine["metadata"]["name"]: (machine.get("status", {}).get("nodeRef") or {}).get("name", "")
            for machine in self.lab.items(MACHINES)
            if machine["metadata"]["namespace"] == NAMESPACE
            and machine["metadata"]["labels"]["cluster.x-k8s.io/deployment-name"] == f"{STACK}-{pool}"
        }

    def joined(self, pool: str, seconds: float = 240) -> str:
        """Name of the only machine of a pool, once its node of the same name has joined."""
        machines = eventually(
            lambda: self.machines(pool),
            lambda machines: len(machines) == 1 and all(name == node for name, node in machines.items()),
            seconds,
            f"the machine of pool {pool} is a node",
        )
        return next(iter(machines))

    def empty(self, pool: str) -> None:
        """Give a pool's machines back."""
        self.scale(pool, 0)
        eventually(lambda: self.machines(pool), lambda rest: not rest, 240, "its machines go")

    def host(self, pool: str) -> dict[str, Any]:
        return next(host for host in self.lab.items(HOSTS) if host["metadata"]["name"] == f"{pool}-host")

    def status(self) -> str:
        return " ".join(self.project.script("status", "--stack", STACK).output.split())

    def says(self, text: str, seconds: float = 120) -> str:
        """What status says, once a text is in it."""
        return eventually(self.status, lambda status: text in status, seconds, text)

    def follow(self, pattern: str, status: str, kubeconfig: Path | None = None) -> None:
        """Run the command of an advice to the letter."""
        match = re.search(f"`(kubectl {pattern}[^`]*)`", status)
        assert match, f"no command {pattern!r}: {status}"
        run(kubeconfig or self.lab.kubeconfig, match[1])


@pytest.fixture(scope="module")
def waiting(lab: Lab, management: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waiting]:
    project = Project.make(tmp_path_factory.mktemp("waits"), lab.environment())
    management.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}).raise_for_status()
    secret = {"metadata": {"name": "bmc"}, "stringData": {"username": "admin", "password": "secret"}}
    management.post(f"/api/v1/namespaces/{NAMESPACE}/secrets", json=secret).raise_for_status()
    stack = Waiting(lab, project, management)
    stack.write(FIRST)
    try:
        warnings = stack.up()
        assert "has 1 address, but pools scarce, scarcer, stale may have 3 machines" in " ".join(warnings.split()), (
            f"the run says beforehand what will be short:\n{warnings}"
        )
        yield stack
    finally:
        project.script("destroy", "--yes", "--stack", STACK).ok()


@pytest.fixture(scope="module")
def tenant(waiting: Waiting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tenant's kubeconfig."""
    path = tmp_path_factory.mktemp("tenant") / "kubeconfig"
    path.write_text(waiting.project.script("kubeconfig", "--stack", STACK).ok())
    return path


def test_an_exhausted_pool_is_blamed_and_a_machine_less_takes_the_reason_away(waiting: Waiting) -> None:
    waiting.scale("scarce", 1)
    waiting.joined("scarce")
    waiting.scale("scarcer", 1)
    status = waiting.says(f"Blocked by IPPool/{STACK}-nodes")
    assert "Exhausted IP Pools. It has 1 address, 1 is taken, and 2 machines ask for one" in status, status
    assert "BareMetalHost/" not in status.partition("Blocked by")[2], f"no server is to blame: {status}"
    waiting.empty("scarcer")
    eventually(waiting.status, lambda text: "Blocked by" not in text, 60, "nothing is left to say")


def test_a_pool_without_addresses_is_blamed_for_a_server_that_is_not_installed_and_the_advice_installs_it(
    waiting: Waiting,
) -> None:
    waiting.scale("scarcer", 1)
    status = waiting.says(f"Blocked by IPPool/{STACK}-nodes")
    (machine,) = waiting.machines("scarcer")
    waiting.write("10.10.0.109")
    waiting.up()
    waiting.follow(f"-n {NAMESPACE} delete machine {machine}", status)
    assert waiting.joined("scarcer") != machine, "another machine has an address of the longer range"
    for pool in ("scarcer", "scarce"):
        waiting.empty(pool)


def stale_node(waiting: Waiting, tenant: Path) -> str:
    """Leave a node of a machine that is gone, as one does that gets its label too late."""
    body = {"metadata": {"annotations": {"lab.kamaji-equinix/faults": "no-uuid-label"}}}
    waiting.management.patch(HOST.format("stale-host"), json=body, headers=MERGE).raise_for_status()
    waiting.scale("stale", 1)
    (machine,) = eventually(lambda: waiting.machines("stale"), bool, 60, "a machine")
    eventually(lambda: nodes(tenant.read_text()), lambda names: machine in names, 120, "its node without a label")
    waiting.empty("stale")
    uid = waiting.host("stale")["metadata"]["uid"]
    kubectl(tenant, "label", "node", machine, f"metal3.io/uuid={uid}")
    body = {"metadata": {"annotations": {"lab.kamaji-equinix/faults": ""}}}
    waiting.management.patch(HOST.format("stale-host"), json=body, headers=MERGE).raise_for_status()
    return machine


def kubectl(kubeconfig: Path, *words: str) -> str:
    command = [KUBECTL, "--kubeconfig", kubeconfig, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_machine_that_is_bound_to_a_node_of_another_gets_its_own_as_status_advises(
    waiting: Waiting, tenant: Path
) -> None:
    former = stale_node(waiting, tenant)
    waiting.scale("stale", 1)
    status = waiting.says(f"it is bound to Node/{former}, which is not its own", 240)
    assert f"it was left by Machine/{former}, which is gone" in status, status
    waiting.follow(f"delete node {former}", status, tenant)
    waiting.follow(f"-n {NAMESPACE} patch machines", status)
    machine = waiting.joined("stale")
    eventually(waiting.status, lambda text: "Blocked by" not in text, 60, "nothing is left to say")
    waiting.empty("stale")
    assert not {former, machine} & nodes(tenant.read_text()).keys(), "no node stays behind this time"


def test_a_node_of_another_machine_that_keeps_one_from_its_own_is_deleted_as_status_advises(
    waiting: Waiting, tenant: Path
) -> None:
    former = stale_node(waiting, tenant)
    provider_id = f"metal3://{NAMESPACE}/stale-host/{former}"
    kubectl(tenant, "patch", "node", former, "-p", f'{{"spec":{{"providerID":"{provider_id}"}}}}')
    waiting.scale("stale", 1)
    status = waiting.says(f"Blocked by Node/{former}: it was left by Machine/{former}, which is gone", 240)
    waiting.follow(f"delete node {former}", status, tenant)
    waiting.joined("stale")
    waiting.empty("stale")
