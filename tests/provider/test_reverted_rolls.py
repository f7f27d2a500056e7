"""What is announced of a change that goes back to the content of a MachineSet that is still there, on a real API server."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from kamaji_equinix.components.checks.living_cluster import read_cluster
from kamaji_equinix.components.checks.machines import plan_of
from kamaji_equinix.components.checks.pool_change import PoolChange
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of
from kamaji_equinix.components.kube.objects import Kind, plural
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import TenantClusterSettings

from lab.plane import ManagementPlane
from tests.support.settings_cases import configuration

Json = dict[str, Any]

FORMER, CURRENT = "c3.small.x86", "m3.large.x86"
"""Machine types of a pool before a change, and since."""


def tenant(namespace: str, machine_type: str, **pool: Any) -> TenantClusterSettings:
    """Settings of a cluster with one pool of three machines."""
    pools = [{"name": "web", "replicas": 3, "machineType": machine_type, **pool}]
    (result,) = load_stack(configuration(cluster={"name": "c1", "namespace": namespace}, workerPools=pools)).clusters
    return result


def create(http: httpx.Client, document: Json) -> Json:
    kind = Kind(document["apiVersion"], document["kind"], plural(document["kind"]))
    answer = http.post(kind.path(document["metadata"]["namespace"]), json=document)
    obj: Json = answer.raise_for_status().json()
    return obj


def deployment_of(settings: TenantClusterSettings) -> Json:
    (result,) = [document for document in documents(settings) if document["kind"] == "MachineDeployment"]
    return result


def change(
    management: ManagementPlane, http: httpx.Client, namespace: str, sets: dict[str, tuple[str, int]], **pool: Any
) -> PoolChange:
    """What a run announces that goes back to the former machine type.

    Args:
        management: the API server.
        http: its client.
        namespace: the cluster's.
        sets: machine type and replicas of each MachineSet, by name.
        pool: further settings of the pool, before and after.
    """
    living = tenant(namespace, CURRENT, **pool)
    state: Json = {}
    for number, document in enumerate(documents(living)):
        if document["kind"] in ("Namespace", "PacketCluster", "Secret"):
            continue
        obj = create(http, document)
        state[f"urn:x$kubernetes:{document['apiVersion']}:{document['kind']}::{number}"] = {"outputs": obj}
        if document["kind"] == "MachineDeployment":
            owner = {key: obj[key] for key in ("apiVersion", "kind")}
            owner |= {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"], "controller": True}
    for name, (machine_type, replicas) in sets.items():
        spec = copy.deepcopy(deployment_of(tenant(namespace, machine_type, **pool))["spec"])
        metadata = {"name": name, "namespace": namespace, "ownerReferences": [owner]}
        metadata["labels"] = {"cluster.x-k8s.io/cluster-name": "c1"}
        content = {key: spec[key] for key in ("clusterName", "selector", "template")} | {"replicas": replicas}
        version = "cluster.x-k8s.io/v1beta1"
        create(http, {"apiVersion": version, "kind": "MachineSet", "metadata": metadata, "spec": content})
    former = tenant(namespace, FORMER, **pool)
    api = Api(kubeconfig_of(management.kubeconfig).access())
    (result,) = plan_of(former, read_cluster(api, former), state)
    return result


@pytest.mark.parametrize(
    ("former", "current", "counts"),
    [
        (3, 0, (0, 0, 0)),
        (3, 1, (1, 0, 0)),
        (2, 2, (1, 1, 0)),
        (1, 3, (1, 2, 0)),
        (0, 3, (0, 3, 0)),
        (None, 3, (0, 3, 0)),
    ],
    ids=["not begun", "one more", "half", "nearly over", "over", "forgotten"],
)
def test_a_reverted_change_rolls_only_what_the_former_machine_set_has_lost(
    management: ManagementPlane,
    http: httpx.Client,
    namespace: str,
    former: int | None,
    current: int,
    counts: tuple[int, int, int],
) -> None:
    sets = {"new": (CURRENT, current)} | ({} if former is None else {"old": (FORMER, former)})
    result = change(management, http, namespace, sets)
    assert (result.deleted, result.rolled, result.added) == counts, str(result)
    assert ("MachineSet old has this content already" in result.reason) == bool(former), result.reason
    assert result.loses == bool(result.deleted or result.rolled), "a warning exactly where a machine goes"


def test_of_two_machine_sets_of_one_content_that_with_more_machines_goes_on(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    sets = {"one": (FORMER, 1), "two": (FORMER, 2), "new": (CURRENT, 1)}
    result = change(management, http, namespace, sets)
    assert "2 stay, because MachineSet two" in result.reason, f"as Cluster API chooses: {result}"
    assert (result.deleted, result.rolled, result.added) == (1, 1, 0), str(result)


def test_a_machine_set_from_before_a_roll_on_demand_is_not_taken(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    # Creations are told in whole seconds; this one lies before all of them.
    sets = {"old": (FORMER, 3), "new": (CURRENT, 0)}
    result = change(management, http, namespace, sets, rolloutAfter="2020-01-01T00:00:00Z")
    assert result.rolled == 0, f"it was made since then: {result}"


def test_a_change_amid_a_roll_tells_the_machines_that_are_too_many(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    sets = {"other": ("s3.xlarge.x86", 3), "new": (CURRENT, 1)}
    result = change(management, http, namespace, sets)
    assert (result.deleted, result.rolled, result.added) == (1, 3, 0), "none has the content that is asked for"
    assert "a roll under way has made 1 more than asked for" in result.reason, result.reason
