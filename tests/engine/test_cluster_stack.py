"""Stacks from other code, with the real engine, a real API server, and light control planes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.automation import (
    Cancellation,
    Cancelled,
    ClusterStack,
    ConfigurationError,
    EngineFailed,
    Event,
    Finished,
    HandoffFailed,
    HandoffProgress,
    Locked,
    MachinesChange,
    NotReady,
    PreflightFailed,
    ResourceChanged,
    StackMissing,
    TimedOut,
    on_all,
)
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.session import EngineOutput
from pulumi import automation
from pulumi.automation.events import DiagnosticEvent, EngineEvent

import toolchain
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import CLUSTERS, Fleet
from tests.support.project import Project

ANSWERS_NEVER = 3600.0


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in toolchain.pulumi_environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "backend").mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/backend")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)


@pytest.fixture
def fleet(management: ManagementPlane) -> Iterator[Fleet]:
    make_data_store(management)
    with Fleet(management) as instance:
        yield instance


def settings(fleet: Fleet, name: str, **extra: Any) -> dict[str, Any]:
    return {
        "cluster": {"name": name, "namespace": fleet.namespace},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "workerPools": [{"name": "a", "replicas": 1, "machineType": "c3.small.x86"}],
        "management": {"kubeconfig": fleet.management.kubeconfig.read_text()},
        **extra,
    }


def stack(fleet: Fleet, name: str, events: list[Event] | None = None, **extra: Any) -> ClusterStack:
    listener = None if events is None else events.append
    return ClusterStack(name, settings(fleet, name, **extra), passphrase="very secret", on_event=listener)


def test_a_cluster_comes_up_from_settings_alone_and_goes_again(fleet: Fleet, tmp_path: Path) -> None:
    events: list[Event] = []
    cluster_stack = stack(fleet, "alone", events)
    preview = cluster_stack.preview()
    assert preview.changed, "a preview tells what would be made"
    assert "alone" not in names(fleet), "and makes nothing"
    result = cluster_stack.up()
    cluster = result.clusters["alone"]
    assert cluster.endpoint == f"127.0.0.1:{fleet.members['alone-control-plane'].port}", f"where it answers: {result}"
    assert cluster.endpoint_set_by == "pulumi", "nobody else wrote it"
    assert fleet.secret in cluster_stack.kubeconfig().get_secret_value(), "the kubeconfig is the one that Kamaji wrote"
    phases = [event.phase for event in events if isinstance(event, HandoffProgress)]
    assert phases[0] == "address", f"in their order: {phases}"
    assert "endpoint" in phases, f"each phase that was seen: {phases}"
    kinds = {event.kind for event in events if isinstance(event, ResourceChanged) and event.state == "done"}
    assert {"Cluster", "KamajiControlPlane", "PacketCluster", "MachineDeployment"} <= kinds, f"all objects: {kinds}"
    assert not stack(fleet, "alone").up().changed, "another object with the same settings finds nothing to do"
    assert stack(fleet, "alone").refresh().operation == "refresh", "nor does a refresh fail"
    assert cluster_stack.status()["alone"].root.name == "alone", "the status tree can be had"
    with pytest.raises(NotReady) as error:
        cluster_stack.wait_until_ready(1)
    assert error.value.cluster == f"{fleet.namespace}/alone", "no controller runs here, so it does not become ready"
    counts = {"cluster": f"{fleet.namespace}/alone", "pool": "a", "deleted": 1, "rolled": 0, "added": 0}
    (deletion,) = cluster_stack.deletions()
    assert counts.items() <= deletion.counts().items(), f"what a destroy would delete can be asked: {deletion}"
    destruction = cluster_stack.destroy(remove=True)
    assert "alone" not in names(fleet), "it is gone"
    assert [change.counts() for change in destruction.machines] == [deletion.counts()], "the result tells its machines"
    announcements = [event for event in events if isinstance(event, MachinesChange) and event.deleted]
    first_deletion = next(index for index, event in enumerate(events) if getattr(event, "operation", "") == "delete")
    assert events.index(announcements[-1]) < first_deletion, "and they were told before anything went"
    ends = [(event.operation, event.succeeded) for event in events if isinstance(event, Finished)]
    assert ends == [("preview", True), ("up", True), ("destroy", True)], f"each operation tells its end: {ends}"
    with pytest.raises(StackMissing):
        cluster_stack.clusters()
    assert cluster_stack.destroy().changes == {}, "what is not there needs no destroy, and that is no error"
    content = "\n".join(
        path.read_text(errors="replace") for path in (tmp_path / "backend").rglob("*") if path.is_file()
    )
    for secret in (fleet.secret, "client-key-data", "very secret"):
        assert secret not in content, "the backend keeps secrets encrypted"
    assert fleet.secret not in "\n".join(map(str, events)), "nor do events show them"


def test_no_temporary_file_outlives_an_operation(fleet: Fleet, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    cluster_stack = ClusterStack(
        "tidy", settings(fleet, "tidy"), passphrase="very secret", environment={"TMPDIR": str(temporary)}
    )
    with pytest.raises(StackMissing):
        cluster_stack.clusters()
    cluster_stack.up()
    cluster_stack.destroy()
    rest = sorted(str(path.relative_to(temporary)) for path in temporary.rglob("*"))
    assert rest == [], "the Kubernetes provider writes the kubeconfig with its client key into a file and leaves it"


def names(fleet: Fleet) -> set[str]:
    items = fleet.http.get(CLUSTERS.format(fleet.namespace)).json()["items"]
    return {item["metadata"]["name"] for item in items}


def test_wrong_settings_are_refused_before_anything_else() -> None:
    with pytest.raises(ConfigurationError) as error:
        ClusterStack("wrong", {"cluster": {"name": "Wrong"}})
    assert len(error.value.problems) >= 2, f"all of them: {error.value}"


def test_without_a_passphrase_no_stack_is_made(fleet: Fleet, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PULUMI_CONFIG_PASSPHRASE"):
        ClusterStack("open", settings(fleet, "open")).up()
    assert not list((tmp_path / "backend").rglob("open*")), "a stack that can't hold secrets would only be in the way"


def test_a_management_cluster_that_is_away_is_a_failed_preflight(fleet: Fleet) -> None:
    kubeconfig = fleet.management.kubeconfig.read_text().replace(str(fleet.management.port), "1")
    with pytest.raises(PreflightFailed, match="refuses connections") as error:
        stack(fleet, "away", management={"kubeconfig": kubeconfig}).up()
    assert error.value.stack == "away", "the error says where"
    assert error.value.output, "with what the engine printed"


def test_a_failed_hand_off_tells_cluster_phase_and_what_was_seen(management: ManagementPlane) -> None:
    make_data_store(management)
    with Fleet(management, delay=ANSWERS_NEVER) as fleet:
        cluster_stack = stack(fleet, "silent", handoff={"timeoutSeconds": 10})
        with pytest.raises(HandoffFailed) as failure:
            cluster_stack.up()
        error = failure.value
        assert (error.cluster, error.phase) == (f"{fleet.namespace}/silent", "dial"), f"where and when: {error}"
        assert "refuses connections" in error.seen, f"what was last seen: {error.seen}"
        assert error.elapsed >= 10, "after how long"
        cluster_stack.destroy()


def test_an_operation_stops_on_request_and_the_next_goes_on(management: ManagementPlane, tmp_path: Path) -> None:
    make_data_store(management)
    with Fleet(management, delay=ANSWERS_NEVER) as fleet:
        cancellation, dialling = Cancellation(), threading.Event()

        def listen(event: Event) -> None:
            if isinstance(event, HandoffProgress) and event.phase == "dial":
                dialling.set()

        cluster_stack = ClusterStack("stopped", settings(fleet, "stopped"), passphrase="x", on_event=listen)
        threading.Thread(target=lambda: dialling.wait(60) and cancellation.request("by a test"), daemon=True).start()
        start = time.monotonic()
        with pytest.raises(Cancelled, match="by a test"):
            cluster_stack.up(cancellation=cancellation)
        assert time.monotonic() - start < 60, "long before the hand-off's own time-out"
        assert not list((tmp_path / "backend").rglob("locks/**/*.json")), "no lock stays"
        with pytest.raises(TimedOut):
            cluster_stack.up(timeout=6)
        with pytest.raises(Cancelled, match="by a test"):
            cluster_stack.up(cancellation=cancellation)
        fleet.delay = 0.0
        assert cluster_stack.up().clusters["stopped"].endpoint_set_by == "pulumi", "the next one goes on from there"
        cluster_stack.destroy()


def test_two_operations_at_once_on_one_stack_do_not_mix(management: ManagementPlane) -> None:
    make_data_store(management)
    with Fleet(management, delay=ANSWERS_NEVER) as fleet:
        dialling = threading.Event()

        def listen(event: Event) -> None:
            if isinstance(event, HandoffProgress) and event.phase == "dial":
                dialling.set()

        first = ClusterStack("shared", settings(fleet, "shared"), passphrase="x", on_event=listen)
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.append(first.up()))
        thread.start()
        assert dialling.wait(60), "the first is in its hand-off"
        with pytest.raises(Locked) as error:
            ClusterStack("shared", settings(fleet, "shared"), passphrase="x").up()
        assert f"process {engine_pid(error.value)}" in error.value.holders[0], f"who holds it: {error.value.holders}"
        with pytest.raises(Locked, match="another operation"):
            first.up()
        fleet.delay = 0.0
        thread.join(60)
        assert results, "the first is not disturbed"
        first.destroy()


def engine_pid(error: Locked) -> int:
    (holder,) = error.holders
    pid = int(holder.partition("process ")[2].partition(",")[0])
    os.kill(pid, 0)
    return pid


def test_many_stacks_at_once_come_up_and_a_failing_one_stops_no_other(fleet: Fleet) -> None:
    clusters_by_stack: dict[str, set[str]] = {}

    def listener(name: str) -> Any:
        return lambda event: clusters_by_stack.setdefault(name, set()).add(event.cluster) if event.cluster else None

    stacks = [
        ClusterStack(name, settings(fleet, name), passphrase="x", on_event=listener(name))
        for name in (f"many{index}" for index in range(9))
    ]
    faulty = settings(fleet, "broken", management={"kubeconfig": "no kubeconfig"})
    stacks.insert(4, ClusterStack("broken", faulty, passphrase="x"))
    summary = on_all(stacks, lambda cluster_stack: cluster_stack.up(), at_once=5)
    assert [outcome.stack for outcome in summary.failed] == ["broken"], f"{summary}"
    ports = {outcome.value.clusters[outcome.stack].endpoint for outcome in summary.outcomes if outcome.value}
    assert len(ports) == 9, f"each has its own endpoint: {ports}"
    assert clusters_by_stack.keys() == {f"many{index}" for index in range(9)}, "each stack was told of its cluster"
    for name, clusters in clusters_by_stack.items():
        assert clusters == {f"{fleet.namespace}/{name}"}, f"{name} was told of others: {clusters}"
    assert "9 of 10" in str(summary), "the summary counts"
    cancellation = Cancellation()
    cancellation.request("by a test")
    never = on_all(stacks, lambda cluster_stack: cluster_stack.up(), cancellation=cancellation)
    assert len(never.failed) == 10, "none begins after it was requested"
    destruction = on_all(
        [cluster_stack for cluster_stack in stacks if cluster_stack.name != "broken"],
        lambda cluster_stack: cluster_stack.destroy(remove=True),
        at_once=5,
    )
    assert not destruction.failed, f"{destruction}"


def test_a_stack_of_a_folder_that_is_removed_leaves_its_file(fleet: Fleet, tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", {"PULUMI_CONFIG_PASSPHRASE": "x"})
    project.configure(
        "kept", **settings(fleet, "kept", management={"kubeconfigPath": str(fleet.management.kubeconfig)})
    )
    project.pulumi("stack", "init", "kept").ok()
    path = project.folder / "Pulumi.kept.yaml"
    before = path.read_bytes()
    cluster_stack = ClusterStack("kept", folder=project.folder, passphrase="x")
    assert cluster_stack.destroy(remove=True).operation == "destroy", "there was nothing to destroy"
    with pytest.raises(StackMissing):
        cluster_stack.clusters()
    assert path.read_bytes() == before, "settings, comments and secrets are the user's"


def test_living_objects_are_imported_without_being_touched(fleet: Fleet) -> None:
    from kamaji_equinix.automation.configuration import check
    from kamaji_equinix.components.manifests.documents import documents

    cluster_stack = stack(fleet, "taken")
    with pytest.raises(ConfigurationError, match="no Cluster"):
        cluster_stack.import_existing()
    (tenant,) = check(settings(fleet, "taken")).clusters
    for document in documents(tenant):
        apply(fleet, document)
    before = identities(fleet)
    assert "taken" in json.dumps(list(before)), "they live"
    with pytest.raises(ConfigurationError, match="exists already, and this stack has not made it") as error:
        cluster_stack.up()
    assert "run `kamaji-equinix import`" in str(error.value), "which is followed here"
    assert not cluster_stack.clusters(), "nothing is taken over unasked"
    result = cluster_stack.import_existing()
    assert result.clusters["taken"].endpoint, "it is as after an up"
    assert identities(fleet) == before, "none was made anew"
    assert not cluster_stack.up().changed, "and there is nothing left to do"
    cluster_stack.destroy(remove=True)
    assert "taken" not in names(fleet), "from now on it is this stack's"


PATHS = (
    "cluster.x-k8s.io/v1beta1/namespaces/{}/clusters",
    "cluster.x-k8s.io/v1beta1/namespaces/{}/machinedeployments",
    "controlplane.cluster.x-k8s.io/v1alpha1/namespaces/{}/kamajicontrolplanes",
    "infrastructure.cluster.x-k8s.io/v1beta1/namespaces/{}/packetclusters",
    "infrastructure.cluster.x-k8s.io/v1beta1/namespaces/{}/packetmachinetemplates",
    "bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{}/kubeadmconfigtemplates",
)


def identities(fleet: Fleet) -> dict[str, str]:
    uids = {}
    for path in PATHS:
        for item in fleet.http.get(f"/apis/{path.format(fleet.namespace)}").json()["items"]:
            uids[f"{path} {item['metadata']['name']}"] = item["metadata"]["uid"]
    return uids


def apply(fleet: Fleet, document: dict[str, Any]) -> None:
    """As ``kubectl apply --server-side`` does."""
    path = next(
        path for path in PATHS if path.startswith(document["apiVersion"]) and f"{document['kind'].lower()}s" in path
    )
    url = f"/apis/{path.format(fleet.namespace)}/{document['metadata']['name']}"
    answer = fleet.http.patch(
        url,
        content=json.dumps(document),
        headers={"Content-Type": "application/apply-patch+yaml"},
        params={"fieldManager": "kubectl"},
    )
    assert answer.is_success, answer.text


def test_an_error_that_the_engine_has_told_fails_the_run_though_the_engine_ends_well(tmp_path: Path) -> None:
    """Once in sixty runs it ended with 0 although its Kubernetes plugin had exited."""
    settings = {
        "cluster": {"name": "well"},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
    }
    cluster_stack = ClusterStack("well", settings, passphrase="very secret")

    def run(_stack: automation.Stack, translate: Translator) -> EngineOutput:
        event = DiagnosticEvent(message="the plugin exited", color="never", severity="error")
        translate(EngineEvent(sequence=1, timestamp=0, diagnostic_event=event))
        return {"create": 3}, {}, "what it printed"

    with pytest.raises(EngineFailed, match="the plugin exited") as error:
        cluster_stack._session.operate("up", run, None, None)
    assert "what it printed" in error.value.output, "for a log"
