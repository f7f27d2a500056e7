"""Hosts of Metal3 under the real baremetal-operator: the faults that a host's name asks for, and what a host is at last.

Then the same faults under a stack's machines, and what `status` says of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.advised_command import run
from tests.support.lab import Lab, eventually, nodes
from tests.support.metal3_lab import write
from tests.support.project import Project

BASE = "/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = {"Content-Type": "application/merge-patch+json"}
IMAGE = {"url": "http://images.invalid/x.qcow2", "checksum": "http://images.invalid/x.sha256", "format": "qcow2"}

FAULTS = {
    "demo-registration-error": ("registering", "registration error"),
    "demo-registering": ("registering", ""),
    "demo-inspecting": ("inspecting", ""),
    "demo-preparing-error": ("preparing", "preparation error"),
    "demo-provisioning": ("provisioning", ""),
    "demo-validation-error": ("provisioning", "provisioning error"),
}
"""Where a host of a name ends: its state, and the type of its error."""


@pytest.fixture(scope="module")
def rack(management: httpx.Client) -> Iterator[list[str]]:
    """A host for each fault, and one that is well; each is to get an image, as CAPM3 gives it to one that it claims."""
    names = [*FAULTS, "well"]
    for number, name in enumerate(names):
        secret = {"metadata": {"name": f"{name}-bmc"}, "stringData": {"username": "admin", "password": "secret"}}
        management.post(SECRETS, json=secret).raise_for_status()
        user_data = {"metadata": {"name": f"{name}-user"}, "stringData": {"userData": "#!/bin/sh\ntrue\n"}}
        management.post(SECRETS, json=user_data).raise_for_status()
        address = f"redfish-virtualmedia://127.0.0.1:8000/redfish/v1/Systems/{number}"
        spec = {
            "online": True,
            "bootMACAddress": f"00:60:2f:00:01:{number:02x}",
            "bmc": {"address": address, "credentialsName": f"{name}-bmc", "disableCertificateVerification": True},
            "image": IMAGE,
            "userData": {"name": f"{name}-user", "namespace": "default"},
        }
        host = {"apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost", "metadata": {"name": name}, "spec": spec}
        management.post(BASE, json=host).raise_for_status()
    yield names
    for name in names:
        management.delete(f"{BASE}/{name}")
        for part in ("bmc", "user"):
            management.delete(f"{SECRETS}/{name}-{part}")
    eventually(
        lambda: {item["metadata"]["name"] for item in management.get(BASE).json()["items"]} & set(names),
        lambda rest: not rest,
        90,
        "no host stays behind",
    )


def state_of(management: httpx.Client, name: str) -> tuple[str, str]:
    """State and type of error of a host."""
    status: dict[str, Any] = management.get(f"{BASE}/{name}").raise_for_status().json().get("status") or {}
    return str((status.get("provisioning") or {}).get("state", "")), str(status.get("errorType") or "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_host_gets_no_further_than_its_name_says(management: httpx.Client, rack: list[str], name: str) -> None:
    expected = FAULTS[name]
    eventually(lambda: state_of(management, name), lambda value: value == expected, 90, f"{name} {expected}")


def test_a_host_that_is_well_runs_what_it_is_given_and_the_lab_says_why_it_is_no_node(
    lab: Lab, management: httpx.Client, rack: list[str]
) -> None:
    eventually(lambda: state_of(management, "well"), lambda value: value == ("provisioned", ""), 90, "provisioned")

    def problem_of_host() -> str:
        return next((host["problem"] for host in lab.state_file()["hosts"] if host["name"] == "default/well"), "")

    problem = eventually(problem_of_host, bool, 60, "what becomes of it")
    assert "its user data is no cloud-config" in problem, problem
    output = lab.command("status").stdout
    assert f"host default/well is left out of its cluster: {problem}" in output, f"`lab status` names it:\n{output}"


def test_a_host_that_goes_runs_no_longer(lab: Lab, management: httpx.Client, rack: list[str]) -> None:
    eventually(lambda: state_of(management, "well"), lambda value: value[0] == "provisioned", 90, "provisioned")
    management.patch(f"{BASE}/well", json={"spec": {"online": False}}, headers=MERGE).raise_for_status()
    eventually(
        lambda: [host for host in lab.state_file()["hosts"] if host["name"] == "default/well"],
        lambda running: not running,
        60,
        "a host without power",
    )


NAMESPACE, STACK, SPARE = "faults", "faulty", "spare"
UNDER_A_MACHINE = {
    "demo-registration-error": (
        "fit pool=demo-registration-error: demo-registration-error (registering with registration error: failed to register",
        "Mend BareMetalHost/demo-registration-error",
    ),
    "demo-inspecting": ("demo-inspecting (inspecting)", "describe baremetalhost.metal3.io demo-inspecting"),
    "demo-preparing-error": (
        "demo-preparing-error (preparing with preparation error: preparing failed)",
        "Mend BareMetalHost/demo-preparing-error",
    ),
    "demo-validation-error": (
        "is provisioning with provisioning error: validation failed",
        "capm3.metal3.io/unhealthy=",
    ),
    "demo-provisioning": ("it is provisioning since", "Ironic's log"),
    "unlabelled": ("no node with label metal3.io/uuid=", "kubectl label node"),
    "nowhere": ("0 fit pool=nowhere", "metal3.hosts[].labels"),
}
"""What `status` says of a machine in the pool of a host, and what to do; in pool nowhere there is none."""


class Pools:
    """A stack with a pool for each fault, of which one at a time has a machine."""

    def __init__(self, lab: Lab, project: Project) -> None:
        self.lab, self.project = lab, project

    def scale(self, pool: str, replicas: int) -> None:
        """Ask for machines, as an autoscaler does."""
        path = f"/apis/cluster.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/machinedeployments/{STACK}-{pool}"
        with self.lab.management() as client:
            client.patch(path, json={"spec": {"replicas": replicas}}, headers=MERGE).raise_for_status()

    def machines(self) -> list[str]:
        machines = self.lab.items("cluster.x-k8s.io/v1beta2/machines")
        return [machine["metadata"]["name"] for machine in machines if machine["metadata"]["namespace"] == NAMESPACE]

    def host(self, name: str) -> dict[str, Any]:
        hosts = self.lab.items("metal3.io/v1alpha1/baremetalhosts")
        return next((host for host in hosts if host["metadata"]["name"] == name), {})

    def label(self, host: str, pool: str) -> None:
        """Let a host fit a pool's selector."""
        path = f"{BASE.replace('default', NAMESPACE)}/{host}"
        with self.lab.management() as client:
            client.patch(path, json={"metadata": {"labels": {"pool": pool}}}, headers=MERGE).raise_for_status()

    def follow(self, pattern: str, advice: str, kubeconfig: Path | None = None) -> None:
        """Run the command of an advice to the letter."""
        match = re.search(f"`(kubectl {pattern}[^`]*)`", advice)
        assert match, f"no command {pattern!r}: {advice}"
        run(kubeconfig or self.lab.kubeconfig, match[1])

    def node(self) -> str:
        """Name of the only machine, once it is a node; empty before."""
        machines = self.lab.items("cluster.x-k8s.io/v1beta2/machines")
        members = [machine for machine in machines if machine["metadata"]["namespace"] == NAMESPACE]
        return (
            members[0]["metadata"]["name"] if len(members) == 1 and members[0].get("status", {}).get("nodeRef") else ""
        )

    def empty(self, pool: str) -> None:
        """Give a pool's machine back."""
        self.scale(pool, 0)
        eventually(self.machines, lambda rest: not rest, 240, "its machine goes")

    def status(self) -> str:
        return " ".join(self.project.script("status", "--stack", STACK).output.split())


