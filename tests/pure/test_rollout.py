"""What a MachineDeployment lacks, and when the engine has to look."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components.capi.machine_counts import current_replicas, shortfall
from kamaji_equinix.components.rollout import RolloutProvider


def deployment(**status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": status}


COMPLETE = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


def test_a_rolled_out_pool_lacks_nothing() -> None:
    assert shortfall(deployment(**COMPLETE)) == "", "all counts are as asked"


def test_the_newer_api_generation_counts_under_another_name() -> None:
    status = {**COMPLETE, "upToDateReplicas": 2}
    del status["updatedReplicas"]
    assert shortfall(deployment(**status)) == "", "v1beta2 says upToDateReplicas"


@pytest.mark.parametrize("field", ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"])
def test_each_count_must_be_as_asked(field: str) -> None:
    message = shortfall(deployment(**{**COMPLETE, field: 1}))
    assert "of 2 machines" in message, f"{field} counts"


def test_an_old_machine_that_has_yet_to_go_counts() -> None:
    assert shortfall(deployment(**{**COMPLETE, "replicas": 3})), (
        "the third is an old one, and its templates are still needed"
    )


def test_a_change_that_nobody_has_seen_is_no_roll_out() -> None:
    assert "not acted on" in shortfall(deployment(**{**COMPLETE, "observedGeneration": 2})), (
        "the counts are of the old generation"
    )


def test_a_missing_pool_is_named() -> None:
    assert shortfall(None) == "it does not exist", "it was deleted meanwhile"


PROPS = {
    "namespace": "default",
    "name": "a",
    "apiVersion": "cluster.x-k8s.io/v1beta1",
    "kinds": [],
    "templates": ["m-1", "b-1"],
    "wait": False,
    "replicas": 2,
}


@pytest.mark.parametrize(
    ("change", "looks"),
    [({}, False), ({"templates": ["m-2", "b-1"]}, True), ({"wait": True}, True), ({"timeoutSeconds": 5}, False)],
)
def test_only_what_matters_is_a_reason_to_look(change: dict[str, Any], looks: bool) -> None:
    diff = RolloutProvider().diff("default/a", PROPS, {**PROPS, **change})
    assert diff.changes is looks, f"{change or 'the same input'} {'must' if looks else 'must not'} cause an update"
    assert not diff.replaces, "the pool is the same"


def test_another_pool_is_another_resource() -> None:
    assert RolloutProvider().diff("default/a", PROPS, {**PROPS, "name": "b"}).replaces == ["name"], (
        "it waits for another object"
    )


@pytest.mark.parametrize(
    ("status", "current"),
    [
        ({}, 0),
        ({"updatedReplicas": 2}, 2),
        ({"upToDateReplicas": 2}, 2),
        ({"upToDateReplicas": 2, "deprecated": {"v1beta1": {"updatedReplicas": 0}}}, 0),
        ({"upToDateReplicas": 2, "deprecated": {"v1beta1": {}}}, 2),
        ({"upToDateReplicas": 1, "deprecated": {"v1beta1": {"updatedReplicas": 2}}}, 1),
    ],
)
def test_machines_of_the_former_templates_are_never_counted_as_current(status: dict[str, Any], current: int) -> None:
    assert current_replicas(status) == current, (
        "right after a change the newer count still holds those of before; the lower one is right"
    )
