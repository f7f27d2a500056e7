"""What `status` and the check before a run say of servers that wait, on a real API server and with the documented rights.

The objects are as CAPM3, its IPAM and Cluster API leave them; the advised commands are run to the letter.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.checks import preflight
from kamaji_equinix.components.checks.needs import Requirements
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of
from kamaji_equinix.components.kube.objects import Kind, plural
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.tree import Blocker, Request

from lab.plane import ManagementPlane
from tests.support import cluster_objects as older
from tests.support import metal3_machines as metal3
from tests.support import newer_objects as newer
from tests.support.advised_command import run
from tests.support.cluster_objects import Object
from tests.support.data_store import make_data_store
from tests.support.metal3_plane import least_rights
from tests.support.metal3_settings import settings
from tests.support.second_plane import second_plane

COMMAND = re.compile(r"`(kubectl [^`]*)`")
MERGE = {"Content-Type": "application/merge-patch+json"}
REQUEST = Request("1.33.0", 2, contract="v1beta2")
FIRST = "192.0.2.100"


@pytest.fixture(scope="module")
def management(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """An API server with all CRDs of the second generation, and no controllers."""
    with second_plane(tmp_path_factory.mktemp("second")) as plane:
        make_data_store(plane)
        yield plane


@pytest.fixture
def rights(management: ManagementPlane, namespace: str) -> Path:
    """Credentials with the documented rights alone."""
    return least_rights(management, namespace)


def path_of(obj: Object, namespace: str) -> str:
    return Kind(obj["apiVersion"], obj["kind"], plural(obj["kind"])).path(namespace)


def create(http: httpx.Client, namespace: str, *objects: Object) -> list[Object]:
    """Create objects with their statuses, as the API server then has them."""
    return [_create(http, namespace, obj) for obj in objects]


def _create(http: httpx.Client, namespace: str, obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in ("uid", "creationTimestamp")}
    answer = http.post(path_of(obj, namespace), json={**obj, "metadata": metadata})
    assert answer.is_success, f"{obj['kind']}: {answer.text}"
    if not obj.get("status"):
        return dict(answer.json())
    place = f"{path_of(obj, namespace)}/{metadata['name']}/status"
    status = http.patch(place, json={"status": obj["status"]}, headers=MERGE)
    assert status.is_success, f"{obj['kind']}: {status.text}"
    return dict(status.json())


def base(http: httpx.Client, namespace: str) -> None:
    """A cluster that waits for its workers alone."""
    infrastructure, plane = older.packet_cluster(), newer.control_plane()
    true = [newer.condition("Available", True)]
    older.create(http, namespace, [infrastructure, plane, newer.cluster(infrastructure, plane, conditions=true)])


def machine(http: httpx.Client, namespace: str, name: str, *, state: str, node: str = "", ready: bool = True) -> Object:
    """A pool with one machine on a host; the host, as the API server has it."""
    infrastructure = metal3.metal3_machine(f"{name}-0", f"{name}-host", data_ready=ready)
    infrastructure["spec"] = {
        "image": {"url": "http://images.invalid/x.qcow2", "checksum": "http://images.invalid/x.sha256"}
    }
    template: Object = {
        "apiVersion": metal3.INFRASTRUCTURE,
        "kind": "Metal3MachineTemplate",
        "metadata": {"name": name},
        "spec": {"template": {"spec": infrastructure["spec"]}},
    }
    conditions = infrastructure["status"].pop("conditions")
    infrastructure["status"]["deprecated"] = {"v1beta1": {"conditions": conditions}}
    operation: Object = {"operationalStatus": "OK", "errorCount": 0, "errorMessage": ""}
    hardware: Object = {"hardwareProfile": "", "goodCredentials": {}, "triedCredentials": {}}
    host = metal3.host(f"{name}-host", f"{name}-0", state, **operation, **hardware)
    host["status"]["provisioning"] |= {"ID": "x", "image": {"url": ""}}
    deployment = newer.deployment(name, 1)
    machine_set = newer.machine_set(f"{name}-set", deployment)
    for owner in (deployment, machine_set):
        owner["spec"]["template"]["spec"]["infrastructureRef"]["kind"] = template["kind"]
    whole = newer.machine(
        f"{name}-0", machine_set, [newer.condition("Ready", False)], parts={"infrastructure": infrastructure}
    )
    whole["status"]["initialization"] = {
        "bootstrapDataSecretCreated": True,
        "infrastructureProvisioned": state == "provisioned",
    }
    if node:
        whole["status"]["nodeRef"] = {"name": node}
    _, living_host, _ = create(http, namespace, infrastructure, host, template)
    older.create(http, namespace, [deployment, machine_set, whole])
    return living_host


def blockers(kubeconfig: Path, namespace: str) -> list[Blocker]:
    api = Api(kubeconfig_of(kubeconfig).access())
    return list(tree.all_blockers(tree.describe(api, namespace, "c1", REQUEST)))


def addresses(numbers: Iterable[int], ip_pool: str, cluster: str = "other") -> Iterator[Object]:
    """IPAddresses of a pool."""
    for number in numbers:
        spec: Object = {"address": f"192.0.2.{number}", "prefix": 24, "pool": {"name": ip_pool}, "claim": {"name": "x"}}
        labels = {"cluster.x-k8s.io/cluster-name": cluster}
        yield {
            "apiVersion": metal3.IPAM,
            "kind": "IPAddress",
            "metadata": {"name": f"{ip_pool}-{number}", "labels": labels},
            "spec": spec,
        }


def test_an_exhausted_pool_is_told_with_the_documented_rights_beside_a_server_that_is_installed(
    management: ManagementPlane, http: httpx.Client, namespace: str, rights: Path
) -> None:
    base(http, namespace)
    machine(http, namespace, "a", state="provisioning")
    machine(http, namespace, "b", state="available", ready=False)
    create(
        http,
        namespace,
        metal3.data("d-0", "a-0", ready=True),
        metal3.data("d-1", "b-0", error="IP Allocation for c1-nodes failed : Exhausted IP Pools"),
        metal3.claim("d-0", "c1-nodes", address="c1-nodes-192-0-2-100"),
        metal3.claim("d-1", "c1-nodes", error="Exhausted IP Pools"),
        metal3.ip_pool("c1-nodes", FIRST, allocations={"d-0-c1-nodes": FIRST}),
    )
    reasons = blockers(rights, namespace)
    assert [blocker.subject for blocker in reasons] == ["IPPool/c1-nodes", "BareMetalHost/a-host"], "the error first"
    assert "It has 1 address, 1 is taken, and 2 machines ask for one" in reasons[0].reason, reasons[0].reason
    (command,) = COMMAND.findall(reasons[0].action)[-1:]
    run(management.kubeconfig, command.replace("`", ""))
    rest = [blocker.subject for blocker in blockers(rights, namespace)]
    assert "IPPool/c1-nodes" not in rest, f"the machine without an address is gone: {rest}"


def test_without_the_rights_the_data_is_named_that_could_not_be_read_and_no_server_blamed(
    management: ManagementPlane, http: httpx.Client, namespace: str, rights: Path
) -> None:
    base(http, namespace)
    machine(http, namespace, "a", state="available", ready=False)
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/kamaji-equinix-metal3"
    document = http.get(role).raise_for_status().json()
    document["rules"] = [rule for rule in document["rules"] if rule["resources"] != ["metal3datas"]]
    http.put(role, json=document).raise_for_status()
    deadline = time.monotonic() + 20
    while (reasons := blockers(rights, namespace))[0].subject != "Metal3Machine/a-0":
        assert time.monotonic() < deadline, f"the right is gone: {reasons}"
        time.sleep(0.2)
    assert "Metal3Datas: Forbidden" in reasons[0].reason, reasons[0].reason
    assert "docs/rbac-metal3.yaml" in reasons[0].action, reasons[0].action


def tenant(management: ManagementPlane, http: httpx.Client, namespace: str) -> None:
    """Let the API server be the tenant's, too: it serves nodes."""
    value = base64.b64encode(management.kubeconfig.read_bytes()).decode()
    secret = {"metadata": {"name": "c1-kubeconfig"}, "data": {"value": value}}
    http.post(f"/api/v1/namespaces/{namespace}/secrets", json=secret).raise_for_status()


