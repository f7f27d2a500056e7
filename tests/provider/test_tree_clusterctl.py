"""The tree agrees with the real ``clusterctl describe cluster``, row by row, on NAME and READY."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.kube.access import Access
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of

import toolchain
from lab.plane import ManagementPlane
from tests.support import cluster_objects as build
from tests.support.cluster_objects import Object, condition

TRUE = condition(True)


def base(ready: dict[str, str] | None = TRUE, **plane: object) -> list[Object]:
    """A Cluster with its two parts."""
    infrastructure, control_plane = build.packet_cluster(), build.control_plane(**plane)  # type: ignore[arg-type]
    return [
        infrastructure,
        control_plane,
        build.cluster(ready=ready, infrastructure=infrastructure, plane=control_plane),
    ]


def pool(
    name: str, states: list[dict[str, str] | None], *, ready: dict[str, str] | None = TRUE, with_parts: bool = False
) -> list[Object]:
    """A MachineDeployment with a machine for each Ready condition."""
    deployment = build.deployment(name, len(states), ready=ready)
    machines: list[Object] = []
    machine_set = build.machine_set(f"{name}-x7k", deployment)
    for index, state in enumerate(states):
        machine = f"{name}-x7k-{index}"
        infrastructure = build.packet_machine(machine)
        machines.append(infrastructure)
        bootstrap = build.kubeadm_config(machine, ready=TRUE)
        machines.append(bootstrap)
        parts = {"infrastructure": infrastructure, "bootstrap": bootstrap} if with_parts else {}
        machines.append(build.machine(machine, machine_set, ready=state, parts=parts))
    return [deployment, machine_set, *machines]


def fresh() -> list[Object]:
    return base(ready=None)


def provisioning() -> list[Object]:
    wait = condition(False, "WaitingForInfrastructure", "Info")
    return [
        *base(ready=wait),
        *pool("a", [wait] * 3, ready=condition(False, "WaitingForAvailableMachines", "Warning")),
    ]


def all_ready() -> list[Object]:
    return [*base(), *pool("worker-a", [TRUE] * 3)]


def two_machines_share_a_row_and_one_failed() -> list[Object]:
    failure = condition(False, "InstanceProvisionFailed", "Error", "no capacity in metro da")
    return [*base(), *pool("worker-a", [TRUE, failure, TRUE], with_parts=True)]


def every_machine_for_itself() -> list[Object]:
    states = [condition(False, f"Reason{index}", "Error", f"message {index}") for index in range(3)]
    return [*base(), *pool("worker-a", [*states], with_parts=True)]


def two_groups_and_a_single_one() -> list[Object]:
    wait = condition(False, "WaitingForBootstrapData", "Info")
    unknown = condition("Unknown", "NodeNotFound")
    return [*base(), *pool("worker-a", [TRUE, TRUE, wait, wait, wait, unknown], with_parts=True)]


def same_reason_but_another_severity() -> list[Object]:
    return [
        *base(),
        *pool("a", [condition(False, "Same", "Error"), condition(False, "Same", "Warning")], with_parts=True),
    ]


def machines_without_conditions() -> list[Object]:
    return [*base(), *pool("a", [None, None, TRUE])]


def several_pools() -> list[Object]:
    return [
        *base(),
        *pool("worker-b", [TRUE]),
        *pool("worker-a", [TRUE] * 2),
        *pool("gpu", [condition(False, "X", "Error")]),
    ]


def scaled_to_zero() -> list[Object]:
    return [*base(), *pool("worker-a", [])]


def one_pool_of_two_scaled_to_zero() -> list[Object]:
    return [*base(), *pool("worker-a", []), *pool("worker-b", [TRUE])]


def health_check_failed() -> list[Object]:
    unhealthy = condition(False, "NodeStartupTimeout", "Warning", "Node failed to report startup in 20m0s")
    check = {
        "apiVersion": build.CLUSTER_API,
        "kind": "MachineHealthCheck",
        "metadata": {"name": "worker-a", "labels": build.labels("c1")},
        "spec": {
            "clusterName": "c1",
            "selector": {"matchLabels": {"pool": "worker-a"}},
            "unhealthyConditions": [{"type": "Ready", "status": "False", "timeout": "300s"}],
        },
        "status": {"expectedMachines": 2, "currentHealthy": 1},
    }
    return [*base(), *pool("worker-a", [TRUE, unhealthy]), check]


def infrastructure_says_more_than_its_machine() -> list[Object]:
    deployment = build.deployment("a", 2, ready=TRUE)
    machine_set = build.machine_set("a-1", deployment)
    faulty = build.packet_machine("a-1-0", ready=condition(False, "DeviceLost", "Error", "gone"))
    config = build.kubeadm_config("a-1-0", ready=condition(False, "DataSecretMissing", "Info"))
    echo = build.packet_machine("a-1-1", ready=condition(False, "Same", "Info"))
    return [
        *base(),
        deployment,
        machine_set,
        faulty,
        config,
        echo,
        build.machine(
            "a-1-0",
            machine_set,
            ready=condition(False, "NodeGone", "Error"),
            parts={"infrastructure": faulty, "bootstrap": config},
        ),
        build.machine("a-1-1", machine_set, ready=condition(False, "Same", "Info"), parts={"infrastructure": echo}),
    ]


def rollout_with_two_sets() -> list[Object]:
    deployment = build.deployment("a", 2, ready=condition(False, "RollingUpdateInProgress", "Info"))
    old, new = build.machine_set("a-old", deployment), build.machine_set("a-new", deployment)
    wait = condition(False, "WaitingForInfrastructure", "Info")
    return [
        *base(),
        deployment,
        old,
        new,
        *(build.packet_machine(name, ready=TRUE) for name in ("a-old-0", "a-old-1", "a-new-0")),
        build.machine("a-old-0", old, ready=TRUE),
        build.machine("a-old-1", old, ready=TRUE),
        build.machine("a-new-0", new, ready=wait),
    ]


def orphan_machines() -> list[Object]:
    names = ("lost", "lost-2")
    return [
        *base(),
        *pool("a", [TRUE]),
        *(build.packet_machine(name, ready=TRUE) for name in names),
        *(build.machine(name, None, ready=TRUE) for name in names),
    ]


def control_plane_machines_only() -> list[Object]:
    objects = base()
    machines = [build.machine(f"cp-{index}", None, ready=TRUE, control_plane_machine=True) for index in range(2)]
    return [*objects, *(build.packet_machine(f"cp-{index}", ready=TRUE) for index in range(2)), *machines]


def control_plane_with_conditions() -> list[Object]:
    conditions = [
        {
            "type": "TenantControlPlaneCreated",
            "status": "True",
            "reason": "Succeeded",
            "message": "",
            "lastTransitionTime": build.SINCE,
        },
        {"type": "Ready", "status": "False", "reason": "Pending", "message": "x", "lastTransitionTime": build.SINCE},
    ]
    return base(conditions=conditions)


def multi_line_and_long_messages() -> list[Object]:
    long = condition(False, "Long", "Error", "word " * 60)
    return [*base(ready=long), *pool("a", [condition(False, "Lines", "Error", "first\nsecond\nthird"), TRUE])]


def names_that_sort_apart() -> list[Object]:
    return [*base(), *pool("Z".lower(), [TRUE]), *pool("a-10", [TRUE]), *pool("a-9", [TRUE]), *pool("a", [TRUE, TRUE])]


SITUATIONS: list[Callable[[], list[Object]]] = [
    fresh,
    provisioning,
    all_ready,
    two_machines_share_a_row_and_one_failed,
    every_machine_for_itself,
    two_groups_and_a_single_one,
    same_reason_but_another_severity,
    machines_without_conditions,
    several_pools,
    scaled_to_zero,
    one_pool_of_two_scaled_to_zero,
    health_check_failed,
    infrastructure_says_more_than_its_machine,
    rollout_with_two_sets,
    orphan_machines,
    control_plane_machines_only,
    control_plane_with_conditions,
    multi_line_and_long_messages,
    names_that_sort_apart,
]


def clusterctl(kubeconfig: Path, namespace: str, tmp_path: Path) -> list[tuple[str, str]]:
    """NAME and READY of each row that clusterctl prints."""
    run = subprocess.run(
        [toolchain.program("clusterctl"), "describe", "cluster", "c1", "-n", namespace, "--kubeconfig", kubeconfig],
        env={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "CLUSTERCTL_DISABLE_VERSIONCHECK": "true"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, f"clusterctl failed: {run.stderr}"
    header, *lines = run.stdout.splitlines()
    ready, severity = header.index("READY"), header.index("SEVERITY")
    rows = [(line[:ready].rstrip(), line[ready:severity].strip()) for line in lines]
    # A message of several lines makes rows without a name.
    return [row for row in rows if row[0]]


def rows_of(kubeconfig: Path, namespace: str) -> list[tuple[str, str]]:
    """NAME and READY of each row of the tree, read back from the text that is printed."""
    text = tree.draw(tree.describe(Api(kubeconfig_of(kubeconfig).access()), namespace, "c1"))
    header, *lines = text.splitlines()
    ready, severity = header.index("READY"), header.index("SEVERITY")
    return [(line[:ready].rstrip(), line[ready:severity].strip()) for line in lines]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_the_tree_has_clusterctls_rows(
    situation: Callable[[], list[Object]],
    management: ManagementPlane,
    http: httpx.Client,
    namespace: str,
    tmp_path: Path,
) -> None:
    build.create(http, namespace, situation())
    expected = clusterctl(management.kubeconfig, namespace, tmp_path)
    assert expected[0][0] == "Cluster/c1", "clusterctl printed a tree to compare with"
    assert rows_of(management.kubeconfig, namespace) == expected, "every row has clusterctl's NAME and READY"


def test_objects_being_deleted_are_marked_as_clusterctl_marks_them(
    management: ManagementPlane, http: httpx.Client, namespace: str, tmp_path: Path
) -> None:
    infrastructure, plane = build.packet_cluster(), build.control_plane()
    cluster = build.cluster(ready=TRUE, infrastructure=infrastructure, plane=plane, finalizers=["example.com/keep"])
    deployment = build.deployment("a", 2, ready=TRUE)
    machine_set = build.machine_set("a-1", deployment)
    deletion = condition(False, "Deleting", "Info")
    machines = [
        build.machine(f"a-1-{index}", machine_set, ready=state, finalizers=["example.com/keep"])
        for index, state in enumerate((deletion, TRUE))
    ]
    survivor = build.packet_machine("a-1-1", ready=TRUE)
    build.create(http, namespace, [infrastructure, plane, cluster, deployment, machine_set, survivor, *machines])
    build.delete(http, namespace, cluster)
    build.delete(http, namespace, machines[0])
    expected = clusterctl(management.kubeconfig, namespace, tmp_path)
    assert expected[0][0] == "!! DELETED !! Cluster/c1", "the situation is what it should be"
    assert rows_of(management.kubeconfig, namespace) == expected, "every row has clusterctl's NAME and READY"


def test_what_clusterctl_leaves_out_because_it_cannot_read_it_has_a_row_that_says_so(
    management: ManagementPlane, http: httpx.Client, namespace: str, tmp_path: Path
) -> None:
    infrastructure, plane = build.packet_cluster(), build.control_plane()
    cluster = build.cluster(ready=TRUE, infrastructure=infrastructure, plane=plane)
    build.create(http, namespace, [infrastructure, cluster])
    expected = clusterctl(management.kubeconfig, namespace, tmp_path)
    assert [name for name, _ in expected] == [
        "Cluster/c1",
        "└─ClusterInfrastructure - PacketCluster/c1",
    ], "clusterctl drops the control plane that it can't read"
    status_tree = tree.describe(Api(kubeconfig_of(management.kubeconfig).access()), namespace, "c1")
    rows = {node.title: node.failure for node in status_tree.nodes}
    failure = rows["ControlPlane - KamajiControlPlane/cp"]
    assert failure is not None, "the tree shows that the control plane could not be read"
    assert failure.reason == "NotFound", "with the reason"


def test_a_list_that_may_not_be_read_is_shown_in_the_tree(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    build.create(http, namespace, all_ready())
    user = f"reader-{namespace}"
    role = {"metadata": {"name": user}, "rules": [{"apiGroups": ["*"], "resources": ["clusters"], "verbs": ["get"]}]}
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    http.post(f"{rbac}/roles", json=role).raise_for_status()
    http.post(f"{rbac}/rolebindings", json=binding).raise_for_status()
    status_tree = tree.describe(Api(kubeconfig_of(management.user(user)).access()), namespace, "c1")
    titles = {node.title for node in status_tree.nodes if node.failure and node.failure.reason == "Forbidden"}
    assert titles == {
        "ClusterInfrastructure - PacketCluster/c1",
        "ControlPlane - KamajiControlPlane/cp",
        "Machines",
        "MachineDeployments",
        "MachineSets",
        "MachinePools",
    }, "each refused read has its row"
    blocker = tree.first_blocker(status_tree)
    assert blocker is not None, "an unread cluster is not taken for a ready one"
    assert f'User "{user}" cannot get' in blocker.reason, "the API server's words are passed on"


def test_an_unreachable_management_cluster_is_shown_in_the_tree(management: ManagementPlane) -> None:
    access = kubeconfig_of(management.kubeconfig).access()
    away = Access(server="https://127.0.0.1:1", source="test", ca_pem=access.ca_pem)
    status_tree = tree.describe(Api(away), "default", "c1")
    text = tree.draw(status_tree)
    assert "Cluster/c1" in text, "the row is there"
    assert "Unreachable" in text, "and says that the cluster can't be reached"
    assert "refuses connections" in text, "and how that showed"
