"""An upgrade of a living cluster, watched: first the control plane, then workers, and a version that Kamaji refuses."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import toolchain
from lab.kubeconfig import client_of
from tests.support.interruptions import require_absence
from tests.support.lab import Lab, eventually, nodes
from tests.support.project import CommandResult, Project, dev_sections
from tests.support.stack_outputs import stack_outputs

STACK, PLANE = "upgraded", "upgraded-plane"
OLD, NEW = "1.32.2", "1.33.0"
DEPLOYMENTS = "cluster.x-k8s.io/v1beta1/machinedeployments"
MACHINES = "cluster.x-k8s.io/v1beta1/machines"

Json = dict[str, Any]


@dataclass
class Stack:
    """The stack, as it is changed from test to test."""

    lab: Lab
    project: Project
    kubeconfig: Path

    def configure(self, version: str, *extra: Json) -> None:
        """The stack, with further pools."""
        sections = dev_sections(self.kubeconfig)
        sections["cluster"] = {**sections["cluster"], "name": STACK, "kubernetesVersion": version}
        sections["controlPlane"] = {**sections["controlPlane"], "name": PLANE}
        # Without a machine above the number Cluster API deletes an old one first.
        strategy = {"maxSurge": 0, "maxUnavailable": 1}
        sections["workerPools"] = [{**sections["workerPools"][0], "name": "web", "replicas": 2, "strategy": strategy}]
        sections["workerPools"] += extra
        self.project.configure(STACK, **sections)

    def up(self, version: str) -> CommandResult:
        self.configure(version)
        return self.project.script("up", "--stack", STACK, "--timeout", "600")

    def of(self, path: str) -> list[Json]:
        return [item for item in self.lab.items(path) if STACK in item["metadata"]["name"]]

    def plane(self) -> Json:
        """The KamajiControlPlane."""
        (plane,) = (item for item in self.lab.control_planes() if item["metadata"]["name"] == PLANE)
        return plane

    def server_version(self) -> str:
        """What the tenant's API server itself says; empty while it does not answer."""
        document = yaml.safe_load(stack_outputs(self.project, STACK)["kubeconfig"])
        with client_of(document) as client:
            return str(client.get("/version").raise_for_status().json()["gitVersion"])


@dataclass
class Watch:
    """What is seen of an upgrade, each state with the second in which it was seen first."""

    stack: Stack
    document: Json
    times: dict[str, float] = field(default_factory=dict)
    harm: list[str] = field(default_factory=list)
    _start: float = field(default_factory=time.monotonic)

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()

        def look() -> None:
            with client_of(self.document, 2.0) as tenant:
                while not stop.wait(0.1):
                    try:
                        self.look(tenant)
                    except httpx.HTTPError:
                        continue

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(20)

    def look(self, tenant: httpx.Client) -> None:
        plane, (deployment,), machines = self.stack.plane(), self.stack.of(DEPLOYMENTS), self.stack.of(MACHINES)
        request, report = plane["spec"]["version"], plane.get("status", {}).get("version", "")
        self.see(f"KamajiControlPlane asks for {request}")
        self.see(f"KamajiControlPlane reports {report.removeprefix('v')}")
        self.see(f"MachineDeployment asks for {deployment['spec']['template']['spec']['version'].removeprefix('v')}")
        deletions = [item for item in machines if item["metadata"].get("deletionTimestamp")]
        running = [item for item in machines if item.get("status", {}).get("phase") == "Running"]
        for version in (OLD, NEW):
            old = [item for item in deletions if item["spec"]["version"] == f"v{version}"]
            if old:
                self.see(f"a machine of {version} goes")
            count = len([item for item in running if item["spec"]["version"] == f"v{version}"])
            self.see(f"{count} machines of {version} run")
        if deletions and report != f"v{NEW}":
            self.harm.append(f"a worker goes while the control plane runs {report}")
        if deployment["spec"]["template"]["spec"]["version"] == f"v{NEW}" and report != f"v{NEW}":
            self.harm.append(f"the pool was written while the control plane runs {report}")
        self.see(
            f"API server serves {tenant.get('/version').raise_for_status().json()['gitVersion'].removeprefix('v')}"
        )

    def see(self, event: str) -> None:
        self.times.setdefault(event, time.monotonic() - self._start)

    def table(self) -> str:
        return "\n".join(
            f"{seconds:7.1f} s  {event}" for event, seconds in sorted(self.times.items(), key=lambda entry: entry[1])
        )


@pytest.fixture(scope="module")
def stack(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # The lab takes the older programs where they are; only this module runs them.
    toolchain.ensure([f"{name}@v{OLD}" for name in ("kube-apiserver", "kube-controller-manager")], print)
    instance = Stack(lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()), lab.kubeconfig)
    instance.up(OLD).ok()
    yield instance
    instance.kubeconfig = lab.kubeconfig
    instance.configure(NEW)
    instance.project.script("destroy", "--yes", "--stack", STACK).ok()
    require_absence(lab, STACK)


def test_the_old_release_really_runs(stack: Stack) -> None:
    assert stack.server_version() == f"v{OLD}", "the lab picks the program by the image's tag"


