"""The whole way with the real controllers: two clusters come up, one by each writer of the endpoint, and go again."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from kamaji_equinix.components.capi.reading import control_plane_ready

from bench.pictures import FOLDER, words
from lab.kubeconfig import client_of
from tests.support.clusterctl import NEWER_HEADER, cells, describe, newer_table
from tests.support.generation import generation
from tests.support.interruptions import require_absence
from tests.support.lab import Lab, eventually, nodes
from tests.support.project import CommandResult, Project, dev_sections

CLUSTERS = ("capi-quickstart", "second")


@dataclass
class Run:
    """A stack that has come up."""

    project: Project
    output: str
    outputs: dict[str, Any]
    start: float


@pytest.fixture(scope="module")
def project(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project on a lab whose nodes need a network plugin, as real ones do."""
    lab.command("set", "--network", "required")
    yield Project.make(tmp_path_factory.mktemp("project"), lab.environment())
    lab.command("set", "--network", "provided")


@pytest.fixture(scope="module")
def run(lab: Lab, project: Project) -> Run:
    project.configure("dev", **dev_sections(lab.kubeconfig, network=True))
    start = time.time()
    result = project.script("up", "--stack", "dev", "--timeout", "300")
    return Run(project, result.ok(), stack_outputs(project, "dev"), start)


def stack_outputs(project: Project, stack: str) -> dict[str, Any]:
    output = project.pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack).ok()
    outputs: dict[str, Any] = json.loads(output)
    return outputs