@pytest.fixture
def stray(http: httpx.Client) -> Iterator[str]:
    """A node of a machine that is gone."""
    name = f"stray-{time.monotonic_ns()}"
    http.post("/api/v1/nodes", json={"metadata": {"name": name}}).raise_for_status()
    # An API server tells no fractions of a second.
    time.sleep(1.1)
    yield name
    http.delete(f"/api/v1/nodes/{name}")


@pytest.mark.parametrize("is_bound", [False, True], ids=["in the way", "bound"])
def test_a_node_that_a_machine_has_left_is_found_in_the_tenant_and_goes_as_advised(
    management: ManagementPlane, http: httpx.Client, namespace: str, rights: Path, stray: str, is_bound: bool
) -> None:
    base(http, namespace)
    host = machine(http, namespace, "a", state="provisioned", node=stray if is_bound else "")
    create(http, namespace, metal3.data("d", "a-0", ready=True))
    label = {"metadata": {"labels": {"metal3.io/uuid": host["metadata"]["uid"]}}}
    http.patch(f"/api/v1/nodes/{stray}", json=label, headers=MERGE).raise_for_status()
    tenant(management, http, namespace)
    (reasons,) = blockers(rights, namespace)
    assert reasons.subject == ("Machine/a-0" if is_bound else f"Node/{stray}"), str(reasons)
    assert f"it was left by Machine/{stray}, which is gone" in reasons.reason, reasons.reason
    commands = COMMAND.findall(reasons.action)
    assert len(commands) == 1 + is_bound, f"all that is to be run: {reasons.action}"
    for command in commands:
        run(management.kubeconfig, command)
    (rest,) = blockers(rights, namespace)
    assert "no node with label metal3.io/uuid=" in rest.reason, f"it waits for its own now: {rest}"


