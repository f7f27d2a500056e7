"""What somebody deletes or changes behind a stack's back: status tells, plain Pulumi has words for it, and `up` mends it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from lab.kubeconfig import client_of
from tests.support.interruptions import require_absence, sections
from tests.support.lab import Lab, eventually, nodes
from tests.support.project import Project
from tests.support.stack_outputs import stack_outputs

STACK = "losses"
CORE = "/apis/cluster.x-k8s.io/v1beta1/namespaces/default"
PLANES = "/apis/controlplane.cluster.x-k8s.io/{}/namespaces/default/kamajicontrolplanes"
GREETING = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting", "namespace": "default"}}
MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Losing:
    """A stack with two pools of one machine each."""

    lab: Lab
    project: Project

    def delete(self, path: str) -> None:
        """Delete an object and wait until it is gone."""
        with self.lab.management() as client:
            client.delete(path).raise_for_status()
            eventually(lambda: client.get(path).status_code, lambda code: code == 404, 60, f"{path} is gone")

    def status(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.project.script_here("status", "--json", "--stack", STACK).ok())[STACK]
        return report

    def machines(self) -> set[str]:
        return {
            item["metadata"]["name"]
            for item in self.lab.items("cluster.x-k8s.io/v1beta1/machines")
            if item["metadata"]["name"].startswith(f"{STACK}-")
        }

    def devices(self) -> set[str]:
        return {device["id"] for device in self.lab.devices(f"{STACK}-")}


@pytest.fixture(scope="module")
def losing(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Losing:
    assert lab.command("set", "--gate").returncode == 0, "the hand-off is this program's own"
    project = Project.make(tmp_path_factory.mktemp("project"), lab.environment())
    wish = sections(lab, STACK)
    pool = wish["workerPools"][0]
    pools = [{**pool, "name": name} for name in ("a", "b")]
    project.configure(STACK, **{**wish, "workerPools": pools, "addons": [{"name": "greeting", "objects": [GREETING]}]})
    project.script_here("up", "--stack", STACK, "--timeout", "300").ok()
    return Losing(lab, project)


def test_status_tells_what_is_otherwise_than_asked_and_its_advice_mends_it(losing: Losing) -> None:
    assert losing.status()["differences"] == [], "after up there is none"
    losing.delete(f"{CORE}/machinedeployments/{STACK}-b")
    with losing.lab.management() as client:
        scaled = client.patch(
            f"{CORE}/machinedeployments/{STACK}-a", json={"spec": {"replicas": 2}}, headers=MERGE
        ).raise_for_status()
    assert scaled.is_success, "somebody else changes a pool"
    eventually(losing.machines, lambda value: len(value) == 2, 60, "the second machine of pool a, and none of pool b")
    eventually(
        lambda: losing.status()["blockedBy"],
        lambda value: value and value["subject"].startswith("MachineDeployment/"),
        120,
        "all conditions are true, and the cluster is not called ready nevertheless",
    )
    report = losing.status()
    assert {difference["subject"]: difference["reason"] for difference in report["differences"]} == {
        f"MachineDeployment/{STACK}-a": "it is for 2 machines, and 1 are asked for",
        f"MachineDeployment/{STACK}-b": "it does not exist, and pool b with 1 machine is asked for",
    }, "both"
    plain = losing.project.pulumi("preview", "--stack", STACK).ok()
    assert "somebody else has deleted its MachineDeployment" in plain, f"plain pulumi makes none, and says so:\n{plain}"
    assert all("kamaji-equinix up" in difference["action"] for difference in report["differences"]), "the advice"
    losing.project.script_here("up", "--stack", STACK, "--timeout", "300").ok()
    report = losing.status()
    assert (report["ready"], report["differences"]) == (True, []), "the advice worked"
    assert len(losing.machines()) == 2, "one of each pool"


def test_a_control_plane_that_is_lost_takes_no_machine_that_stays_billed_with_it(losing: Losing) -> None:
    machines, devices = losing.machines(), losing.devices()
    losing.delete(f"{PLANES.format(losing.lab.kamaji_version())}/{STACK}-plane")
    blocker = losing.status()["blockedBy"]
    assert blocker["subject"] == f"KamajiControlPlane/{STACK}-plane", "what is gone"
    assert "the 2 living machines can't join it, and are replaced" in blocker["action"], "what `up` will do"
    for command in (["preview"], ["up", "--yes", "--skip-preview"]):
        plain = losing.project.pulumi(*command, "--stack", STACK)
        assert plain.code != 0, f"it can't go on from its state alone:\n{plain.output}"
        message = f"KamajiControlPlane default/{STACK}-plane, which this stack has made, does not exist any more"
        assert message in plain.output, f"in words:\n{plain.output}"
        assert "resource 'default/" not in plain.output, f"not in the engine's:\n{plain.output}"
    output = losing.project.script_here("up", "--stack", STACK, "--timeout", "400").ok()
    assert "new certificate authority and no data" in output, f"it is said loudly:\n{output}"
    for pool in ("a", "b"):
        assert f"warning: machines of default/{STACK}, pool {pool}: 1 will roll; they joined" in output, (
            f"{pool}:\n{output}"
        )
    eventually(losing.machines, lambda value: len(value) == 2 and not value & machines, 120, "each machine is another")
    eventually(losing.devices, lambda value: len(value) == 2 and not value & devices, 60, "the devices are given back")
    kubeconfig = stack_outputs(losing.project, STACK)["kubeconfig"]
    eventually(lambda: nodes(kubeconfig), lambda value: list(value.values()) == [True] * 2, 60, "their nodes are ready")
    with client_of(yaml.safe_load(kubeconfig)) as client:
        code = client.get("/api/v1/namespaces/default/configmaps/greeting").status_code
    assert code == 200, f"the add-on went with the data, and came again:\n{output}"
    preview = losing.project.pulumi("preview", "--expect-no-changes", "--stack", STACK)
    assert preview.code == 0, f"there is nothing left to do:\n{preview.output}"
    assert losing.status()["ready"], "and nothing to say"


def test_destroy_leaves_nothing_of_it(losing: Losing) -> None:
    losing.project.script_here("destroy", "--yes", "--stack", STACK).ok()
    require_absence(losing.lab, f"{STACK}-", STACK)
