"""The lab's generations: what belongs together, in which direction a management cluster goes, what a stack asks for."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import pytest

import toolchain
from lab import choice, crds
from lab.controllers import CONTROLLERS
from lab.generations import BETWEEN, FIRST, GENERATIONS, SECOND, NoSuchGeneration, choose
from lab.options import LabOptions
from lab.state import StateFolder
from toolchain import pins


@pytest.mark.parametrize(
    "generation", GENERATIONS, ids=lambda generation: f"{generation.contract} on {generation.cluster_api}"
)
def test_each_controller_of_a_generation_can_be_built_and_started(generation) -> None:  # type: ignore[no-untyped-def]
    for name in generation.controllers:
        assert name in CONTROLLERS, f"{name} has no row in the table of controllers"
        assert pins.pin_of(name, generation.version(name)).need != "request", (
            f"the tests need {name}: it is built before them"
        )
    usual = {name for name in generation.controllers if pins.BY_NAME[name].need == "up"}
    extra = {pins.BY_NAME[name].file_name for name in generation.programs()}
    assert {pins.pin_of(name, generation.version(name)).file_name for name in generation.controllers} <= extra | {
        pins.BY_NAME[name].file_name for name in usual
    }, "what `lab up` builds and what `make toolchain` builds are all that it runs"


@pytest.mark.parametrize(
    "generation", GENERATIONS, ids=lambda generation: f"{generation.contract} on {generation.cluster_api}"
)
def test_whoever_converts_or_admits_is_a_controller_with_a_webhook_server(generation) -> None:  # type: ignore[no-untyped-def]
    names = {folder.converter for folder in generation.crds if folder.converter}
    names |= {hooks.controller for hooks in generation.hooks}
    assert names <= set(generation.controllers), f"{names} have to run"
    assert all(CONTROLLERS[name].serves for name in names), "and to serve"


def test_a_contract_chooses_its_first_generation_and_a_version_of_cluster_api_another() -> None:
    assert choose("v1beta1") is FIRST, "the older contract on the older Cluster API"
    assert choose("v1beta1", pins.NEWER_CLUSTER_API) is BETWEEN, "the older contract on the newer one"
    assert choose("v1beta2") is SECOND, "the newer contract has but one"
    with pytest.raises(NoSuchGeneration, match=r"v1beta2 and Cluster API v1\.10\.1 do not go together; there are "):
        choose("v1beta2", pins.CLUSTER_API)


def options(**values: object) -> argparse.Namespace:
    names = [field.name for field in dataclasses.fields(LabOptions)]
    return argparse.Namespace(**{**dict.fromkeys(names), **values})


def test_a_lab_goes_to_a_later_generation_and_not_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "ensure", lambda *_: None)
    folder = StateFolder(tmp_path / "lab")
    steps = [options(), options(cluster_api="v1.13.4"), options(contract="v1beta2"), options(gate=False)]
    reached = [choice.merge_options(folder, step).generation() for step in steps]
    assert reached == [FIRST, BETWEEN, SECOND, SECOND], "each step goes on from what was chosen before"
    with pytest.raises(choice.LabError, match=r"can't go back to contract v1beta1 .*remove it first with `make down`"):
        choice.merge_options(folder, options(contract="v1beta1"))
    assert LabOptions.load(folder.options).generation() is SECOND, "what is refused is not kept"


def test_a_new_lab_may_be_of_any_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs: list[str] = []
    monkeypatch.setattr(toolchain, "ensure", lambda names, *_: programs.extend(names))
    choice.merge_options(StateFolder(tmp_path / "first"), options())
    assert programs == [], "make toolchain builds what the first runs"
    result = choice.merge_options(StateFolder(tmp_path / "second"), options(contract="v1beta2"))
    assert result.generation() is SECOND
    assert {"capi-core@v1.13.4", "kamaji-control-plane@v0.20.0", "capm3", "metal3-ipam", "baremetal-operator"} <= set(
        programs
    ), "the others are built when they are asked for"


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        ("config: {}", "v1beta1"),
        ("", "v1beta1"),
        ("config: {kamaji-equinix:capi: {contract: v1beta2}}", "v1beta2"),
        ("config: {kamaji-equinix:capi: {contract: v1beta1}}", "v1beta1"),
        ("config: {kamaji-equinix:metal3: {image: {}}}", "v1beta2"),
        ("config: {kamaji-equinix:clusters: [{metal: {}}, {metal3: {}}]}", "v1beta2"),
        ("config: {kamaji-equinix:capi: {contract: v9}}", "v1beta1"),
        ("config: {kamaji-equinix:capi: nonsense, kamaji-equinix:clusters: [1]}", "v1beta1"),
        ("config: [", "v1beta1"),
        ("- 1", "v1beta1"),
    ],
)
def test_a_stacks_file_says_which_contract_it_needs(text: str, contract: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.some.yaml"
    file.write_text(text)
    assert choice.contract_of(file) == contract, text


def test_a_stack_without_a_file_takes_the_older_contract(tmp_path: Path) -> None:
    assert choice.contract_of(tmp_path / "Pulumi.none.yaml") == "v1beta1"


@pytest.mark.parametrize("group", ["cluster.x-k8s.io", "controlplane.cluster.x-k8s.io"])
def test_a_crd_is_labelled_with_each_contract_that_a_served_version_has(group: str) -> None:
    versions = [{"name": name, "served": name != "v1beta2"} for name in ("v1alpha1", "v1alpha2", "v1beta2")]
    definition = crds.add_contract_labels({"metadata": {"name": "x"}, "spec": {"group": group, "versions": versions}})
    labels = {"cluster.x-k8s.io/v1beta1": "v1alpha1", "cluster.x-k8s.io/v1beta2": "v1alpha2"}
    assert definition["metadata"]["labels"] == {**labels, "clusterctl.cluster.x-k8s.io": ""}, (
        "those served, and no other"
    )


def test_a_crd_of_another_project_is_not_labelled() -> None:
    definition = crds.add_contract_labels({"metadata": {"name": "x"}, "spec": {"group": "metal3.io", "versions": []}})
    assert "labels" not in definition["metadata"], definition


def test_only_a_crd_of_several_versions_is_converted() -> None:
    config = {"url": "https://127.0.0.1:1/convert"}
    old = {"conversion": {"strategy": "Webhook"}}
    single, double = ({"spec": {**old, "versions": [{}] * number}} for number in (1, 2))
    assert "conversion" not in crds.set_conversion(single, config)["spec"], "there is nothing to convert"
    assert crds.set_conversion(double, config)["spec"]["conversion"]["webhook"]["clientConfig"] == config
    assert "conversion" not in crds.set_conversion({"spec": {**old, "versions": [{}, {}]}}, None)["spec"], (
        "nobody does it"
    )
