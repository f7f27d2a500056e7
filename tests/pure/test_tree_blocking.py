"""The first thing that keeps a cluster from being ready, in words, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.tree import Blocker, Failure, Snapshot
from kamaji_equinix.components.tree.model import Reference

from tests.support import cluster_objects as build
from tests.support.cluster_objects import Object, condition
from tests.support.snapshots import TRUE, pool, snapshot

WAIT = condition(False, "WaitingForControlPlane", "Info")


def blocker_of(*objects: Object, **changes: Any) -> Blocker:
    blocker = tree.first_blocker(tree.build(snapshot(*objects, **changes)))
    assert blocker is not None, "something blocks"
    return blocker


def cluster(ready: Object | None = WAIT, **changes: Any) -> Object:
    return build.cluster(ready=ready, infrastructure=build.packet_cluster(), plane=build.control_plane(), **changes)


def link(plane: Object) -> Object:
    """A control plane that Cluster API has linked to its Cluster."""
    return build.with_owner(plane, cluster())


def refer(machine: Object, part: Object, *path: str) -> dict[Reference, Object | Failure]:
    """Makes a machine refer to a part, and the part known."""
    holder: Any = machine["spec"]
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    holder[path[-1]] = build.reference(part)
    reference = Reference.parse(holder[path[-1]], "default")
    assert reference is not None, "a reference"
    return {reference: part}


def test_nothing_blocks_a_cluster_whose_cells_are_true_and_whose_replicas_are_as_asked() -> None:
    for workers in ([], pool("a", [TRUE] * 3), pool("a", [])):
        assert tree.first_blocker(tree.build(snapshot(*workers))) is None, "it is ready"


def test_a_cluster_that_does_not_exist_is_named_with_the_way_to_make_it() -> None:
    missing = Failure("Cluster/c1", "NotFound", 'clusters.cluster.x-k8s.io "c1" not found')
    blocker = tree.first_blocker(tree.build(Snapshot("prod", "c1", missing)))
    assert blocker is not None, "a cluster that isn't there isn't ready"
    assert "does not exist in namespace prod" in blocker.reason, "what is wrong, and where"
    assert "kamaji-equinix up" in blocker.action, "what to do: plain pulumi compares with its state alone"
    assert "kubectl -n prod get clusters" in blocker.action, "how to see what there is"


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
    blocker = tree.first_blocker(
        tree.build(Snapshot("default", "c1", Failure("Cluster/c1", reason, "said the server")))
    )
    assert blocker is not None, "an unknown state is not a ready one"
    assert f"{reason}: said the server" in blocker.reason, "the server's words are passed on"
    assert action in blocker.action, "and what to do"


def test_a_control_plane_without_owner_is_told_apart_from_one_that_starts() -> None:
    plane = build.control_plane(ready=False, endpoint=None)
    blocker = blocker_of(cluster=cluster(), control_plane=plane)
    assert blocker.subject == "KamajiControlPlane/cp", "the object to look at"
    assert "no Cluster owns" in blocker.reason, "Kamaji ignores it until Cluster API links it"


def test_a_service_without_address_is_named() -> None:
    tenant, service = build.tenant_control_plane(phase="Provisioning", endpoint=""), build.service()
    blocker = blocker_of(
        cluster=cluster(),
        control_plane=link(build.control_plane(ready=False, endpoint=None)),
        evidence={"TenantControlPlane/cp": tenant, "Service/cp": service},
    )
    assert "Service cp has no ingress address" in blocker.reason, "the cause"
    assert "kubectl -n default describe service cp" in blocker.action, "and the command"


def test_while_there_is_no_endpoint_kamajis_own_words_are_passed_on() -> None:
    unmet = {
        "type": "TenantControlPlaneCreated",
        "status": "False",
        "reason": "Pending",
        "message": "DataStore blue not found",
        "lastTransitionTime": build.SINCE,
    }
    plane = link(build.control_plane(ready=False, endpoint=None, conditions=[unmet]))
    blocker = blocker_of(
        cluster=cluster(),
        control_plane=plane,
        evidence={"TenantControlPlane/cp": Failure("TenantControlPlane/cp", "Forbidden", "no")},
    )
    assert "DataStore blue not found" in blocker.reason, "the condition's message"
    assert "TenantControlPlane/cp can't be read (Forbidden: no)" in blocker.reason, "what is unknown is said, too"


def test_a_hand_off_that_is_not_done_names_both_sides_and_what_is_missing() -> None:
    blocker = blocker_of(
        cluster=cluster(),
        control_plane=build.control_plane(ready=False),
        infrastructure=build.packet_cluster(ready=False, endpoint=None),
    )
    assert blocker.subject == "PacketCluster/c1", "the object to look at"
    assert "KamajiControlPlane/cp has endpoint 10.0.0.5:6443" in blocker.reason, "what is there"
    assert "no endpoint and no status.ready" in blocker.reason, "what is missing"
    assert "kamaji-equinix up" in blocker.action, "who does it"
    assert "https://10.0.0.5:6443/readyz" in blocker.action, "how to try it"


def test_an_ipv6_endpoint_is_written_in_brackets() -> None:
    blocker = blocker_of(
        cluster=cluster(),
        control_plane=build.control_plane(ready=False, endpoint=("2001:db8::5", 443)),
        infrastructure=build.packet_cluster(ready=False, endpoint=None),
    )
    assert "https://[2001:db8::5]:443/readyz" in blocker.action, "a URL that curl takes"


def test_two_different_endpoints_are_shown_side_by_side() -> None:
    blocker = blocker_of(infrastructure=build.packet_cluster(endpoint=("10.9.9.9", 6443)))
    assert "10.9.9.9:6443" in blocker.reason, "one"
    assert "10.0.0.5:6443" in blocker.reason, "and the other"


def test_after_the_hand_off_a_control_plane_that_does_not_answer_is_named() -> None:
    tenant = build.tenant_control_plane(phase="NotReady")
    tenant["status"]["kubernetesResources"]["deployment"] = {"replicas": 2, "readyReplicas": 0}
    blocker = blocker_of(
        cluster=cluster(), control_plane=build.control_plane(ready=False), evidence={"TenantControlPlane/cp": tenant}
    )
    assert "TenantControlPlane/cp is NotReady, 0 of 2 pods ready" in blocker.reason, "Kamaji's view of it"


def test_a_paused_cluster_and_one_in_deletion_say_so_before_all_else() -> None:
    pause = blocker_of(cluster=cluster(paused=True), control_plane=Failure("KamajiControlPlane/cp", "NotFound", "x"))
    assert "paused" in pause.reason, "nothing will change until it isn't"
    remnant = cluster(TRUE, finalizers=["cluster.cluster.x-k8s.io"])
    remnant["metadata"]["deletionTimestamp"] = build.SINCE
    deletion = blocker_of(*pool("a", [TRUE] * 2), cluster=remnant)
    assert "being deleted since 2026-01-02 03:04:05" in deletion.reason, "since when"
    assert "2 machines" in deletion.reason, "what is still there"
    assert "finalizer cluster.cluster.x-k8s.io" in deletion.reason, "what holds it"


def test_a_machine_that_failed_for_good_comes_before_those_that_wait() -> None:
    objects = pool("a", [condition(False, "WaitingForBootstrapData", "Info"), condition(False, "Failed", "Error")])
    part = build.packet_machine("a-1", failureReason="CreateError", failureMessage="no capacity for c3.small in da")
    blocker = blocker_of(*objects, references=refer(objects[-1], part, "infrastructureRef"))
    assert blocker.subject == "PacketMachine/a-1", "the part that failed, not the machine that copies it"
    assert "CreateError: no capacity for c3.small in da" in blocker.reason, "its own words"
    assert "kubectl -n default delete machine a-1" in blocker.action, "nobody retries it: it must be replaced"


def test_a_version_skew_that_holds_back_machines_names_both_versions() -> None:
    objects = pool("a", [], replicas=0, readyReplicas=0, updatedReplicas=0)
    objects[0]["spec"]["replicas"] = objects[1]["spec"]["replicas"] = 3
    objects[1]["spec"]["template"]["spec"]["version"] = "v1.34.0"
    objects[1]["status"]["replicas"] = 0
    objects[1]["status"]["conditions"] = [
        condition(False, "PreflightCheckFailed", "Error", "KubeadmVersion preflight check failed", "MachinesCreated")
    ]
    blocker = blocker_of(*objects)
    assert blocker.subject == "MachineDeployment/a", "the pool, which the user knows"
    assert "has 0 of 3 machines" in blocker.reason, "what is missing"
    assert "want v1.34.0, the control plane runs 1.33.0" in blocker.reason, "both versions"
    assert "kubernetesVersion" in blocker.action, "the setting to change"


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
    config = build.kubeadm_config("a-0", ready=condition(False, "Generating", "Info", "token of the control plane"))
    references = {
        **refer(machine, build.packet_machine("a-0"), "infrastructureRef"),
        **refer(machine, config, "bootstrap", "configRef"),
    }
    blocker = blocker_of(*objects, references=references)
    assert reason in blocker.reason, "the step"
    assert action in blocker.action, "where to look"


def test_the_words_of_the_part_that_a_machine_waits_for_are_passed_on() -> None:
    objects = pool("a", [WAIT])
    machine = objects[-1]
    machine["status"] = {"conditions": machine["status"]["conditions"]}
    config = build.kubeadm_config("a-0", ready=condition(False, "DataSecretGenerationFailed", "Error", "no CA secret"))
    blocker = blocker_of(*objects, references=refer(machine, config, "bootstrap", "configRef"))
    assert "DataSecretGenerationFailed: no CA secret" in blocker.reason, "reason and message of the KubeadmConfig"


def test_a_machine_in_deletion_names_what_holds_it() -> None:
    objects = pool("a", [TRUE, TRUE])
    machine = objects[-1]
    machine["metadata"] |= {"deletionTimestamp": build.SINCE, "finalizers": ["machine.cluster.x-k8s.io"]}
    machine["status"]["conditions"].append(
        condition(False, "Draining", "Info", "pod web-1 can't be evicted", "DrainingSucceeded")
    )
    blocker = blocker_of(*objects)
    assert "being deleted since 03:04:05" in blocker.reason, "since when"
    assert "pod web-1 can't be evicted" in blocker.reason, "what holds it"
    assert "machine.cluster.x-k8s.io" in blocker.action, "whose finalizer"


@pytest.mark.parametrize("count", ["replicas", "readyReplicas", "updatedReplicas", "availableReplicas"])
def test_a_pool_without_all_its_machines_is_not_ready_though_every_row_is_true(count: str) -> None:
    blocker = blocker_of(*pool("a", [TRUE, TRUE], **{count: 1}))
    assert blocker.subject == "MachineDeployment/a", "the pool"
    assert "of 2 machines" in blocker.reason, "how many there should be"


@pytest.mark.parametrize("newer", [True, False], ids=["beside the older conditions", "as the only conditions"])
def test_a_machine_that_counts_as_ready_without_a_node_waits_for_its_server_to_join(newer: bool) -> None:
    objects = pool("a", [TRUE, TRUE], readyReplicas=1)
    machine = objects[-1]
    machine["metadata"]["labels"]["cluster.x-k8s.io/deployment-name"] = "a"
    machine["status"].pop("nodeRef", None)
    waits = "Waiting for a node with matching ProviderID to exist"
    health = condition(False, "NodeProvisioning", message=waits, type_="NodeHealthy")
    if newer:
        machine["status"]["v1beta2"] = {"conditions": [health]}
    else:
        machine["status"]["conditions"].append(health)
    blocker = blocker_of(*objects)
    assert "no node with this provider ID has joined" in blocker.reason, "there is no node to look at"
    assert "console" in blocker.action, "its server tells more"
    assert "None" not in f"{blocker.reason}{blocker.action}", "and no name of a thing that is not there"


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
    health = condition(False, "NodeNotHealthy", message=message, type_="NodeHealthy")
    if newer:
        machine["status"]["v1beta2"] = {"conditions": [health]}
        machine["status"]["conditions"].append(
            condition(False, "X", "Warning", "Node condition Ready is False", "NodeHealthy")
        )
    else:
        machine["status"]["conditions"].append(health)
    blocker = blocker_of(*objects)
    assert blocker.subject == f"Machine/{machine['metadata']['name']}", "the machine, whose row says True"
    assert reason in blocker.reason, "what it is about"
    assert action in blocker.action, "what to do"
    objects[0]["status"]["readyReplicas"] = 2
    assert tree.first_blocker(tree.build(snapshot(*objects))) is None, (
        "a pool with all its ready machines is not blocked"
    )


def test_a_pool_that_clusterctl_gives_no_row_is_awaited_all_the_same() -> None:
    deployment = build.deployment("a", 3, ready=None, replicas=0, readyReplicas=0, updatedReplicas=0)
    status_tree = tree.build(snapshot(deployment))
    assert "MachineDeployment/a" not in [node.title for node in status_tree.nodes], "without machines there is no row"
    blocker = tree.first_blocker(status_tree)
    assert blocker is not None, "yet three machines are asked for"
    assert "0 present" in blocker.reason, "and none is there"


def test_a_change_that_cluster_api_has_not_seen_yet_is_not_taken_for_done() -> None:
    objects = pool("a", [TRUE], observedGeneration=0)
    assert "not acted on its last change" in blocker_of(*objects).reason, "the counts are of the state before"


def test_a_cluster_without_any_condition_is_not_taken_for_ready() -> None:
    assert "has not acted on it yet" in blocker_of(cluster=cluster(ready=None)).reason, "an empty cell is no True"


@pytest.mark.parametrize("field", ["machines", "machine_deployments", "machine_sets", "machine_pools"])
def test_a_list_that_was_not_read_never_counts_as_ready(field: str) -> None:
    blocker = blocker_of(**{field: Failure("Machines", "Forbidden", "no")})
    assert "Forbidden" in blocker.reason, "what isn't known isn't ready"


def test_any_other_cell_that_is_not_true_is_named_with_its_reason() -> None:
    blocker = blocker_of(cluster=cluster(condition(False, "Odd", "Error", "something else")))
    assert blocker.subject == "Cluster/c1", "the row"
    assert "False: Odd: something else" in blocker.reason, "its words"


def test_no_text_names_a_machine_provider_that_the_objects_do_not_name() -> None:
    plane, infrastructure = build.control_plane(ready=False), build.packet_cluster(ready=False, endpoint=None)
    infrastructure["kind"] = "Metal3Cluster"
    text = str(blocker_of(cluster=cluster(), control_plane=plane, infrastructure=infrastructure))
    assert "Metal3Cluster/c1" in text, "kinds come from the references"
    assert "Packet" not in text, "and from nowhere else"
