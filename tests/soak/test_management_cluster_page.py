"""Each piece of a management cluster once taken away: `check` names it, and the command that it prints brings it back.

Rights are taken away one by one in the provider tier's test_handoff_rbac.py and test_preflight.py.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.components.checks import installation

from tests.support.bare_cluster import GROUPS, MERGE, Bare, bare_cluster
from tests.support.data_store import make_data_store
from tests.support.document_code import ROOT
from tests.support.lab import eventually

TABLE = (ROOT / "docs" / "management-cluster.md").read_text().partition("## What check tells")[2]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    with bare_cluster(tmp_path_factory.mktemp("bare")) as instance:
        instance.install()
        instance.complete()
        yield instance


def test_each_deployment_comes_back_by_the_printed_command(bare: Bare) -> None:
    providers = bare.provider_deployments()
    assert len(providers) == 4, f"those of the page: {providers}"
    for provider in providers:
        bare.lose_deployment(provider)


def test_each_groups_crds_come_back_by_the_printed_command(bare: Bare) -> None:
    for group in (*GROUPS, "infrastructure.cluster.x-k8s.io"):
        bare.lose_crds(group)


def test_kamajis_crds_are_named_with_the_commands_of_its_chart(bare: Bare) -> None:
    bare.remove_crds("kamaji.clastix.io")
    report = eventually(bare.check, lambda value: "not installed" in str(value), 30, "the CRDs are missed")
    for command in installation.KAMAJI_COMMANDS:
        assert command in str(report), f"{command!r} in {report}"
    bare.apply_kamajis_crds()
    # A moment after it is stored it is served.
    eventually(bare.check, lambda value: "not installed" not in str(value), 30, "the CRDs are back")
    make_data_store(bare.plane)
    bare.lacks()


def test_a_namespace_comes_back_by_the_printed_command(bare: Bare) -> None:
    section = {"cluster": {"namespace": "tenants"}}
    bare.run("kubectl create namespace tenants")
    assert bare.check(**section).obstacles == (), "it is there"
    bare.http.delete("/api/v1/namespaces/tenants").raise_for_status()
    bare.await_absence("/api/v1/namespaces/tenants")
    (obstacle,) = bare.check(**section).obstacles
    assert obstacle.text == "namespace tenants does not exist", "it is named"
    bare.run(obstacle.remedy.strip("`"))
    assert bare.check(**section).obstacles == (), "and back"


def test_a_data_store_is_named_with_its_command(bare: Bare) -> None:
    bare.http.delete("/apis/kamaji.clastix.io/v1alpha1/datastores/default").raise_for_status()
    assert installation.data_store("default").splitlines()[-1] in str(bare.lacks("DataStore default does not exist"))
    make_data_store(bare.plane)
    bare.lacks()


def test_each_controller_that_stands_still_is_told(bare: Bare) -> None:
    labels = dict(pair.split("=") for pair in installation.KAMAJI_DEPLOYMENT.split(","))
    pod: dict[str, Any] = {"containers": [{"name": "manager", "image": "clastix/kamaji:edge-25.4.1"}]}
    deployment = {
        "metadata": {"name": "kamaji", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }
    bare.http.post("/apis/apps/v1/namespaces/default/deployments", json=deployment).raise_for_status()
    paths = {**bare.provider_deployments(), "kamaji": "/apis/apps/v1/namespaces/default/deployments/kamaji"}
    for path in paths.values():
        bare.http.patch(f"{path}/status", json=running(1), headers=MERGE).raise_for_status()
    assert bare.check().notes == (), "all run"
    for provider, path in paths.items():
        bare.http.patch(f"{path}/status", json=running(0), headers=MERGE).raise_for_status()
        (note,) = bare.check().notes
        assert note.startswith(f"{provider} does not run: Deployment "), note
        (command,) = re.findall(r"kubectl -n \S+ describe pods", note)
        bare.run(command)
        bare.http.patch(f"{path}/status", json=running(1), headers=MERGE).raise_for_status()


def running(count: int) -> dict[str, Any]:
    """The status of a Deployment: there is no node here."""
    return {"status": {"replicas": 1, "availableReplicas": count, "readyReplicas": count}}


def test_a_secret_that_machines_wait_for_comes_by_the_printed_command(bare: Bare) -> None:
    source = {"path": "/etc/a", "contentFrom": {"secret": {"name": "mirror", "key": "hosts.toml"}}}
    pools = [{"name": "a", "replicas": 1, "bootstrap": {"files": [source]}}]
    (note,) = bare.check(workerPools=pools).notes
    file = Path(bare.environment["HOME"]) / "hosts.toml"
    file.write_text("text")
    (command,) = re.findall(r"`(kubectl [^`]+)`", note)
    bare.run(command.replace("FILE", str(file)))
    assert bare.check(workerPools=pools).notes == (), "once it is there"
    data = bare.http.get("/api/v1/namespaces/default/secrets/mirror").raise_for_status().json()["data"]
    assert base64.b64decode(data["hosts.toml"]) == b"text", json.dumps(data)


def test_versions_that_do_not_go_together_are_told(bare: Bare) -> None:
    path = "/apis/clusterctl.cluster.x-k8s.io/v1alpha3/namespaces/capi-system/providers/cluster-api"
    before = bare.http.get(path).raise_for_status().json()["version"]
    bare.http.patch(path, json={"version": "v1.14.0"}, headers=MERGE).raise_for_status()
    (note,) = bare.check().notes
    assert "use Cluster API 1.13, or a later provider" in note, note
    bare.http.patch(path, json={"version": before}, headers=MERGE).raise_for_status()
    assert bare.check().notes == (), "and back"


def test_the_pages_table_has_no_other_row() -> None:
    """Who writes a new one takes its piece away above."""
    for words in (
        "CRDs, a provider's Deployment, a namespace, a DataStore, rights",
        "a controller that does not run now, a Secret that machines wait for, versions that do not go together",
    ):
        assert words in TABLE, f"the rows that are tested here: {TABLE}"
