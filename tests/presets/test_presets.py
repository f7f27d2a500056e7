"""Upstream's charts of network plugins with this program's values, in a tenant cluster whose nodes have no network before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kamaji_equinix.components.manifests.network_plugins import PLUGINS

from lab.kubeconfig import client_of
from tests.support.charts import ChartServer
from tests.support.lab import Lab, eventually, nodes
from tests.support.project import Project, dev_sections
from tests.support.stack_outputs import stack_outputs

CHARTS = os.environ.get("KAMAJI_EQUINIX_CHARTS")
MACHINES = 2
NOT_RUN = {"calico"}
"""Their DaemonSet is made by an operator, which the lab does not run: a container of it is simulated, as all are."""

WORKLOADS = {
    "cilium": (
        "kube-system/daemonsets/cilium",
        "kube-system/daemonsets/cilium-envoy",
        "kube-system/deployments/cilium-operator",
    ),
    "calico": ("tigera-operator/deployments/tigera-operator",),
    "flannel": ("kube-flannel/daemonsets/kube-flannel-ds",),
}


@dataclass
class Installation:
    """A stack with a preset that has come up."""

    plugin: str
    project: Project
    sections: dict[str, Any]
    output: str
    client: httpx.Client
    kubeconfig: str

    def ready(self, workload: str) -> tuple[int, int]:
        """How many of a workload's pods are ready, and how many there should be."""
        obj = self.client.get(f"/apis/apps/v1/namespaces/{workload}").raise_for_status().json()
        status = obj["status"]
        if obj["kind"] == "DaemonSet":
            return int(status.get("numberReady") or 0), int(status["desiredNumberScheduled"])
        return int(status.get("availableReplicas") or 0), int(obj["spec"]["replicas"])


@pytest.fixture(scope="module", autouse=True)
def without_network(lab: Lab) -> Iterator[None]:
    """Nodes need a network plugin, as real ones do."""
    lab.command("set", "--network", "required")
    yield
    lab.command("set", "--network", "provided")


@pytest.fixture(scope="module", params=sorted(PLUGINS))
def installation(
    lab: Lab, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    plugin = str(request.param)
    server = ChartServer(Path(CHARTS) / PLUGINS[plugin].chart) if CHARTS else None
    project = Project.make(tmp_path_factory.mktemp(plugin), lab.environment())
    sections = dev_sections(lab.kubeconfig)
    sections["cluster"] = {**sections["cluster"], "name": plugin}
    sections["controlPlane"] = {**sections["controlPlane"], "name": f"{plugin}-plane"}
    sections["workerPools"] = [{**sections["workerPools"][0], "replicas": MACHINES}]
    sections["network"] = {"plugin": plugin, **({"repository": server.repository} if server else {})}
    project.configure(plugin, **sections)
    project.pulumi("stack", "init", plugin).ok()
    output = project.up(plugin).ok()
    kubeconfig = stack_outputs(project, plugin)["kubeconfig"]
    with client_of(yaml.safe_load(kubeconfig)) as client:
        yield Installation(plugin, project, sections, output, client, kubeconfig)
    start = time.monotonic()
    result = project.script("destroy", "--yes", "--stack", plugin)
    print(f"{plugin}: destroyed in {time.monotonic() - start:.0f} s", flush=True)
    if server:
        server.close()
    assert result.code == 0, f"the cluster goes with its network plugin:\n{result.output}"
    assert not lab.leftovers(plugin), "nothing is left"


def test_the_version_is_the_one_whose_keys_were_read(installation: Installation) -> None:
    if CHARTS:
        chart = yaml.safe_load((Path(CHARTS) / PLUGINS[installation.plugin].chart / "Chart.yaml").read_text())
        assert chart["version"] == PLUGINS[installation.plugin].version, "the folder has another one"


def test_its_workloads_run(installation: Installation) -> None:
    for workload in WORKLOADS[installation.plugin]:
        eventually(
            lambda workload=workload: installation.ready(workload),  # type: ignore[misc]
            lambda counts: counts[0] == counts[1] > 0,
            180,
            f"the pods of {workload} are ready",
        )


def test_the_nodes_are_ready_by_its_pods(installation: Installation) -> None:
    if installation.plugin in NOT_RUN:
        assert not any(nodes(installation.kubeconfig).values()), "no node is Ready without the plugin's own DaemonSet"
        return
    eventually(
        lambda: nodes(installation.kubeconfig),
        lambda value: len(value) == MACHINES and all(value.values()),
        180,
        "each node is Ready",
    )
    status = installation.project.script("status", "--stack", installation.plugin).ok()
    assert "Blocked" not in status, f"and nothing blocks:\n{status}"


def test_a_second_run_changes_nothing(installation: Installation) -> None:
    result = installation.project.up(installation.plugin, "--expect-no-changes")
    assert result.code == 0, f"a chart that is rendered anew is the same:\n{result.output}"


def test_another_mtu_goes_into_the_living_objects(installation: Installation) -> None:
    network = {**installation.sections["network"], "mtu": 1400}
    installation.project.configure(installation.plugin, **{**installation.sections, "network": network})
    output = installation.project.up(installation.plugin).ok()
    changes = [line for line in output.splitlines() if " updated" in line or " deleted" in line or " replaced" in line]
    assert changes, f"something changes:\n{output}"
    assert not any(" replaced" in line or " deleted" in line for line in changes), f"in place:\n{output}"
    for workload in WORKLOADS[installation.plugin]:
        eventually(
            lambda workload=workload: installation.ready(workload),  # type: ignore[misc]
            lambda counts: counts[0] == counts[1] > 0,
            180,
            f"the pods of {workload} are ready again",
        )
