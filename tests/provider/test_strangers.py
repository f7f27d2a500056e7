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
    (settings,) = load_stack(raw).clusters
    return settings


def create(http: httpx.Client, manifest: Json) -> None:
    """Make an object, as somebody else."""
    kind = Kind(manifest["apiVersion"], manifest["kind"], plural(manifest["kind"]))
    http.post(kind.path(manifest["metadata"]["namespace"]), json=manifest).raise_for_status()


def make(http: httpx.Client, settings: TenantClusterSettings, *kinds: str) -> None:
    """A living cluster, or some kinds of it."""
    for document in documents(settings):
        if document["kind"] != "Namespace" and (not kinds or document["kind"] in kinds):
            create(http, document)


def judge(
    management: ManagementPlane, settings: TenantClusterSettings, applied: set[tuple[str, str]] | None
) -> list[Problem]:
    """What is said of settings."""
    api = Api(kubeconfig_of(management.kubeconfig).access())
    return list(strangers.problems(api, "", settings, read_cluster(api, settings), applied))


def test_a_cluster_that_the_stack_has_not_made_is_not_taken_over(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    settings = tenant(namespace, "prod", "a")
    assert judge(management, settings, set()) == [], "a new one"
    make(http, settings)
    (problem,) = judge(management, settings, set())
    assert problem.path == "cluster.name", problem
    assert judge(management, settings, {(namespace, "prod")}) == [], "its own"
    assert judge(management, settings, None) == [], "one that is to be taken in"


def test_the_bare_cluster_of_an_engine_that_was_killed_is_gone_on_with(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    settings = tenant(namespace, "prod", "a")
    make(http, settings, "Cluster")
    assert judge(management, settings, set()) == [], "nothing hangs on it yet"
    make(http, settings, "KamajiControlPlane")
    assert judge(management, settings, set()), "with a control plane it is a cluster"


@pytest.mark.parametrize(
    ("section", "free", "path", "words"),
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
    section: tuple[str, ...],
    free: tuple[str, ...],
    path: str,
    words: str,
) -> None:
    make(http, tenant(namespace, "prod", "x-y"))
    create(http, alone(namespace))
    (problem,) = judge(management, tenant(namespace, *section), set())
    assert (problem.path, words in str(problem)) == (path, True), f"what is taken is named: {problem}"
    assert "choose another name" in str(problem), "the advice"
    assert judge(management, tenant(namespace, *free), set()) == [], "which works"


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
