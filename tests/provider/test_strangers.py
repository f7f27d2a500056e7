"""Names of the settings under which somebody else's objects live: nothing of them is taken over."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from kamaji_equinix.components.checks import strangers
from kamaji_equinix.components.checks.living_cluster import read_cluster
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of
from kamaji_equinix.components.kube.objects import Kind, plural
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import TenantClusterSettings
from kamaji_equinix.components.settings.report import Problem

from lab.plane import ManagementPlane
from tests.support.settings_cases import configuration

Json = dict[str, Any]


def tenant(namespace: str, cluster: str, pool: str, plane: str = "") -> TenantClusterSettings:
    """Settings of a cluster with one pool."""
    section = {"controlPlane": {"name": plane}} if plane else {}
    pools = [{"name": pool, "replicas": 1}]
    raw = configuration(cluster={"name": cluster, "namespace": namespace}, workerPools=pools, **section)
    (found,) = load_stack(raw).clusters
    return found


def create(http: httpx.Client, manifest: Json) -> None:
    """Make an object, as somebody else."""
    kind = Kind(manifest["apiVersion"], manifest["kind"], plural(manifest["kind"]))
    http.post(kind.path(manifest["metadata"]["namespace"]), json=manifest).raise_for_status()


def make(http: httpx.Client, one: TenantClusterSettings, *kinds: str) -> None:
    """A living cluster, or some kinds of it."""
    for document in documents(one):
        if document["kind"] != "Namespace" and (not kinds or document["kind"] in kinds):
            create(http, document)


def judged(
    management: ManagementPlane, one: TenantClusterSettings, applied: set[tuple[str, str]] | None
) -> list[Problem]:
    """What is said of settings."""
    api = Api(kubeconfig_of(management.kubeconfig).access())
    return list(strangers.problems(api, "", one, read_cluster(api, one), applied))


def test_a_cluster_that_the_stack_has_not_made_is_not_taken_over(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    one = tenant(namespace, "prod", "a")
    assert judged(management, one, set()) == [], "a new one"
    make(http, one)
    (problem,) = judged(management, one, set())
    assert problem.path == "cluster.name", problem
    assert judged(management, one, {(namespace, "prod")}) == [], "its own"
    assert judged(management, one, None) == [], "one that is to be taken in"


def test_the_bare_cluster_of_an_engine_that_was_killed_is_gone_on_with(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    one = tenant(namespace, "prod", "a")
    make(http, one, "Cluster")
    assert judged(management, one, set()) == [], "nothing hangs on it yet"
    make(http, one, "KamajiControlPlane")
    assert judged(management, one, set()), "with a control plane it is a cluster"


@pytest.mark.parametrize(
    ("own", "free", "path", "words"),
    [
        (("b", "a", "prod-control-plane"), ("b", "a", "b-plane"), "controlPlane.name", "belongs to Cluster prod"),
        (("b", "a", "alone"), ("b", "a", "b-plane"), "controlPlane.name", "made without Cluster API"),
        (("prod-x", "y"), ("prod-x", "z"), "workerPools[0].name", "MachineDeployment"),
    ],
    ids=["control plane", "tenant control plane", "pool"],
)
def test_what_another_cluster_has_is_named_and_another_name_is_free(
    management: ManagementPlane,
    http: httpx.Client,
    namespace: str,
    own: tuple[str, ...],
    free: tuple[str, ...],
    path: str,
    words: str,
) -> None:
    make(http, tenant(namespace, "prod", "x-y"))
    create(http, alone(namespace))
    (problem,) = judged(management, tenant(namespace, *own), set())
    assert (problem.path, words in str(problem)) == (path, True), f"what is taken is named: {problem}"
    assert "choose another name" in str(problem), "the advice"
    assert judged(management, tenant(namespace, *free), set()) == [], "which works"


def alone(namespace: str) -> Json:
    """A TenantControlPlane of a user of Kamaji alone."""
    spec = {
        "controlPlane": {"service": {"serviceType": "LoadBalancer"}},
        "networkProfile": {"port": 6443},
        "kubernetes": {"version": "v1.33.0", "kubelet": {"cgroupfs": "systemd"}},
    }
    metadata = {"name": "alone", "namespace": namespace}
    document = {"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "TenantControlPlane", "metadata": metadata}
    return copy.deepcopy({**document, "spec": spec})
