"""The program of docs/components.md, run by the real engine: a tenant cluster beside other resources."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import kamaji_equinix.components

from lab.plane import ManagementPlane
from tests.support.document_code import without_plugin
from tests.support.fleet import MERGE, Fleet
from tests.support.lab import eventually
from tests.support.project import ROOT, Project

STACK = "page"
NAMESPACE = "tenants"


def collect(fleet: Fleet, path: str) -> None:
    """Play the garbage collector for an object that is deleted in the foreground."""

    def is_deleted() -> bool:
        answer = fleet.http.get(path)
        if answer.status_code == httpx.codes.OK and "deletionTimestamp" in answer.json()["metadata"]:
            fleet.http.patch(path, json={"metadata": {"finalizers": None}}, headers=MERGE)
        return answer.status_code == httpx.codes.NOT_FOUND

    eventually(is_deleted, bool, 120, "the object is deleted")


def test_the_documented_program_makes_a_cluster_beside_other_resources(
    project: Project, management: ManagementPlane
) -> None:
    page = (ROOT / "docs" / "components.md").read_text()
    program = page.partition("```python\n")[2].partition("```")[0]
    (project.folder / "__main__.py").write_text(without_plugin(program))
    # Any API server may play the tenant's.
    with Fleet(management, namespace=NAMESPACE, kubeconfig=management.kubeconfig.read_text()) as fleet:
        project.pulumi("stack", "init", STACK).ok()
        secret = ("config", "set", "--stack", STACK, "--secret", "management:kubeconfig")
        project.pulumi(*secret, management.kubeconfig.read_text()).ok()
        project.up(STACK).ok()
        assert project.up(STACK, "--expect-no-changes").code == 0, "a second run has nothing to do"
        config_map = fleet.http.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/endpoints").raise_for_status().json()
        assert config_map["data"]["blue"].startswith("127.0.0.1:"), "the other resource got the cluster's endpoint"
        inside = "/api/v1/namespaces/default/configmaps/greeting"
        assert fleet.http.get(inside).raise_for_status().json()["data"] == {"from": "outside"}, "so did the tenant"
        with ThreadPoolExecutor(1) as beside:
            collection = beside.submit(collect, fleet, f"/api/v1/namespaces/{NAMESPACE}/configmaps/endpoints")
            project.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK).ok()
            collection.result()
        path = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/{NAMESPACE}/clusters/blue"
        assert fleet.http.get(path).status_code == httpx.codes.NOT_FOUND, "the cluster goes with the stack"
        assert fleet.http.delete(inside).status_code == httpx.codes.OK, "and the tenant was asked for nothing"


def test_each_public_name_is_there_and_costs_nothing_before() -> None:
    for name in kamaji_equinix.components.__all__:
        assert getattr(kamaji_equinix.components, name).__name__ == name, f"{name} can be imported"
    code = "import sys, kamaji_equinix.components as c; print([m for m in ('pulumi', 'pydantic') if m in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]", "what is not used is not loaded"