def test_an_upgrade_goes_in_order_and_no_worker_goes_too_early(stack: Stack) -> None:
    document = yaml.safe_load(stack_outputs(stack.project, STACK)["kubeconfig"])
    before = {item["metadata"]["name"] for item in stack.of(MACHINES)}
    stack.configure(NEW)
    preview = stack.project.pulumi("preview", "--stack", STACK).ok()
    assert f"Kubernetes {OLD} to {NEW} first" in preview, f"the order is told:\n{preview}"
    assert f"pool web: 2 will roll; Kubernetes {OLD} to {NEW}" in preview, f"and the machines:\n{preview}"
    watch = Watch(stack, document)
    with watch.running():
        output = stack.up(NEW).ok()
    print(f"\n{watch.table()}", flush=True)
    assert watch.harm == [], f"workers are touched last:\n{watch.table()}"
    order = [
        f"KamajiControlPlane asks for {NEW}",
        f"API server serves {NEW}",
        f"MachineDeployment asks for {NEW}",
        f"a machine of {OLD} goes",
        f"2 machines of {NEW} run",
    ]
    times = [watch.times[step] for step in order]
    assert times == sorted(times), f"control plane, its API server, then the pool:\n{watch.table()}"
    assert f"version: KamajiControlPlane default/{PLANE} runs {NEW}" in output, f"progress names it:\n{output}"
    after = {item["metadata"]["name"] for item in stack.of(MACHINES)}
    assert len(after) == 2, "as many as before"
    assert not before & after, "all of them new"
    assert all(nodes(yaml.safe_dump(document)).values()), "and their nodes are Ready"
    rerun = stack.project.up(STACK).ok()
    assert "updated" not in rerun, f"the next run has nothing to do:\n{rerun}"


def restrict(lab: Lab, folder: Path) -> Path:
    """Credentials with all rights but those to try out a TenantControlPlane."""
    groups = ("cluster.x-k8s.io", "bootstrap.cluster.x-k8s.io", "controlplane.cluster.x-k8s.io")
    every = {"resources": ["*"], "verbs": ["*"]}
    rules = [{"apiGroups": ["", "apps", "infrastructure.cluster.x-k8s.io", *groups], **every}]
    rules.append({"apiGroups": ["kamaji.clastix.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]})
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "restricted"}
    subject = {"kind": "ServiceAccount", "name": "restricted", "namespace": "default"}
    header = {"metadata": {"name": "restricted"}}
    with lab.management() as client:
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        client.post(accounts, json=header).raise_for_status()
        client.post(f"{rbac}/clusterroles", json={**header, "rules": rules}).raise_for_status()
        binding = {**header, "roleRef": role, "subjects": [subject]}
        client.post(f"{rbac}/clusterrolebindings", json=binding).raise_for_status()
        token = (
            client.post(f"{accounts}/restricted/token", json={"spec": {}}).raise_for_status().json()["status"]["token"]
        )
    document = yaml.safe_load(lab.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token}
    path = folder / "restricted"
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"].endswith(":restricted"), "it is this account's"
    return path


def test_a_version_that_kamaji_refuses_changes_nothing(stack: Stack) -> None:
    result = stack.up("1.33.5")
    assert result.code != 0, f"Kamaji is asked beforehand:\n{result.output}"
    assert "actually 1.33.0" in result.output, f"in its own words:\n{result.output}"
    assert stack.plane()["spec"]["version"] == NEW, "nothing was written"


def test_where_kamaji_can_not_be_asked_its_refusal_ends_the_run_soon_and_the_old_settings_bring_it_back(
    stack: Stack, tmp_path: Path
) -> None:
    machines = {item["metadata"]["uid"] for item in stack.of(MACHINES)}
    stack.kubeconfig = restrict(stack.lab, tmp_path)
    result = stack.up("1.33.5")
    assert result.code != 0, f"Kamaji refuses:\n{result.output}"
    assert "could not be asked beforehand" in result.output, f"a line says why it was not known:\n{result.output}"
    flat = " ".join(result.output.split())
    assert "Kamaji refuses: unable to upgrade to a version greater" in flat, f"its own words:\n{result.output}"
    (seconds,) = {int(digits) for digits in re.findall(r"last seen after (\d+) s: Kamaji refuses", result.output)}
    print(f"\nrefused after {seconds} s", flush=True)
    assert seconds < 30, f"nobody waits for what will not come:\n{result.output}"
    assert stack.plane()["spec"]["version"] == "1.33.5", "it was written, or nothing was refused"
    assert f"set `cluster.kubernetesVersion` (or `controlPlane.version`) to {NEW} again" in flat, "the way back"
    stack.up(NEW).ok()
    rerun = stack.project.up(STACK).ok()
    assert "updated" not in rerun, f"back to no change:\n{rerun}"
    assert {item["metadata"]["uid"] for item in stack.of(MACHINES)} == machines, "no machine was touched"


def test_a_pool_of_another_minor_gets_its_machines_once_the_versions_are_brought_together(stack: Stack) -> None:
    late = {"name": "late", "replicas": 1}
    stack.configure(NEW, {**late, "kubernetesVersion": OLD})
    stack.project.script("up", "--stack", STACK, "--no-wait").ok()
    text = eventually(
        lambda: " ".join(stack.project.script("status", "--stack", STACK).output.split()),
        lambda output: "PreflightCheckFailed" in output,
        60,
        "Cluster API holds its machines back",
    )
    assert "bring `workerPools[].kubernetesVersion` and `cluster.kubernetesVersion` together" in text, text
    stack.configure(NEW, late)
    stack.project.script("up", "--stack", STACK, "--timeout", "300").ok()
    machines = [machine for machine in stack.of(MACHINES) if "-late-" in machine["metadata"]["name"]]
    assert [machine["spec"]["version"] for machine in machines] == [f"v{NEW}"], "its machine came"