def when(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_the_tree_ends_with_all_true_and_agrees_with_clusterctl(lab: Lab, run: Run) -> None:
    status = run.project.script("status", "--stack", "dev").ok()
    version = generation().version("capi-core")
    upstream = describe(lab.kubeconfig, "capi-quickstart", version=version)
    if version:
        rows, expected = newer_table(status), newer_table(upstream)
        states = {row[NEWER_HEADER.index("STATUS")] for row in rows[1:]}
    else:
        rows, expected = cells(status), cells(upstream)
        states = {ready for _, ready in rows}
    assert rows == expected, f"the tree must agree with clusterctl row by row:\n{status}\n{upstream}"
    assert states == {"", "True"}, f"not all is True:\n{status}"
    assert any(row[0].endswith("3 Machines...") for row in rows), f"three machines share a row:\n{status}"


def test_the_readmes_pictures_show_what_the_program_says_today(run: Run) -> None:
    status = run.project.script("status", "--stack", "dev").ok()
    pictures = {name: words((FOLDER / f"{name}.svg").read_text()) for name in ("hand-off", "tree")}
    for word in ("NAME", "READY", "SEVERITY", "REASON", "SINCE", "MESSAGE", "ClusterInfrastructure", "Machines..."):
        # The picture is of the first generation, whose table alone has a severity.
        if word != "SEVERITY" or generation().contract == "v1beta1":
            assert word in status, f"the tree has no {word}; this test looks for the wrong words:\n{status}"
        assert word in pictures["tree"], f"the picture of the tree lacks {word}: run `make pictures`"
    dial = next((line for line in run.output.splitlines() if ": dial: " in line), "")
    assert "waits until" in dial, f"the run tells what it dials and what it waits for:\n{run.output}"
    lacks = words(dial.split(": dial: ")[1]) - pictures["hand-off"]
    assert not lacks, f"the picture of the hand-off lacks {lacks} of {dial!r}: run `make pictures`"


def test_control_plane_and_infrastructure_say_ready(lab: Lab, run: Run) -> None:
    (infrastructure,) = lab.items("infrastructure.cluster.x-k8s.io/v1beta1/packetclusters")
    (plane,) = lab.control_planes()
    assert infrastructure["status"]["ready"] is True, "the hand-off marks it"
    assert control_plane_ready(plane), "Kamaji's provider marks it"
    assert run.outputs["controlPlaneEndpoint"].startswith("127.0.0."), "the lab's load balancers are on loopback"


def test_with_the_gate_on_pulumi_set_the_endpoint(lab: Lab, run: Run) -> None:
    assert lab.state_file()["gate"] is True, "the lab's default leaves the endpoint to this program"
    assert run.outputs["endpointSetBy"] == "pulumi", "nobody else wrote it"


def test_the_kubeconfig_output_lists_three_ready_nodes(run: Run) -> None:
    states = nodes(run.outputs["kubeconfig"])
    assert len(states) == 3, f"one node for each machine: {states}"
    assert all(states.values()), f"a node is not Ready: {states}"


def test_a_users_deployment_becomes_available_and_its_service_gets_endpoints(run: Run) -> None:
    labels = {"app": "hello"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "hello", "image": "nginx"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": "hello"}
    slices = (
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=hello"
    )
    with client_of(yaml.safe_load(run.outputs["kubeconfig"])) as client:
        path = "/apis/apps/v1/namespaces/default/deployments"
        client.post(path, json={"metadata": metadata, "spec": spec}).raise_for_status()
        service = {"metadata": metadata, "spec": {"selector": labels, "ports": [{"port": 80}]}}
        client.post("/api/v1/namespaces/default/services", json=service).raise_for_status()

        def available() -> int:
            status = client.get(f"{path}/hello").raise_for_status().json()["status"]
            return int(status.get("availableReplicas") or 0)

        def endpoints() -> list[str]:
            items = client.get(slices).raise_for_status().json()["items"]
            ready = [e for item in items for e in item["endpoints"] or [] if e["conditions"]["ready"]]
            return [address for endpoint in ready for address in endpoint["addresses"]]

        eventually(
            available, lambda count: count == 3, 90, "three replicas that the scheduler has placed are available"
        )
        eventually(endpoints, lambda value: len(set(value)) == 3, 60, "each pod is an endpoint of the Service")


def test_no_device_was_asked_for_before_the_control_plane_answered(lab: Lab, run: Run) -> None:
    answer_time = lab.state_file()["balancers"]["default/capi-equinix-control-plane"]
    with contextlib.closing(lab.metal()) as metal:
        orders = [call for call in metal.calls("POST") if call.time > run.start]
    assert len(orders) == 3, f"one order for each machine: {orders}"
    assert min(order.time for order in orders) > answer_time, (
        "a machine was billed while its control plane did not answer"
    )


def test_the_first_machine_comes_soon_after_the_hand_off(lab: Lab, run: Run) -> None:
    (deployment,) = lab.items("cluster.x-k8s.io/v1beta1/machinedeployments")
    machines = lab.items("cluster.x-k8s.io/v1beta1/machines")
    first = min(when(machine["metadata"]["creationTimestamp"]) for machine in machines)
    delay = first - when(deployment["metadata"]["creationTimestamp"])
    assert delay <= 20, f"Kamaji's provider was in its backoff: the first Machine came {delay:.0f} s after the hand-off"


def test_cluster_api_finds_its_way_to_the_tenant_at_its_first_look(lab: Lab, run: Run) -> None:
    looks = [
        line
        for controller in ("capi-core", "capi-bootstrap-kubeadm")
        for line in (lab.folder.logs / f"{controller}.log").read_text().splitlines()
        if 'controller="clustercache"' in line and 'Cluster="default/capi-quickstart"' in line
    ]
    assert any('"Connected"' in line for line in looks), "it was looked for what the controllers log"
    # On a machine that is busy the tenant's answer may come too late for one of them; that is another failure.
    failures = [line for line in looks if '"Connect failed"' in line and "getting kubeconfig secret" in line]
    assert not failures, f"the next look comes only after 30 s, and with it the first machine: {failures}"


def test_the_secret_with_the_kubeconfig_is_kamajis(lab: Lab, run: Run) -> None:
    with lab.management() as client:
        path = "/api/v1/namespaces/default/secrets/capi-quickstart-kubeconfig"
        secret = client.get(path).raise_for_status().json()
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["kind"] == "KamajiControlPlane", "it goes with the control plane"
    assert owner["controller"] is True, "Kamaji's provider took it over"
    assert secret["metadata"]["labels"]["kamaji.clastix.io/tcp"] == "capi-equinix-control-plane", "with its labels"


def test_a_second_up_changes_nothing(run: Run) -> None:
    start = time.monotonic()
    output = run.project.up("dev").ok()
    seconds = time.monotonic() - start
    assert re.search(r"\b\d+ unchanged", output), f"something changed:\n{output}"
    assert "updated" not in output, f"something changed:\n{output}"
    assert seconds < 60, f"an up that changes nothing took {seconds:.0f} s"


def test_a_version_that_kamaji_refuses_is_told_before_anything_is_written(lab: Lab, run: Run) -> None:
    sections = dev_sections(lab.kubeconfig, network=True)
    newer = {**sections, "cluster": {**sections["cluster"], "kubernetesVersion": "1.33.5"}}
    run.project.configure("dev", **newer)
    for result in (run.project.pulumi("preview", "--stack", "dev"), run.project.up("dev")):
        assert result.code != 0, f"Kamaji would refuse it later:\n{result.output}"
        assert "cluster.kubernetesVersion" in result.output, f"the setting is named:\n{result.output}"
        flat = " ".join(result.output.split())
        assert "greater than the supported one, actually 1.33.0" in flat, f"in Kamaji's own words:\n{result.output}"
    (plane,) = lab.control_planes()
    assert plane["spec"]["version"] == "1.33.0", "nothing was written"
    run.project.configure("dev", **sections)


def test_a_preview_tells_as_data_which_machines_would_go(lab: Lab, run: Run) -> None:
    sections = dev_sections(lab.kubeconfig, network=True)
    (pool,) = sections["workerPools"]
    run.project.configure("dev", **{**sections, "workerPools": [{**pool, "name": "other"}]})
    output = run.project.script("preview", "--stack", "dev", "--json").ok()
    run.project.configure("dev", **sections)
    counts = {
        change["pool"]: (change["deleted"], change["rolled"], change["added"])
        for change in json.loads(output[output.index("\n{\n") :])["machines"]
    }
    assert counts == {pool["name"]: (3, 0, 0), "other": (0, 0, 3)}, f"a renamed pool goes and comes:\n{output}"


def test_a_check_finds_nothing_amiss(run: Run) -> None:
    output = run.project.script("check", "--json", "--stack", "dev").ok()
    report = json.loads(output[output.index("{\n") :])
    assert (report["ready"], report["missing"], report["notes"]) == (True, [], []), f"all is there:\n{output}"
    kinds = {line.partition(" ")[0] for line in report["there"]}
    assert {"KamajiControlPlane", "PacketCluster", "TenantControlPlane", "namespace", "DataStore"} <= kinds, output


def test_a_refresh_finds_no_drift(run: Run) -> None:
    output = run.project.pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev").ok()
    # The Secret is only read, not declared; refresh fills in what a read leaves out of its inputs.
    updates = [line for line in output.splitlines() if " updated" in line and "core/v1:Secret" not in line]
    assert [line for line in updates if "Resources:" not in line and "~ 1 updated" not in line] == [], (
        f"the stack's state differs from the cluster right after an up:\n{output}"
    )


def test_state_and_logs_hold_no_secret_in_clear(lab: Lab, run: Run) -> None:
    state = run.project.pulumi("stack", "export", "--stack", "dev").ok()
    kubeconfig = run.outputs["kubeconfig"]
    secrets = re.findall(r"(?:client-key-data|client-certificate-data|token): (\S+)", kubeconfig)
    secrets += re.findall(r"client-key-data: (\S+)", lab.kubeconfig.read_text())
    assert secrets, "the kubeconfigs hold credentials, or this test looks for nothing"
    haystacks = {"state": state, "output of up": run.output}
    haystacks |= {path.name: path.read_text(errors="replace") for path in lab.folder.logs.iterdir()}
    for source, text in haystacks.items():
        for secret in secrets:
            assert secret not in text, f"a credential stands in clear in {source}"


def test_drift_is_shown_and_repaired(lab: Lab, run: Run) -> None:
    path = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/default/packetclusters/capi-quickstart"
    with lab.management() as client:
        client.patch(
            f"{path}/status",
            json={"status": {"ready": False}},
            headers={"Content-Type": "application/merge-patch+json"},
        ).raise_for_status()
    refresh = run.project.pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev").ok()
    assert "ControlPlaneEndpoint capi-quickstart-endpoint updated" in refresh, f"a refresh shows the loss:\n{refresh}"
    run.project.up("dev").ok()
    (infrastructure,) = lab.items("infrastructure.cluster.x-k8s.io/v1beta1/packetclusters")
    assert infrastructure["status"]["ready"] is True, "the next up repairs it"


def test_a_second_cluster_with_the_gate_off_is_set_by_kamaji(lab: Lab, project: Project, run: Run) -> None:
    assert lab.command("set", "--no-gate").returncode == 0, "the gate can be switched while the lab runs"
    sections = dev_sections(lab.kubeconfig, network=True)
    sections["cluster"] = {**sections["cluster"], "name": "second"}
    sections["controlPlane"] = {**sections["controlPlane"], "name": "second-plane"}
    sections["workerPools"] = [
        {
            **sections["workerPools"][0],
            "replicas": 1,
            "labels": {"tier": "web"},
            "taints": [{"key": "only", "effect": "NoSchedule"}],
        }
    ]
    project.configure("second", **{**sections, "network": {"plugin": "none"}, "addons": []})
    project.pulumi("stack", "init", "second").ok()
    project.up("second").ok()
    output = eventually(
        lambda: project.script("status", "--stack", "second").output,
        lambda text: "no network plugin runs on it" in text,
        120,
        "a node without network plugin is what blocks",
    )
    assert "cni plugin not initialized" in output, f"in the kubelet's words:\n{output}"
    assert "`network.plugin`" in output, f"with the setting that mends it:\n{output}"
    project.configure("second", **sections)
    project.script("up", "--stack", "second", "--timeout", "300").ok()
    outputs = stack_outputs(project, "second")
    assert outputs["endpointSetBy"] == "kamaji", (
        "with the gate off Kamaji writes the endpoint, and it is only confirmed"
    )
    assert outputs["controlPlaneEndpoint"] != run.outputs["controlPlaneEndpoint"], "each tenant has its own address"
    answer_time = lab.state_file()["balancers"]["default/second-plane"]
    with contextlib.closing(lab.metal()) as metal:
        order = metal.calls("POST")[-1]
    assert order.time > answer_time, "also where Kamaji writes the endpoint, no machine is bought before it answers"
    assert len(nodes(outputs["kubeconfig"])) == 1, "the second cluster has nodes of its own"
    assert len(nodes(run.outputs["kubeconfig"])) == 3, "the first cluster kept its nodes"


def test_destroy_leaves_neither_device_nor_object(lab: Lab, project: Project, run: Run) -> None:
    results: list[CommandResult] = [project.script("destroy", "--yes", "--stack", stack) for stack in ("dev", "second")]
    for result in results:
        result.ok()
    require_absence(lab, *CLUSTERS)
    with contextlib.closing(lab.metal()) as metal:
        deletions = [call.path for call in metal.calls("DELETE") if call.status == 204]
    assert len(deletions) == len(set(deletions)), "no device was given back twice"
    eventually(
        lambda: [name for name in lab.secrets("default") if name.startswith(("capi-", "second"))],
        lambda rest: not rest,
        30,
        "the Secrets of both clusters go with their owners",
    )