def judged(rights: Path, namespace: str, replicas: int, **ip_pool: Any) -> tuple[str, ...]:
    """What the check before a run says of a stack whose machines have addresses from a pool."""
    raw = settings(ipPools=[{"name": "shared", **ip_pool}], metaData={"ipAddressesFromPool": {"nodeIP": "shared"}})
    raw["cluster"] |= {"name": "c1", "namespace": namespace}
    raw["workerPools"] = [{"name": "a", "replicas": replicas, "strategy": {"maxSurge": 0, "maxUnavailable": 1}}]
    raw["management"] = {"kubeconfigPath": str(rights)}
    stack = load_stack(raw)
    report = preflight.check(stack.management, Requirements(data_stores=("default",)), clusters=stack.clusters)
    assert not report.obstacles, f"nothing else is asked for: {report}"
    return report.notes


def test_a_pool_is_judged_before_a_run_by_the_addresses_that_others_have(
    http: httpx.Client, namespace: str, rights: Path
) -> None:
    absence = judged(rights, namespace, 1, existing=True)
    assert any(f"IPPool {namespace}/shared does not exist" in line for line in absence), absence
    reservations = {"router": "192.0.2.104"}
    create(http, namespace, metal3.ip_pool("shared", "192.0.2.104", of_stack=False, preAllocations=reservations))
    create(http, namespace, *addresses([100, 101], "shared"), *addresses([102], "shared", "c1"))
    plenty = judged(rights, namespace, 2, existing=True)
    assert not [line for line in plenty if "IPPool" in line], f"2 of 5 are others', 1 is kept, and 2 are left: {plenty}"
    shortage = judged(rights, namespace, 3, existing=True)
    words = "has 5 addresses, of which 2 are taken by others, and 1 is kept by preAllocations, but pool a may have 3"
    assert any(words in line for line in shortage), shortage