@pytest.fixture(scope="module")
def pools(lab: Lab, management: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pools]:
    project = Project.make(tmp_path_factory.mktemp("faults"), lab.environment())
    management.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}).raise_for_status()
    secret = {"metadata": {"name": "bmc"}, "stringData": {"username": "admin", "password": "secret"}}
    management.post(SECRETS.replace("default", NAMESPACE), json=secret).raise_for_status()
    names = [*(name for name in UNDER_A_MACHINE if name != "nowhere"), SPARE]
    hosts = [
        {
            "name": name,
            "labels": {"pool": name},
            "annotations": {"lab.kamaji-equinix/faults": "no-uuid-label"} if name == "unlabelled" else {},
            "bootMACAddress": f"00:60:2f:00:02:{number:02x}",
            "bmc": {
                "address": f"redfish-virtualmedia://127.0.0.1:8000/redfish/v1/Systems/{number}",
                "credentialsName": "bmc",
            },
        }
        for number, name in enumerate(names)
    ]
    write(project, lab, STACK, namespace=NAMESPACE, hosts=hosts, pools=list(UNDER_A_MACHINE))
    try:
        project.script("up", "--stack", STACK, "--timeout", "300").ok()
        yield Pools(lab, project)
    finally:
        project.script("destroy", "--yes", "--stack", STACK).ok()


