"""The first thing that keeps a cluster from being ready, in words, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.tree import Blocker, Failure, Snapshot
from kamaji_equinix.components.tree.model import Reference

from tests.support import cluster_objects as made
from tests.support.cluster_objects import Object, condition
from tests.support.snapshots import TRUE, pool, snapshot

WAITING = condition(False, "WaitingForControlPlane", "Info")


def blocker_of(*objects: Object, **changed: Any) -> Blocker:
    found = tree.first_blocker(tree.build(snapshot(*objects, **changed)))
    assert found is not None, "something blocks"
    return found


def cluster(ready: Object | None = WAITING, **changed: Any) -> Object:
    return made.cluster(ready=ready, infrastructure=made.packet_cluster(), plane=made.control_plane(), **changed)


def linked(plane: Object) -> Object:
    """A control plane that Cluster API has linked to its Cluster."""
    return made.with_owner(plane, cluster())


def refer(machine: Object, part: Object, *path: str) -> dict[Reference, Object | Failure]:
    """Makes a machine refer to a part, and the part known."""
    holder: Any = machine["spec"]
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    holder[path[-1]] = made.reference(part)
    reference = Reference.parse(holder[path[-1]], "default")
    assert reference is not None, "a reference"
    return {reference: part}


def test_nothing_blocks_a_cluster_whose_cells_are_true_and_whose_replicas_are_as_asked() -> None:
    for workers in ([], pool("a", [TRUE] * 3), pool("a", [])):
        assert tree.first_blocker(tree.build(snapshot(*workers))) is None, "it is ready"


def test_a_cluster_that_does_not_exist_is_named_with_the_way_to_make_it() -> None:
    missing = Failure("Cluster/c1", "NotFound", 'clusters.cluster.x-k8s.io "c1" not found')
    found = tree.first_blocker(tree.build(Snapshot("prod", "c1", missing)))
    assert found is not None, "a cluster that isn't there isn't ready"
    assert "does not exist in namespace prod" in found.reason, "what is wrong, and where"
    assert "kamaji-equinix up" in found.action, "what to do: plain pulumi compares with its state alone"
    assert "kubectl -n prod get clusters" in found.action, "how to see what there is"


@pytest.mark.parametrize(
    ("reason", "action"),
    [
        ("Forbidden", "rights to get and list"),
        ("Unauthorized", "Renew the management credentials"),
        ("Unreachable", "See that the management cluster runs"),
        ("NotServed", "clusterctl init"),
        ("InternalError", "API server's log"),
    ],
)
def test_a_read_that_failed_says_how_to_mend_it(reason: str, action: str) -> None:
    found = tree.first_blocker(tree.build(Snapshot("default", "c1", Failure("Cluster/c1", reason, "said the server"))))
    assert found is not None, "an unknown state is not a ready one"
    assert f"{reason}: said the server" in found.reason, "the server's words are passed on"
    assert action in found.action, "and what to do"


def test_a_control_plane_without_owner_is_told_apart_from_one_that_starts() -> None:
    plane = made.control_plane(ready=False, endpoint=None)
    found = blocker_of(cluster=cluster(), control_plane=plane)
    assert found.subject == "KamajiControlPlane/cp", "the object to look at"
    assert "no Cluster owns" in found.reason, "Kamaji ignores it until Cluster API links it"


def test_a_service_without_address_is_named() -> None:
    tenant, service = made.tenant_control_plane(phase="Provisioning", endpoint=""), made.service()
    found = blocker_of(
        cluster=cluster(),
        control_plane=linked(made.control_plane(ready=False, endpoint=None)),
        evidence={"TenantControlPlane/cp": tenant, "Service/cp": service},
    )
    assert "Service cp has no ingress address" in found.reason, "the cause"
    assert "kubectl -n default describe service cp" in found.action, "and the command"


def test_while_there_is_no_endpoint_kamajis_own_words_are_passed_on() -> None:
    unmet = {
        "type": "TenantControlPlaneCreated",
        "status": "False",
        "reason": "Pending",
        "message": "DataStore blue not found",
        "lastTransitionTime": made.SINCE,
    }
    plane = linked(made.control_plane(ready=False, endpoint=None, conditions=[unmet]))
    found = blocker_of(
        cluster=cluster(),
        control_plane=plane,
        evidence={"TenantControlPlane/cp": Failure("TenantControlPlane/cp", "Forbidden", "no")},
    )
    assert "DataStore blue not found" in found.reason, "the condition's message"
    assert "TenantControlPlane/cp can't be read (Forbidden: no)" in found.reason, "what is unknown is said, too"


def test_a_hand_off_that_is_not_done_names_both_sides_and_what_is_missing() -> None:
    found = blocker_of(
        cluster=cluster(),
        control_plane=made.control_plane(ready=False),
        infrastructure=made.packet_cluster(ready=False, endpoint=None),
    )
    assert found.subject == "PacketCluster/c1", "the object to look at"
    assert "KamajiControlPlane/cp has endpoint 10.0.0.5:6443" in found.reason, "what is there"
    assert "no endpoint and no status.ready" in found.reason, "what is missing"
    assert "kamaji-equinix up" in found.action, "who does it"
    assert "https://10.0.0.5:6443/readyz" in found.action, "how to try it"


def test_an_ipv6_endpoint_is_written_in_brackets() -> None:
    found = blocker_of(
        cluster=cluster(),
        control_plane=made.control_plane(ready=False, endpoint=("2001:db8::5", 443)),
        infrastructure=made.packet_cluster(ready=False, endpoint=None),
    )
    assert "https://[2001:db8::5]:443/readyz" in found.action, "a URL that curl takes"


def test_two_different_endpoints_are_shown_side_by_side() -> None:
    found = blocker_of(infrastructure=made.packet_cluster(endpoint=("10.9.9.9", 6443)))
    assert "10.9.9.9:6443" in found.reason, "one"
    assert "10.0.0.5:6443" in found.reason, "and the other"


def test_after_the_hand_off_a_control_plane_that_does_not_answer_is_named() -> None:
    tenant = made.tenant_control_plane(phase="NotReady")
    tenant["status"]["kubernetesResources"]["deployment"] = {"replicas": 2, "readyReplicas": 0}
    found = blocker_of(
        cluster=cluster(), control_plane=made.control_plane(ready=False), evidence={"TenantControlPlane/cp": tenant}
    )
    assert "TenantControlPlane/cp is NotReady, 0 of 2 pods ready" in found.reason, "Kamaji's view of it"


def test_a_paused_cluster_and_one_in_deletion_say_so_before_all_else() -> None:
    paused = blocker_of(cluster=cluster(paused=True), control_plane=Failure("KamajiControlPlane/cp", "NotFound", "x"))
    assert "paused" in paused.reason, "nothing will change until it isn't"
    going = cluster(TRUE, finalizers=["cluster.cluster.x-k8s.io"])
    going["metadata"]["deletionTimestamp"] = made.SINCE
    deleted = blocker_of(*pool("a", [TRUE] * 2), cluster=going)
    assert "being deleted since 2026-01-02 03:04:05" in deleted.reason, "since when"
    assert "2 machines" in deleted.reason, "what is still there"
    assert "finalizer cluster.cluster.x-k8s.io" in deleted.reason, "what holds it"


def test_a_machine_that_failed_for_good_comes_before_those_that_wait() -> None:
    objects = pool("a", [condition(False, "WaitingForBootstrapData", "Info"), condition(False, "Failed", "Error")])
    lost = made.packet_machine("a-1", failureReason="CreateError", failureMessage="no capacity for c3.small in da")
    found = blocker_of(*objects, references=refer(objects[-1], lost, "infrastructureRef"))
    assert found.subject == "PacketMachine/a-1", "the part that failed, not the machine that copies it"
    assert "CreateError: no capacity for c3.small in da" in found.reason, "its own words"
    assert "kubectl -n default delete machine a-1" in found.action, "nobody retries it: it must be replaced"


def test_a_version_skew_that_holds_back_machines_names_both_versions() -> None:
    objects = pool("a", [], replicas=0, readyReplicas=0, updatedReplicas=0)
    objects[0]["spec"]["replicas"] = objects[1]["spec"]["replicas"] = 3
    objects[1]["spec"]["template"]["spec"]["version"] = "v1.34.0"
    objects[1]["status"]["replicas"] = 0
    objects[1]["status"]["conditions"] = [
        condition(False, "PreflightCheckFailed", "Error", "KubeadmVersion preflight check failed", "MachinesCreated")
    ]
    found = blocker_of(*objects)
    assert found.subject == "MachineDeployment/a", "the pool, which the user knows"
    assert "has 0 of 3 machines" in found.reason, "what is missing"
    assert "want v1.34.0, the control plane runs 1.33.0" in found.reason, "both versions"
    assert "kubernetesVersion" in found.action, "the setting to change"


@pytest.mark.parametrize(
    ("status", "reason", "action"),
    [
        ({}, "waits for bootstrap data", "KubeadmConfig"),
        ({"bootstrapReady": True}, "waits for its server", "PacketMachine"),
        (
            {"bootstrapReady": True, "infrastructureReady": True},
            "no node with this provider ID has joined",
            "kubeadm join",
        ),
        (
            {"bootstrapReady": True, "infrastructureReady": True, "nodeRef": {"name": "node-1"}},
            "its node node-1 is not ready",
            "kubectl describe node node-1",
        ),
    ],
)
def test_a_machine_says_which_step_it_waits_for(status: Object, reason: str, action: str) -> None:
    objects = pool("a", [condition(False, "X", "Info")])
    machine = objects[-1]
    machine["status"] = {"conditions": machine["status"]["conditions"], **status}
    machine["spec"]["providerID"] = "equinixmetal://1234"
    config = made.kubeadm_config("a-0", ready=condition(False, "Generating", "Info", "token of the control plane"))
    references = {
        **refer(machine, made.packet_machine("a-0"), "infrastructureRef"),
        **refer(machine, config, "bootstrap", "configRef"),
    }
    found = blocker_of(*objects, references=references)
    assert reason in found.reason, "the step"
    assert action in found.action, "where to look"


def test_the_words_of_the_part_that_a_machine_waits_for_are_passed_on() -> None:
    objects = pool("a", [WAITING])
    machine = objects[-1]
    machine["status"] = {"conditions": machine["status"]["conditions"]}
    config = made.kubeadm_config("a-0", ready=condition(False, "DataSecretGenerationFailed", "Error", "no CA secret"))
    found = blocker_of(*objects, references=refer(machine, config, "bootstrap", "configRef"))
    assert "DataSecretGenerationFailed: no CA secret" in found.reason, "reason and message of the KubeadmConfig"


def test_a_machine_in_deletion_names_what_holds_it() -> None:
    objects = pool("a", [TRUE, TRUE])
    machine = objects[-1]
    machine["metadata"] |= {"deletionTimestamp": made.SINCE, "finalizers": ["machine.cluster.x-k8s.io"]}
    machine["status"]["conditions"].append(
        condition(False, "Draining", "Info", "pod web-1 can't be evicted", "DrainingSucceeded")
    )
    found = blocker_of(*objects)
    assert "being deleted since 03:04:05" in found.reason, "since when"
    assert "pod web-1 can't be evicted" in found.reason, "what holds it"
    assert "machine.cluster.x-k8s.io" in found.action, "whose finalizer"


@pytest.mark.parametrize("count", ["replicas", "readyReplicas", "updatedReplicas", "availableReplicas"])
def test_a_pool_without_all_its_machines_is_not_ready_though_every_row_is_true(count: str) -> None:
    found = blocker_of(*pool("a", [TRUE, TRUE], **{count: 1}))
    assert found.subject == "MachineDeployment/a", "the pool"
    assert "of 2 machines" in found.reason, "how many there should be"


NO_NETWORK = (
    "* Node.Ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)


@pytest.mark.parametrize("newer", [True, False], ids=["beside the older conditions", "as the only conditions"])
@pytest.mark.parametrize(
    ("message", "reason", "action"),
    [
        (NO_NETWORK, "its node node-1 has no network, because no network plugin runs on it", "`network.plugin`"),
        (
            "* Node.Ready: container runtime is down",
            "not healthy: Node.Ready: container runtime is down",
            "describe node",
        ),
    ],
    ids=["no network plugin", "another reason"],
)
def test_a_node_that_is_not_healthy_says_why_in_the_kubelets_words(
    newer: bool, message: str, reason: str, action: str
) -> None:
    objects = pool("a", [TRUE, TRUE], readyReplicas=1)
    machine = objects[-1]
    machine["metadata"]["labels"]["cluster.x-k8s.io/deployment-name"] = "a"
    machine["status"]["nodeRef"] = {"name": "node-1"}
    told = condition(False, "NodeNotHealthy", message=message, type_="NodeHealthy")
    if newer:
        machine["status"]["v1beta2"] = {"conditions": [told]}
        machine["status"]["conditions"].append(
            condition(False, "X", "Warning", "Node condition Ready is False", "NodeHealthy")
        )
    else:
        machine["status"]["conditions"].append(told)
    found = blocker_of(*objects)
    assert found.subject == f"Machine/{machine['metadata']['name']}", "the machine, whose row says True"
    assert reason in found.reason, "what it is about"
    assert action in found.action, "what to do"
    objects[0]["status"]["readyReplicas"] = 2
    assert tree.first_blocker(tree.build(snapshot(*objects))) is None, (
        "a pool with all its ready machines is not blocked"
    )


def test_a_pool_that_clusterctl_gives_no_row_is_awaited_all_the_same() -> None:
    deployment = made.deployment("a", 3, ready=None, replicas=0, readyReplicas=0, updatedReplicas=0)
    built = tree.build(snapshot(deployment))
    assert "MachineDeployment/a" not in [node.title for node in built.nodes], "without machines there is no row"
    found = tree.first_blocker(built)
    assert found is not None, "yet three machines are asked for"
    assert "0 present" in found.reason, "and none is there"


def test_a_change_that_cluster_api_has_not_seen_yet_is_not_taken_for_done() -> None:
    objects = pool("a", [TRUE], observedGeneration=0)
    assert "not acted on its last change" in blocker_of(*objects).reason, "the counts are of the state before"


def test_a_cluster_without_any_condition_is_not_taken_for_ready() -> None:
    assert "has not acted on it yet" in blocker_of(cluster=cluster(ready=None)).reason, "an empty cell is no True"


@pytest.mark.parametrize("field", ["machines", "machine_deployments", "machine_sets", "machine_pools"])
def test_a_list_that_was_not_read_never_counts_as_ready(field: str) -> None:
    found = blocker_of(**{field: Failure("Machines", "Forbidden", "no")})
    assert "Forbidden" in found.reason, "what isn't known isn't ready"


def test_any_other_cell_that_is_not_true_is_named_with_its_reason() -> None:
    found = blocker_of(cluster=cluster(condition(False, "Odd", "Error", "something else")))
    assert found.subject == "Cluster/c1", "the row"
    assert "False: Odd: something else" in found.reason, "its words"


def test_no_text_names_a_machine_provider_that_the_objects_do_not_name() -> None:
    plane, infrastructure = made.control_plane(ready=False), made.packet_cluster(ready=False, endpoint=None)
    infrastructure["kind"] = "Metal3Cluster"
    said = str(blocker_of(cluster=cluster(), control_plane=plane, infrastructure=infrastructure))
    assert "Metal3Cluster/c1" in said, "kinds come from the references"
    assert "Packet" not in said, "and from nowhere else"
