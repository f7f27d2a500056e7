"""The commands that status advises, run to the letter against a real API server: each works, and what it removes is gone."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of
from kamaji_equinix.components.tree import PoolRequest, Request

from lab.plane import ManagementPlane
from tests.support import cluster_objects as build
from tests.support.advised_command import run
from tests.support.cluster_objects import Object, condition

TRUE = condition(True)
COMMAND = re.compile(r"`(kubectl [^`]*)`")

FAILURE = {"failureReason": "CreateError", "failureMessage": "no capacity"}


def base(**changes: Object) -> list[Object]:
    """A Cluster with its two parts; a part may be replaced, and the Cluster be given other fields."""
    infrastructure, plane = changes.get("infrastructure") or build.packet_cluster(), changes.get("plane")
    plane = plane or build.control_plane()
    cluster = build.cluster(ready=TRUE, infrastructure=infrastructure, plane=plane)
    cluster["metadata"] |= changes.get("metadata", {})
    cluster["status"] |= changes.get("status", {})
    return [infrastructure, plane, cluster]


def link(plane: Object) -> list[Object]:
    """A control plane that its Cluster owns, so that Kamaji works on it."""
    infrastructure, unlinked, cluster = base(plane=plane)
    return [infrastructure, cluster, build.with_owner(unlinked, cluster)]


def pool(
    *, conditions: list[Object] | None = None, set_conditions: list[Object] | None = None, **status: object
) -> list[Object]:
    """A pool with one machine in some state."""
    deployment = build.deployment("a", 1, ready=TRUE)
    machine_set = build.machine_set("a-1", deployment, conditions=set_conditions or [])
    complete = {"bootstrapReady": True, "infrastructureReady": True, "nodeRef": {"kind": "Node", "name": "n"}, **status}
    machine = build.machine("a-1-0", machine_set, ready=TRUE, **complete)
    if conditions is not None:
        machine["status"]["conditions"] = conditions
    return [deployment, machine_set, build.packet_machine("a-1-0"), machine]


def tenant(**changes: str) -> Object:
    """A TenantControlPlane that the API server takes."""
    obj = build.tenant_control_plane(**changes)
    obj["spec"] = {
        "controlPlane": {"service": {"serviceType": "LoadBalancer"}},
        "networkProfile": {"port": 6443},
        "kubernetes": {"version": "v1.33.0", "kubelet": {"cgroupfs": "systemd"}},
    }
    return obj


def paused_by_an_annotation() -> list[Object]:
    return base(metadata={"annotations": {"cluster.x-k8s.io/paused": ""}})


def paused_by_somebody() -> list[Object]:
    infrastructure, plane = build.packet_cluster(), build.control_plane()
    return [infrastructure, plane, build.cluster(ready=TRUE, infrastructure=infrastructure, plane=plane, paused=True)]


def cluster_failure() -> list[Object]:
    return base(status=FAILURE)


def without_owner() -> list[Object]:
    return base(plane=build.control_plane(ready=False, endpoint=None))


def service_without_address() -> list[Object]:
    plane = build.control_plane(ready=False, endpoint=None)
    return [*link(plane), tenant(), build.service()]


def without_endpoint() -> list[Object]:
    return [*link(build.control_plane(ready=False, endpoint=None)), tenant()]


def unseen_infrastructure() -> list[Object]:
    infrastructure, plane, cluster = base()
    cluster["status"]["conditions"].append(condition(False, "Waiting", "Info", type_="InfrastructureReady"))
    return [infrastructure, plane, cluster]


def control_plane_not_ready() -> list[Object]:
    return [*link(build.control_plane(ready=False)), tenant()]


def failed_machine() -> list[Object]:
    return [*base(), *pool(**FAILURE)]


def no_machines() -> list[Object]:
    deployment = build.deployment("a", 1, ready=TRUE, replicas=0)
    failure = condition(False, "CloningFailed", "Error", "no such template", type_="MachinesCreated")
    return [*base(), deployment, build.machine_set("a-1", deployment, conditions=[failure], replicas=0)]


def machine_that_waits_for_its_server() -> list[Object]:
    return [*base(), *pool(conditions=[condition(False, "Waiting", "Info")], infrastructureReady=False, nodeRef=None)]


def unobserved_pool() -> list[Object]:
    return [*base(), build.deployment("a", 0, ready=TRUE, observedGeneration=0)]


def unready_pool() -> list[Object]:
    return [*base(), build.deployment("a", 1, ready=TRUE, readyReplicas=0)]


def former_machine() -> list[Object]:
    """Made before its control plane, which the API server dates to now."""
    bootstrap = condition(True, type_="BootstrapReady")
    return [*base(), *pool(conditions=[TRUE, bootstrap])]


def strange_kubelet() -> list[Object]:
    objects = pool(nodeInfo=NODE_INFO)
    objects[-1]["spec"]["version"] = "v1.33.0"
    return [*base(), *objects]


def strange_pool() -> list[Object]:
    return [*base(), build.deployment("b", 0, ready=TRUE)]


def version_under_way() -> list[Object]:
    return base(plane=build.control_plane(version="v1.32.0"))


NODE_INFO = {
    "machineID": "m",
    "systemUUID": "m",
    "bootID": "b",
    "kernelVersion": "6",
    "osImage": "o",
    "containerRuntimeVersion": "containerd://1",
    "kubeletVersion": "v1.31.4",
    "kubeProxyVersion": "",
    "operatingSystem": "linux",
    "architecture": "amd64",
}
REQUESTS = {strange_pool: {}, version_under_way: {}, strange_kubelet: {"a": PoolRequest("a", "")}}
"""Situations that only show beside what the settings ask for: the pools of those."""

LOOKS = [
    cluster_failure,
    without_owner,
    service_without_address,
    without_endpoint,
    unseen_infrastructure,
    control_plane_not_ready,
    no_machines,
    machine_that_waits_for_its_server,
    unobserved_pool,
    unready_pool,
    version_under_way,
]
"""Advice to look at an object: the command must show it."""

MENDS = [paused_by_somebody, paused_by_an_annotation, failed_machine, former_machine, strange_kubelet, strange_pool]
"""Advice that changes something: then nothing is left to say about it."""


def remarks(management: ManagementPlane, namespace: str, situation: Callable[[], list[Object]]) -> list[tree.Blocker]:
    """What status says of the cluster."""
    request = Request("1.33.0", 2, REQUESTS[situation]) if situation in REQUESTS else None
    status_tree = tree.describe(Api(kubeconfig_of(management.kubeconfig).access()), namespace, "c1", request)
    blocker = tree.first_blocker(status_tree)
    return [
        *([blocker] if blocker else []),
        *(difference for difference in tree.differences(status_tree) if difference != blocker),
    ]


@pytest.mark.parametrize("situation", [*LOOKS, *MENDS], ids=lambda situation: situation.__name__)
def test_each_command_that_is_advised_works_to_the_letter(
    situation: Callable[[], list[Object]], management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    build.create(http, namespace, situation())
    matches = [remark for remark in remarks(management, namespace, situation) if COMMAND.search(remark.action)]
    assert matches, f"a remark with a command: {remarks(management, namespace, situation)}"
    first = matches[0]
    for command in COMMAND.findall(first.action):
        output = run(management.kubeconfig, command)
        assert " pods " in command or first.subject.rpartition("/")[2] in output or "Name:" in output, (
            f"{command} shows what it is about:\n{output}"
        )
    if situation in MENDS:
        reasons = [
            remark.reason for remark in remarks(management, namespace, situation) if remark.subject == first.subject
        ]
        assert first.reason not in reasons, "it worked"
