"""What somebody else deletes or changes behind the program's back: found by `up`, and put right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.plane import ManagementPlane
from tests.support.fleet import MERGE
from tests.support.pool_lives import PoolLife

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
    done = pools.project.script("up", "--stack", pools.stack, "--no-wait").ok()
    assert "drift-a was deleted by somebody else" in done, f"it is said:\n{done}"
    assert http.get(where).status_code == 200, "the pool is there again"


def test_a_deleted_template_is_made_again(pools: PoolLife) -> None:
    kind, name = sorted(pools.sets.templates())[0]
    path = "/apis/bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{}/kubeadmconfigtemplates"
    assert kind == "KubeadmConfigTemplate", "the first in the order of kinds"
    pools.sets.http.delete(f"{path.format(pools.fleet.namespace)}/{name}").raise_for_status()
    pools.project.script("up", "--stack", pools.stack, "--no-wait").ok()
    assert (kind, name) in pools.sets.templates(), "no machine could be made without it"
