"""What somebody else deletes or changes behind the program's back: found by `up`, and put right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.fleet import CLUSTERS, CONTROL_PLANES, INFRASTRUCTURE, MERGE
from tests.support.lab import eventually
from tests.support.pool_lives import PoolLife
from tests.support.prepared_plane import prepared_plane

Json = dict[str, Any]

DEPLOYMENTS = "/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/machinedeployments"


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoolLife]:
    with (
        prepared_plane(tmp_path_factory.mktemp("management"), controller_manager=True) as plane,
        PoolLife(plane, tmp_path_factory.mktemp("drift"), "drift") as instance,
    ):
        instance.sections["cluster"] |= {"namespace": "made-by-the-stack", "createNamespace": True}
        yield instance


def test_the_first_preview_of_a_namespace_that_the_stack_makes_goes_through(pools: PoolLife) -> None:
    pools.project.pulumi("stack", "init", pools.stack).ok()
    pools.life.configure({"a": {"replicas": 1}})
    output = pools.project.pulumi("preview", "--stack", pools.stack).ok()
    assert "to create" in output, "a preview that fails keeps `pulumi up` from being tried"


def test_a_refresh_without_a_change_reports_none(pools: PoolLife) -> None:
    pools.sections["cluster"] = {"name": pools.stack, "namespace": pools.fleet.namespace}
    pools.life.configure({"a": {"replicas": 1}})
    pools.life.whole()
    # Cluster API's and Kamaji's part of the objects is read once.
    pools.project.pulumi("refresh", "--yes", "--skip-preview", "--stack", pools.stack).ok()
    result = pools.project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", pools.stack)
    assert result.code == 0, f"nothing has changed:\n{result.output}"
    result = pools.project.pulumi("preview", "--expect-no-changes", "--stack", pools.stack)
    assert result.code == 0, f"and nothing is to do:\n{result.output}"


def test_a_deleted_and_a_changed_object_are_put_right(pools: PoolLife) -> None:
    http, url = pools.sets.http, f"{DEPLOYMENTS.format(pools.fleet.namespace)}/drift-a"
    http.patch(url, json={"spec": {"replicas": 7}}, headers=MERGE).raise_for_status()
    pools.life.whole()
    assert http.get(url).json()["spec"]["replicas"] == 1, "machines that nobody asked for are billed"
    http.delete(url).raise_for_status()
    output = pools.project.script_here("up", "--stack", pools.stack, "--no-wait").ok()
    assert "drift-a was deleted by somebody else" in output, f"it is said:\n{output}"
    assert http.get(url).status_code == 200, "the pool is there again"


def test_a_deleted_template_is_made_again(pools: PoolLife) -> None:
    kind, name = sorted(pools.sets.templates())[0]
    path = "/apis/bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{}/kubeadmconfigtemplates"
    assert kind == "KubeadmConfigTemplate", "the first in the order of kinds"
    pools.sets.http.delete(f"{path.format(pools.fleet.namespace)}/{name}").raise_for_status()
    pools.project.script_here("up", "--stack", pools.stack, "--no-wait").ok()
    assert (kind, name) in pools.sets.templates(), "no machine could be made without it"


def status(pools: PoolLife) -> Json:
    """What `kamaji-equinix status` tells of the only cluster."""
    report: Json = json.loads(pools.project.script_here("status", "--json", "--stack", pools.stack).ok())[pools.stack]
    return report


def patched(pools: PoolLife, path: str, name: str, content: Json, *, subresource: str = "") -> None:
    url = f"{path.format(pools.fleet.namespace)}/{name}{subresource}"
    manager = {"fieldManager": "somebody"}
    pools.sets.http.patch(url, json=content, headers=MERGE, params=manager).raise_for_status()


def delete(pools: PoolLife, path: str, name: str) -> None:
    url = f"{path.format(pools.fleet.namespace)}/{name}"
    pools.sets.http.delete(url).raise_for_status()
    eventually(lambda: pools.sets.http.get(url).status_code, lambda code: code == 404, 30, f"{url} is gone")


def changed_by_somebody(pools: PoolLife) -> None:
    patched(pools, CONTROL_PLANES, "drift-control-plane", {"spec": {"replicas": 3}})
    version = {"template": {"spec": {"version": "v1.32.0"}}}
    patched(pools, DEPLOYMENTS, "drift-a", {"spec": {"replicas": 3, **version}})


def of_another_version(pools: PoolLife) -> None:
    patched(pools, CONTROL_PLANES, "drift-control-plane", {"spec": {"version": "1.33.1"}})


def without_an_endpoint(pools: PoolLife) -> None:
    patched(pools, INFRASTRUCTURE, "drift", {"spec": {"controlPlaneEndpoint": None}})
    patched(pools, INFRASTRUCTURE, "drift", {"status": {"ready": False}}, subresource="/status")


def not_marked_ready(pools: PoolLife) -> None:
    patched(pools, INFRASTRUCTURE, "drift", {"status": {"ready": False}}, subresource="/status")


def with_a_strange_endpoint(pools: PoolLife) -> None:
    patched(pools, INFRASTRUCTURE, "drift", {"spec": {"controlPlaneEndpoint": {"host": "10.9.9.9", "port": 6443}}})


def without_a_reference(pools: PoolLife) -> None:
    patched(pools, CLUSTERS, "drift", {"spec": {"controlPlaneRef": None}})


def without_infrastructure(pools: PoolLife) -> None:
    delete(pools, INFRASTRUCTURE, "drift")


def without_a_pool(pools: PoolLife) -> None:
    delete(pools, DEPLOYMENTS, "drift-a")


def without_a_control_plane(pools: PoolLife) -> None:
    delete(pools, CONTROL_PLANES, "drift-control-plane")


def without_a_cluster(pools: PoolLife) -> None:
    delete(pools, CLUSTERS, "drift")


LOSSES: list[tuple[Callable[[PoolLife], None], list[str]]] = [
    (
        changed_by_somebody,
        [
            "it has 3 replicas, and 2 are asked for",
            "it is for 3 machines, and 1 are asked for",
            "its machines are for Kubernetes 1.32.0, and 1.33.0 is asked for",
        ],
    ),
    (of_another_version, ["it is for Kubernetes 1.33.1, and 1.33.0 is asked for"]),
    (without_an_endpoint, ["the hand-off is not done"]),
    (not_marked_ready, ["the hand-off is not done"]),
    (with_a_strange_endpoint, ["its endpoint is 10.9.9.9:6443, but"]),
    (without_a_reference, ["spec.controlPlaneRef is empty"]),
    (without_infrastructure, ["does not exist in namespace"]),
    (without_a_pool, ["it does not exist, and pool a with 1 machine is asked for"]),
    (without_a_control_plane, ["does not exist in namespace"]),
    (without_a_cluster, ["does not exist in namespace"]),
]


@pytest.mark.parametrize(("lose", "words"), LOSSES, ids=[lose.__name__ for lose, _ in LOSSES])
def test_up_mends_what_status_says_that_it_mends(
    pools: PoolLife, lose: Callable[[PoolLife], None], words: list[str]
) -> None:
    lose(pools)
    report = status(pools)
    remarks = [remark for remark in (report["blockedBy"], *report["differences"]) if remark]
    for text in words:
        matches = [remark for remark in remarks if text in remark["reason"]]
        assert matches, f"{text!r} is told: {remarks}"
        assert "kamaji-equinix up" in matches[0]["action"], "with the advice that is followed here"
    pools.project.script_here("up", "--stack", pools.stack, "--no-wait").ok()
    report = status(pools)
    rest = [remark["reason"] for remark in (report["blockedBy"], *report["differences"]) if remark]
    assert not [text for text in words if any(text in reason for reason in rest)], f"the advice worked: {rest}"
