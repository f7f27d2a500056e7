"""docs/management-cluster.md on a bare API server: its commands make what `check` asks for, and `check` names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kamaji_equinix.components.checks import installation

import toolchain
from tests.support.bare_cluster import PAGE, Bare, bare_cluster
from tests.support.data_store import make_data_store
from tests.support.document_code import ROOT
from toolchain import pins

TEXT = (ROOT / "docs" / PAGE).read_text()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    with bare_cluster(tmp_path_factory.mktemp("bare")) as instance:
        yield instance


def test_a_bare_cluster_lacks_everything_and_check_names_the_pages_commands(bare: Bare) -> None:
    report = bare.check()
    for command in installation.installs("v1beta1").values():
        for line in command.splitlines():
            assert line in str(report), f"check names {line!r}: {report}"
            assert line in TEXT, f"the page has {line!r} to the letter"


def test_the_page_names_the_versions_of_both_generations() -> None:
    releases = {
        "v1beta1": installation.Release(pins.CLUSTER_API, pins.KAMAJI_PROVIDER),
        "v1beta2": installation.Release(pins.NEWER_CLUSTER_API, pins.NEWER_KAMAJI_PROVIDER),
    }
    assert releases == installation.RELEASES, "what the lab and the tests run"
    for release in releases.values():
        providers = f"--core cluster-api:{release.cluster_api} --bootstrap kubeadm:{release.cluster_api}"
        assert f"{providers} --control-plane kamaji:{release.kamaji_provider}" in TEXT, "the page has them together"
    assert f"--version {pins.PULUMI.removeprefix('v')}" in TEXT, "the engine that the tests run"
    assert f"resource kubernetes {pins.PULUMI_KUBERNETES}" in TEXT, "and its plugin"


@pytest.mark.parametrize("version", [None, pins.NEWER_CLUSTER_API])
def test_the_page_names_the_cert_manager_that_clusterctl_would_install(version: str | None) -> None:
    program = toolchain.program("clusterctl", version).read_bytes()
    (release,) = re.findall(rb"cert-manager/releases/(v[0-9.]+)/cert-manager\.yaml", program)
    assert f"| {release.decode()} (" in TEXT, f"clusterctl {version or pins.CLUSTER_API} goes with {release.decode()}"


def test_the_pages_commands_make_what_check_asks_for(bare: Bare) -> None:
    bare.install()
    make_data_store(bare.plane)
    assert bare.lacks().controllers == {
        "cluster-api": pins.CLUSTER_API,
        "bootstrap-kubeadm": pins.CLUSTER_API,
        "control-plane-kamaji": pins.KAMAJI_PROVIDER,
        "infrastructure-packet": pins.PACKET_PROVIDER,
    }, "in the versions that the page names"
    notes = [note for note in bare.check().notes if "no available replica" in note]
    assert len(notes) == 4, "there is no node, so no controller runs"
    bare.complete()


def test_what_is_gone_comes_back_by_the_printed_commands(bare: Bare) -> None:
    """One of each; the soak tier takes all of them away."""
    bare.lose_deployment("bootstrap-kubeadm")
    bare.lose_crds("bootstrap.cluster.x-k8s.io")


def test_a_data_store_that_is_gone_is_named(bare: Bare) -> None:
    bare.http.delete("/apis/kamaji.clastix.io/v1alpha1/datastores/default").raise_for_status()
    unnamed = {"controlPlane": {"dataStore": None}}
    assert "DataStore default does not exist" in str(bare.check()), "the one that the stack names"
    without = bare.check(**unnamed)
    assert "there is no DataStore" in str(without), "also where the stack leaves the choice to Kamaji"
    assert installation.data_store("default").splitlines()[-1] in str(without), "with the command"
    assert installation.data_store("gold").splitlines()[-1] in TEXT, (
        "which is the page's, that has a default one already"
    )
    make_data_store(bare.plane)
    assert bare.check().obstacles == bare.check(**unnamed).obstacles == (), "any one will do where none is named"


def test_a_secret_that_machines_would_wait_for_is_told(bare: Bare) -> None:
    source = {"path": "/etc/a", "contentFrom": {"secret": {"name": "mirror", "key": "hosts.toml"}}}
    pools = [{"name": "a", "replicas": 1, "bootstrap": {"files": [source]}}]
    (note,) = bare.check(workerPools=pools).notes
    command = "kubectl -n default create secret generic mirror --from-file=hosts.toml=FILE"
    assert command in note, note
    file = Path(bare.environment["HOME"]) / "hosts.toml"
    file.write_text("text")
    bare.run(command.replace("FILE", str(file)))
    assert bare.check(workerPools=pools).notes == (), "once it is there"