@pytest.mark.parametrize("pool", UNDER_A_MACHINE)
def test_status_says_what_is_wrong_with_the_server_under_a_machine_and_what_to_do(pools: Pools, pool: str) -> None:
    reason, action = UNDER_A_MACHINE[pool]
    pools.scale(pool, 1)
    output = eventually(pools.status, lambda text: reason in text, 180, f"{pool}: {reason}")
    assert action in output, f"and what to do:\n{output}"
    pools.empty(pool)
    assert "consumerRef" not in pools.host(pool).get("spec", {}), "and its host is free"


def test_a_node_is_found_once_it_has_the_label_that_status_advises(pools: Pools, tmp_path: Path) -> None:
    tenant = tmp_path / "kubeconfig"
    tenant.write_text(pools.project.script("kubeconfig", "--stack", STACK).ok())
    pools.scale("unlabelled", 1)
    output = eventually(pools.status, lambda text: "kubectl label node" in text, 90, "the host without its label")
    (machine,) = pools.machines()
    # A node without its label outlives its machine, so that of the test before is still there.
    eventually(lambda: nodes(tenant.read_text()), lambda names: machine in names, 60, "the node without its label")
    pools.follow("label node", output, tenant)
    eventually(pools.node, bool, 240, "CAPM3 finds it")
    pools.empty("unlabelled")


def test_a_server_with_the_labels_that_status_asks_for_is_taken(pools: Pools) -> None:
    pools.scale("nowhere", 1)
    output = eventually(pools.status, lambda text: "0 fit pool=nowhere" in text, 60, "no host fits")
    pools.label(SPARE, "nowhere")
    eventually(pools.node, bool, 240, f"the machine has the server that was labelled as advised: {output}")
    pools.empty("nowhere")


def test_a_marked_server_is_passed_over_as_status_advises(pools: Pools) -> None:
    pool = "demo-validation-error"
    pools.scale(pool, 1)
    output = eventually(pools.status, lambda text: "validation failed" in text, 90, "the broken server")
    pools.label(SPARE, pool)
    pools.follow(f"-n {NAMESPACE} annotate", output)
    pools.follow(f"-n {NAMESPACE} delete machine", output)
    eventually(pools.node, bool, 240, "another server takes its place")
    assert "consumerRef" in pools.host(SPARE)["spec"], "the spare one"


def test_a_machine_whose_server_is_gone_is_replaced_as_status_advises(pools: Pools) -> None:
    (before,) = pools.machines()
    with pools.lab.management() as client:
        client.delete(f"{BASE.replace('default', NAMESPACE)}/{SPARE}").raise_for_status()
    output = eventually(pools.status, lambda text: "its server is gone" in text, 180, "the server is missed")
    pools.follow(f"-n {NAMESPACE} delete machine", output)
    eventually(pools.machines, lambda value: len(value) == 1 and before not in value, 120, "another machine")
    pools.empty("demo-validation-error")
