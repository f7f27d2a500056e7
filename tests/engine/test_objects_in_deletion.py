"""An `up` while objects that it is to create are in deletion, or belong to a Cluster that is gone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.automation import ClusterStack, Event, Message, PreflightFailed
from kamaji_equinix.components.capi.manifest import Manifest
from kamaji_equinix.components.kube.objects import Kind, dig, plural
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack

import toolchain
from tests.support.answers import body_of
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.fleet import CLUSTERS, MERGE, Fleet
from tests.support.lab import eventually

FINALIZER = "tests.example.org/hold"
OWNER = {"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster", "name": "again", "uid": "gone"}
NOTICE = "in deletion, and declared by the settings"


def collection(manifest: Manifest) -> str:
    kind = Kind(manifest["apiVersion"], manifest["kind"], plural(manifest["kind"]))
    return kind.path(manifest["metadata"]["namespace"])


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**toolchain.pulumi_environment(), "PULUMI_BACKEND_URL": f"file://{tmp_path}"}.items():
        monkeypatch.setenv(name, value)


def settings_of(fleet: Fleet, kubeconfig: Path) -> dict[str, Any]:
    return {
        "cluster": {"name": "again", "namespace": fleet.namespace},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "workerPools": [{"name": "a", "replicas": 1, "machineType": "c3.small.x86"}],
        "management": {"kubeconfig": kubeconfig.read_text()},
    }


def manifests_of(settings: dict[str, Any]) -> list[Manifest]:
    (tenant,) = load_stack(settings).clusters
    return [manifest for manifest in documents(tenant) if manifest["kind"] != "Cluster"]


def create_in_deletion(fleet: Fleet, manifest: Manifest) -> str:
    """Create an object that goes; returns where it is."""
    is_orphan = manifest["kind"] == "MachineDeployment"
    # The garbage collector, which this API server has none of, deletes what belongs to nothing.
    mark = {"ownerReferences": [OWNER]} if is_orphan else {"finalizers": [FINALIZER]}
    metadata = {**manifest["metadata"], **mark}
    body_of(fleet.http.post(collection(manifest), json={**manifest, "metadata": metadata}))
    url = f"{collection(manifest)}/{metadata['name']}"
    if not is_orphan:
        fleet.http.delete(url)
    return url


def test_up_waits_until_they_are_gone_and_creates_them_anew(fleet: Fleet) -> None:
    settings = settings_of(fleet, fleet.management.kubeconfig)
    manifests = manifests_of(settings)
    uids: dict[str, str] = {}
    for manifest in manifests:
        url = create_in_deletion(fleet, manifest)
        uids[url] = body_of(fleet.http.get(url))["metadata"]["uid"]
    assert len(uids) >= 5, f"control plane, infrastructure cluster, templates and pool: {list(uids)}"

    events: list[Event] = []
    stack = ClusterStack("again", settings, passphrase="x", on_event=events.append)
    run = threading.Thread(target=stack.up)
    run.start()
    notices = eventually(
        lambda: [event.text for event in events if isinstance(event, Message) and NOTICE in event.text],
        bool,
        60,
        "up says what it waits for",
    )
    for manifest in manifests:
        name = f"{manifest['kind']} {fleet.namespace}/{manifest['metadata']['name']}"
        assert name in notices[0], f"each object is named: {notices[0]}"
    clusters = body_of(fleet.http.get(CLUSTERS.format(fleet.namespace)))["items"]
    assert clusters == [], "nothing is created before they are gone"
    for url in uids:
        fleet.http.delete(url)
        fleet.http.patch(url, json={"metadata": {"finalizers": None}}, headers=MERGE)
    run.join(120)
    assert not run.is_alive(), "then it goes on"
    for url, uid in uids.items():
        metadata = body_of(fleet.http.get(url))["metadata"]
        assert metadata["uid"] != uid, f"{url} is another object"
        assert not dig(metadata, "deletionTimestamp"), f"{url} stays"
    stack.destroy()


def test_a_management_cluster_that_ceases_to_answer_meanwhile_ends_the_wait_before_anything_is_written(
    fleet: Fleet, proxy: FaultProxy
) -> None:
    settings = settings_of(fleet, proxy.kubeconfig)
    create_in_deletion(fleet, manifests_of(settings)[0])

    def listen(event: Event) -> None:
        if isinstance(event, Message) and NOTICE in event.text:
            proxy.faults.append(Fault("GET", "/", 500, "InternalError", "no leader", times=1000))

    stack = ClusterStack("again", settings, passphrase="x", on_event=listen)
    with pytest.raises(PreflightFailed, match=r"in deletion.*ceased to tell.*no leader"):
        stack.up()
    clusters = body_of(fleet.http.get(CLUSTERS.format(fleet.namespace)))["items"]
    assert clusters == [], "an object that may still go must not be written into"
