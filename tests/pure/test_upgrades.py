"""Kubernetes versions of a living cluster: which change can be done, told before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components.capi.versions import kubelet_lag, minor, sort_key
from kamaji_equinix.components.checks.upgrades import Versions, kubelets_of, problems, versions_of
from kamaji_equinix.components.settings.load import load_stack

from tests.support.settings_cases import configuration

Json = dict[str, Any]

VERSIONS = st.builds(lambda second, patch: f"1.{second}.{patch}", st.integers(27, 34), st.integers(0, 3))


def texts(before: Versions, version: str, kubelets: dict[str, list[str]] | None = None) -> list[str]:
    """What is wrong with a version of the settings."""
    (tenant,) = load_stack(configuration(cluster={"kubernetesVersion": version})).clusters
    return [str(problem) for problem in problems("", before, tenant, kubelets or {})]


@given(VERSIONS, VERSIONS)
def test_a_version_rises_by_one_minor_at_most_and_never_falls(before: str, after: str) -> None:
    steps = minor(after)[1] - minor(before)[1]
    refuses = bool(texts(Versions(before, before), after))
    assert refuses == (sort_key(after) < sort_key(before) or steps > 1), f"{before} to {after}"


@given(VERSIONS, VERSIONS)
def test_what_kamaji_refused_is_no_version_to_go_back_from(current: str, version: str) -> None:
    plane = {"spec": {"version": version}, "status": {"version": f"v{current}"}}
    tenant = {
        "spec": {"kubernetes": {"version": f"v{current}"}},
        "status": {"kubernetesResources": {"version": {"version": f"v{current}"}}},
    }
    for state in (tenant, None):
        before = versions_of(plane, state)
        assert before == Versions(current, current), "the KamajiControlPlane's spec may never have been taken"
        assert texts(before, current) == [], "the old version, in the settings, is always a way back"


def test_a_control_plane_that_never_came_up_goes_anywhere() -> None:
    before = versions_of({"spec": {"version": "1.39.0"}, "status": {}}, None)
    assert before == Versions(), "Kamaji took nothing, and nothing runs"
    assert texts(before, "1.31.0") == [], "so nothing is in the way"


def test_what_kamaji_has_taken_can_not_be_taken_back_though_it_does_not_run_yet() -> None:
    tenant = {
        "spec": {"kubernetes": {"version": "v1.33.0"}},
        "status": {"kubernetesResources": {"version": {"version": "v1.32.2", "status": "Upgrading"}}},
    }
    before = versions_of(None, tenant)
    (text,) = texts(before, "1.32.2")
    assert "older than the living control plane's version, 1.33.0" in text, "its webhook compares with what it took"
    assert "still runs 1.32.2" in text, "so that nobody wonders"
    (text,) = texts(before, "1.34.0")
    assert "skips a minor" in text, "kubeadm counts from what runs"


@given(VERSIONS, st.lists(VERSIONS, min_size=1, max_size=4))
def test_no_living_kubelet_falls_behind_further_than_kubernetes_allows(after: str, kubelets: list[str]) -> None:
    running = f"1.{minor(after)[1] - 1}.9"
    refuses = bool(texts(Versions(running, running), after, {"web": kubelets}))
    assert refuses == any(minor(after)[1] - minor(kubelet)[1] > kubelet_lag(kubelet) for kubelet in kubelets), (
        f"{kubelets} below {after}"
    )


def test_kubelets_are_those_of_machines_that_stay() -> None:
    def machine(version: str | None, **metadata: Any) -> Json:
        return {"metadata": {"labels": {"pool": "web"}, **metadata}, "spec": {"version": version}}

    machines = [machine("v1.30.0"), machine("v1.29.0", deletionTimestamp="now"), machine(None)]
    assert kubelets_of(machines, "pool") == {"web": ["1.30.0"]}, "one goes, and one has none"


@pytest.mark.parametrize("of_control_plane", [True, False])
def test_the_setting_that_holds_the_version_is_named(of_control_plane: bool) -> None:
    change = (
        {"controlPlane": {"version": "1.35.0"}} if of_control_plane else {"cluster": {"kubernetesVersion": "1.35.0"}}
    )
    (tenant,) = load_stack(configuration(**change)).clusters
    (problem,) = problems("clusters[1].", Versions("1.33.0", "1.33.0"), tenant, {})
    key = "controlPlane.version" if of_control_plane else "cluster.kubernetesVersion"
    assert problem.path == f"clusters[1].{key}", "where to look"
    assert problem.example == "1.34.0", "and what to set"
