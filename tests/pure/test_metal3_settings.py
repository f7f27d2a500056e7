"""Metal3's settings: each rule says where, what and how to do better, before anything is created."""

from __future__ import annotations

from typing import Any, cast

import pytest
from kamaji_equinix.components.checks import hosts, strangers
from kamaji_equinix.components.providers.metal3 import Metal3
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from pydantic import SecretStr

from tests.support.metal3_mistakes import MISTAKES
from tests.support.metal3_mistakes.places import NETWORK, Json, put
from tests.support.metal3_settings import ADDRESS, BOND, FULL, PASSWORD, host, settings


@pytest.mark.parametrize(("raw", "path", "rule"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_named_with_its_place_and_rule(raw: Json, path: str, rule: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_stack(raw)
    matching = [problem for problem in error.value.problems if problem.path.startswith(path)]
    assert matching, f"{path} is named:\n{error.value}"
    assert any(rule in str(problem) for problem in matching), f"with its rule:\n{error.value}"
    assert len(error.value.problems) <= 3, f"and no more than follows from it:\n{error.value}"
    for word in (PASSWORD, "hunter2x"):
        assert word not in str(error.value), "no credential shows in a report"


def test_all_keys_together_are_no_mistake() -> None:
    (tenant,) = load_stack(FULL).clusters
    assert tenant.provider == "metal3", "the section is its name"
    assert load_stack(put(f"{NETWORK}.links.bonds", [BOND])).clusters, "with a bond, too"


def test_two_clusters_of_a_stack_declare_no_host_twice() -> None:
    shared = settings(hosts=1)
    raw = {**shared, "clusters": [{"cluster": {"name": "a"}}, {"cluster": {"name": "b"}}]}
    with pytest.raises(SettingsError, match=r"clusters\[1\]\.metal3\.hosts\[0\]\.name.*declared by clusters\[0\]"):
        load_stack(raw)
    apart = {**raw, "clusters": [{"cluster": {"name": name, "namespace": name}} for name in ("a", "b")]}
    assert len(load_stack(apart).clusters) == 2, "in namespaces of their own they are two hosts"


def test_too_few_hosts_are_warned_of() -> None:
    def warnings(values: dict[str, Any]) -> list[str]:
        texts = [str(warning) for warning in load_stack(values).warnings]
        return [warning for warning in texts if not warning.startswith("network.plugin")]

    scarce = warnings(settings(hosts=1, replicas=2))
    assert any("1 of metal3.hosts fit" in warning for warning in scarce), scarce
    surge = warnings(settings(hosts=2, replicas=2))
    assert any("waits until one more is free" in warning for warning in surge), surge
    assert not warnings(settings(hosts=3, replicas=2)), "one more is enough"
    (unused,) = warnings(settings(ipPools=FULL["metal3"]["ipPools"][1:2]))
    assert "is not used: no metaData or networkData names it" in str(unused), unused


def test_a_host_in_use_is_told_by_its_consumer() -> None:
    assert Metal3().in_use({"spec": {}}) == "", "a free one may go"
    consumer = {"kind": "Metal3Machine", "name": "one-a-x"}
    assert Metal3().in_use({"spec": {"consumerRef": consumer}}) == "Metal3Machine one-a-x", "one with a machine may not"


def test_a_password_stays_a_secret() -> None:
    (tenant,) = load_stack(settings(hosts=1)).clusters
    secret, *_ = Metal3().permanent_objects(tenant)  # type: ignore[arg-type]
    assert isinstance(secret["data"]["password"], SecretStr), (
        "its Secret's data is taken apart only by the engine's resource"
    )
    assert PASSWORD not in repr(tenant) + repr(secret), "and shows nowhere"


class FreeHost:
    """A management cluster in which no machine is on any host."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}

    def get(self, _path: str) -> Json:
        """Any object."""
        return {"metadata": {"labels": self.labels}, "spec": {}}


HOST_OF_A = {
    "urn:pulumi:x::p::kamaji-equinix:index:TenantCluster$kubernetes:metal3.io/v1alpha1:BareMetalHost::a-host-0": {
        "outputs": {
            "metadata": {"name": "host-0", "namespace": "default", "labels": {"app.kubernetes.io/instance": "a"}}
        }
    }
}
"""A state in which cluster a declares a host."""


def test_a_host_moves_to_another_cluster_in_two_runs() -> None:
    def stack(*owners: str) -> Any:
        raw = settings()
        sections = {name: {"hosts": [host()]} if name in owners else {} for name in ("a", "b")}
        return load_stack(
            {**raw, "clusters": [{"cluster": {"name": name}, "metal3": section} for name, section in sections.items()]}
        )

    before, api = HOST_OF_A, cast("Any", FreeHost())
    (problem,) = hosts.problems(api, stack("b"), before)
    assert "lacks host-0, which cluster b declares now" in str(problem), problem
    assert list(hosts.problems(api, stack(), before)) == [], "it may leave both"
    assert list(hosts.problems(api, stack("b"), {})) == [], "and come to the other then"
    api.labels = {"app.kubernetes.io/instance": "a", "app.kubernetes.io/managed-by": "kamaji-equinix"}
    (problem,) = strangers.hosts(api, stack("b"), {})
    assert "declares host-0, which belongs to Cluster default/a" in str(problem), (
        f"another stack may have it: {problem}"
    )
    assert list(strangers.hosts(api, stack("a"), {})) == [], "its own, of a state that was lost"
    api.labels = {"cluster.x-k8s.io/cluster-name": "a"}
    assert list(strangers.hosts(api, stack("b"), {})), "Metal3 says so, too, where a machine is on it"
    api.labels = {"app.kubernetes.io/instance": "a-chart"}
    assert list(strangers.hosts(api, stack("b"), {})) == [], "one that belongs to no cluster"


def test_a_cluster_with_another_name_gets_the_hosts_of_the_one_before_in_a_second_run() -> None:
    def stack(*entries: Json) -> Any:
        raw = settings()
        return load_stack({**raw, "cluster": {"name": "b"}, "metal3": {**raw["metal3"], "hosts": list(entries)}})

    api: Any = FreeHost()
    (problem,) = hosts.problems(api, stack(host()), HOST_OF_A)
    assert "declares host-0, which cluster a declared before" in str(problem), problem
    assert list(hosts.problems(api, stack(), HOST_OF_A)) == [], "they go with the old cluster"
    assert list(hosts.problems(api, stack(host()), {})) == [], "and come back for the new one"


@pytest.mark.parametrize("name", ["mine", "host-0-bmc"])
def test_a_hosts_own_credentials_are_not_taken_from_under_it(name: str) -> None:
    def stack(*entries: Json) -> Any:
        raw = settings()
        return load_stack({**raw, "cluster": {"name": "a"}, "metal3": {**raw["metal3"], "hosts": list(entries)}})

    (urn,) = HOST_OF_A
    metadata = HOST_OF_A[urn]["outputs"]["metadata"]
    secret = {"metadata": {**metadata, "name": "host-0-bmc"}}
    before = {
        urn: {"outputs": {"metadata": metadata, "spec": {"bmc": {"credentialsName": "host-0-bmc"}}}},
        "urn:pulumi:x::p::kamaji-equinix:index:TenantCluster$kubernetes:core/v1:Secret::a-host-0-bmc": {
            "outputs": secret
        },
    }
    api: Any = FreeHost()
    other = host(bmc={"address": ADDRESS.format(0), "credentialsName": name})
    (problem,) = hosts.problems(api, stack(other), before)
    assert "would keep Secret host-0-bmc for ever" in str(problem), problem
    assert list(hosts.problems(api, stack(host()), before)) == [], "both are kept"
    assert list(hosts.problems(api, stack(), before)) == [], "a free host takes its credentials along"
    assert list(hosts.problems(api, stack(other), {})) == [], "and comes back with others"
