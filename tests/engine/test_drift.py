"""What somebody else deletes or changes behind the program's back: found by `up`, and put right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.plane import ManagementPlane
from tests.support.fleet import CLUSTERS, CONTROL_PLANES, INFRASTRUCTURE, MERGE
from tests.support.lab import eventually
from tests.support.pool_lives import PoolLife

Json = dict[str, Any]

DEPLOYMENTS = "/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/machinedeployments"


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoolLife]:
    plane = ManagementPlane(tmp_path_factory.mktemp("management"), controller_manager=True)
    try:
        plane.start()
        with PoolLife(plane, tmp_path_factory.mktemp("drift"), "drift") as found:
            found.sections["cluster"] |= {"namespace": "made-by-the-stack", "createNamespace": True}
            yield found
    finally:
        plane.stop()


def test_the_first_preview_of_a_namespace_that_the_stack_makes_goes_through(pools: PoolLife) -> None:
    pools.project.pulumi("stack", "init", pools.stack).ok()
    pools.life.configure({"a": {"replicas": 1}})
    told = pools.project.pulumi("preview", "--stack", pools.stack).ok()
    assert "to create" in told, "a preview that fails keeps `pulumi up` from being tried"


def test_a_refresh_without_a_change_reports_none(pools: PoolLife) -> None:
    pools.sections["cluster"] = {"name": pools.stack, "namespace": pools.fleet.namespace}
    pools.life.configure({"a": {"replicas": 1}})
    pools.life.whole()
    # Cluster API's and Kamaji's part of the objects is read once.
    pools.project.pulumi("refresh", "--yes", "--skip-preview", "--stack", pools.stack).ok()
    told = pools.project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", pools.stack)
    assert told.code == 0, f"nothing has changed:\n{told.output}"
    told = pools.project.pulumi("preview", "--expect-no-changes", "--stack", pools.stack)
    assert told.code == 0, f"and nothing is to do:\n{told.output}"


def test_a_deleted_and_a_changed_object_are_put_right(pools: PoolLife) -> None:
    http, where = pools.sets.http, f"{DEPLOYMENTS.format(pools.fleet.namespace)}/drift-a"
    http.patch(where, json={"spec": {"replicas": 7}}, headers=MERGE).raise_for_status()
    pools.life.whole()
    assert http.get(where).json()["spec"]["replicas"] == 1, "machines that nobody asked for are billed"
    http.delete(where).raise_for_status()
    done = pools.project.script_here("up", "--stack", pools.stack, "--no-wait").ok()
    assert "drift-a was deleted by somebody else" in done, f"it is said:\n{done}"
    assert http.get(where).status_code == 200, "the pool is there again"


def test_a_deleted_template_is_made_again(pools: PoolLife) -> None:
    kind, name = sorted(pools.sets.templates())[0]
    path = "/apis/bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{}/kubeadmconfigtemplates"
    assert kind == "KubeadmConfigTemplate", "the first in the order of kinds"
    pools.sets.http.delete(f"{path.format(pools.fleet.namespace)}/{name}").raise_for_status()
    pools.project.script_here("up", "--stack", pools.stack, "--no-wait").ok()
    assert (kind, name) in pools.sets.templates(), "no machine could be made without it"


def status(pools: PoolLife) -> Json:
    """What `kamaji-equinix status` tells of the only cluster."""
    told: Json = json.loads(pools.project.script_here("status", "--json", "--stack", pools.stack).ok())[pools.stack]
    return told


def patched(pools: PoolLife, path: str, name: str, content: Json, *, subresource: str = "") -> None:
    where = f"{path.format(pools.fleet.namespace)}/{name}{subresource}"
    manager = {"fieldManager": "somebody"}
    pools.sets.http.patch(where, json=content, headers=MERGE, params=manager).raise_for_status()


def deleted(pools: PoolLife, path: str, name: str) -> None:
    where = f"{path.format(pools.fleet.namespace)}/{name}"
    pools.sets.http.delete(where).raise_for_status()
    eventually(lambda: pools.sets.http.get(where).status_code, lambda code: code == 404, 30, f"{where} is gone")


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
    deleted(pools, INFRASTRUCTURE, "drift")


def without_a_pool(pools: PoolLife) -> None:
    deleted(pools, DEPLOYMENTS, "drift-a")


def without_a_control_plane(pools: PoolLife) -> None:
    deleted(pools, CONTROL_PLANES, "drift-control-plane")


def without_a_cluster(pools: PoolLife) -> None:
    deleted(pools, CLUSTERS, "drift")


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
    told = status(pools)
    remarks = [one for one in (told["blockedBy"], *told["differences"]) if one]
    for text in words:
        named = [one for one in remarks if text in one["reason"]]
        assert named, f"{text!r} is told: {remarks}"
        assert "kamaji-equinix up" in named[0]["action"], "with the advice that is followed here"
    pools.project.script_here("up", "--stack", pools.stack, "--no-wait").ok()
    told = status(pools)
    left = [one["reason"] for one in (told["blockedBy"], *told["differences"]) if one]
    assert not [text for text in words if any(text in reason for reason in left)], f"the advice worked: {left}"
