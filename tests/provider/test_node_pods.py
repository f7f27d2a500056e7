"""Simulated machines run pods that the real scheduler places: with a network plugin, a cloud controller, and without."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kamaji_equinix.components import tree
from kamaji_equinix.components.capi.manifest import ADD_ON
from kamaji_equinix.components.tree import inside

from lab.metal import BootOptions
from lab.simulation.pod_rules import NO_NETWORK
from tests.support.devices import KEY, PROJECT, TOKEN, Metal, eventually, metal, userdata
from tests.support.snapshots import snapshot
from tests.support.tenant import Tenant

UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
CLUSTER_API = "node.cluster.x-k8s.io/uninitialized"


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    running = Tenant(tmp_path_factory.mktemp("tenant"), runs_pods=True)
    try:
        running.token(TOKEN)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metal]:
    boot = BootOptions(seconds=0.2, join_seconds=120, heartbeat_seconds=0.5, network="required")
    with metal(tmp_path_factory.mktemp("devices"), boot) as running:
        yield running


@pytest.fixture(scope="module")
def device(tenant: Tenant, devices: Metal) -> dict[str, Any]:
    """A machine that has joined, without a network plugin."""
    machine = devices.create("node", userdata=userdata(endpoint=tenant.endpoint, pin=tenant.pin()))
    eventually(lambda: "node" in tenant.nodes(), "a Node", 120)
    # What Cluster API takes away once it has found the Node.
    taints = [taint for taint in tenant.nodes()["node"]["spec"]["taints"] if taint["key"] != CLUSTER_API]
    patch(tenant, "/api/v1/nodes/node", {"spec": {"taints": taints}})
    return machine


def patch(tenant: Tenant, path: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    tenant.client.patch(path, json=body, headers=headers).raise_for_status()


def create(tenant: Tenant, text: str) -> None:
    """Create objects; the namespaces' own service accounts may take a moment."""
    plurals = {"Secret": "secrets", "Service": "services", "Pod": "pods", "ServiceAccount": "serviceaccounts"}
    for body in yaml.safe_load_all(text):
        version, kind = body["apiVersion"], body["kind"]
        namespace = body["metadata"].setdefault("namespace", "default")
        root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        place = "" if kind.startswith("Cluster") else f"/namespaces/{namespace}"
        path = f"{root}{place}/{plurals.get(kind, kind.lower() + 's')}"
        answer = eventually(
            lambda path=path, body=body: (a := tenant.client.post(path, json=body)).status_code != 403 and a,
            "created",
            60,
        )
        answer.raise_for_status()


def condition(node: dict[str, Any], name: str = "Ready") -> dict[str, Any]:
    match: dict[str, Any] = next((c for c in node["status"].get("conditions", []) if c["type"] == name), {})
    return match


def pods(tenant: Tenant, label: str) -> list[dict[str, Any]]:
    query = {"labelSelector": f"app={label}"}
    items: list[dict[str, Any]] = tenant.client.get("/api/v1/pods", params=query).raise_for_status().json()["items"]
    return items


def waits(tenant: Tenant, label: str, reason: str) -> dict[str, Any]:
    """The one pod of a label, once its container waits for a reason."""

    def look() -> dict[str, Any] | None:
        for pod in pods(tenant, label):
            for status in pod["status"].get("containerStatuses", []):
                if status["state"].get("waiting", {}).get("reason") == reason:
                    return pod
        return None

    result: dict[str, Any] = eventually(look, f"a container of {label} that waits for {reason}", 60)
    return result


def says(tenant: Tenant, pod: dict[str, Any], reason: str) -> str:
    """What an event says of a pod."""
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/events"
    query = {"fieldSelector": f"involvedObject.uid={pod['metadata']['uid']},reason={reason}"}
    items = eventually(lambda: tenant.client.get(path, params=query).json()["items"], f"an event {reason}", 60)
    return str(items[0]["message"])


def workload(kind: str, name: str, spec: str, replicas: str = "") -> str:
    """A Deployment or DaemonSet, with a part of its pod's spec."""
    body = f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
"""
    return body + "    spec:\n" + "".join(f"      {line}\n" for line in spec.strip().splitlines())


NETWORK = workload(
    "DaemonSet",
    "plugin",
    """
hostNetwork: true
tolerations: [{operator: Exists}]
containers: [{name: plugin, image: example.org/plugin, volumeMounts: [{name: cni, mountPath: /host/etc/cni/net.d}]}]
volumes: [{name: cni, hostPath: {path: /etc/cni/net.d}}]
""",
)

CLOUD = workload(
    "Deployment",
    "cloud",
    """
hostNetwork: true
serviceAccountName: cloud
tolerations: [{key: node.cloudprovider.kubernetes.io/uninitialized, value: "true", effect: NoSchedule}]
containers:
- name: manager
  image: quay.io/example/cloud-provider-equinix-metal:v3.8.1
  command: [./cloud-provider-equinix-metal, --cloud-config=/etc/cloud-sa/cloud-sa.json]
  volumeMounts: [{name: config, mountPath: /etc/cloud-sa, readOnly: true}]
volumes: [{name: config, secret: {secretName: cloud}}]
""",
)

RIGHTS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: cloud}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cloud}
rules:
- {apiGroups: [""], resources: [nodes], verbs: ["*"]}
- {apiGroups: [""], resources: [nodes/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cloud}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cloud}
subjects: [{kind: ServiceAccount, name: cloud, namespace: default}]
"""


def test_a_node_without_a_network_plugin_is_not_ready_and_runs_only_what_needs_none(
    tenant: Tenant, device: dict[str, Any]
) -> None:
    node = eventually(lambda: (n := tenant.nodes()["node"]) and condition(n) and n, "a condition Ready", 60)
    ready = condition(node)
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "KubeletNotReady", NO_NETWORK), (
        "the words of a real kubelet"
    )
    create(
        tenant, workload("Deployment", "early", "tolerations: [{operator: Exists}]\ncontainers: [{name: a, image: a}]")
    )
    pod = waits(tenant, "early", "ContainerCreating")
    assert NO_NETWORK in says(tenant, pod, "NetworkNotReady"), "its event says what it waits for"


def test_a_network_plugins_pod_makes_the_node_ready(tenant: Tenant, device: dict[str, Any]) -> None:
    create(tenant, NETWORK)
    eventually(lambda: condition(tenant.nodes()["node"])["status"] == "True", "a Ready Node", 60)
    eventually(
        lambda: (
            tenant.client.get("/apis/apps/v1/namespaces/default/daemonsets/plugin").json()["status"]["numberReady"] == 1
        ),
        "a DaemonSet that is ready",
        60,
    )
    eventually(lambda: pods(tenant, "early")[0]["status"]["phase"] == "Running", "the pod that waited for it", 60)


def test_a_cloud_controller_without_its_key_crashes_and_with_a_wrong_one_leaves_the_taint(
    tenant: Tenant, devices: Metal, device: dict[str, Any]
) -> None:
    create(tenant, RIGHTS + "---\n" + CLOUD)
    pod = waits(tenant, "cloud", "ContainerCreating")
    assert 'secret "cloud" not found' in says(tenant, pod, "FailedMount"), "its Secret is not there yet"
    config = {"cloud-sa.json": json.dumps({"projectID": PROJECT})}
    create(
        tenant,
        yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cloud"}, "stringData": config}),
    )
    waits(tenant, "cloud", "CrashLoopBackOff")
    set_key(tenant, "wrong")

    def has_refusal() -> bool:
        return any(call.path.endswith(device["id"]) and call.status == 401 for call in devices.control.calls("GET"))

    eventually(has_refusal, "a call of the Metal API that is refused", 60)
    node = tenant.nodes()["node"]
    assert UNINITIALIZED in {taint["key"] for taint in node["spec"]["taints"]}, "nobody has told it what the Node is"


class Management:
    """A management cluster that holds the tenant's kubeconfig."""

    def __init__(self, tenant: Tenant) -> None:
        self.value = base64.b64encode((tenant.folder / "kubeconfig").read_bytes()).decode()

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/api/v1/namespaces/default/secrets/c1-kubeconfig", "by Cluster API's convention"
        return {"data": {"value": self.value}}


def test_the_status_finds_the_node_without_cloud_controller_and_the_workloads_of_add_ons(
    tenant: Tenant, device: dict[str, Any]
) -> None:
    labels = {"metadata": {"labels": {ADD_ON: "cloud-controller"}}}
    patch(tenant, "/apis/apps/v1/namespaces/default/deployments/cloud", labels)
    view = inside.look(Management(tenant), "default", "c1")
    assert isinstance(view, tree.Inside), f"the tenant answers: {view}"
    assert [(entry["kind"], entry["metadata"]["name"]) for entry in view.workloads] == [("Deployment", "cloud")], (
        "by label"
    )
    request = tree.Request("1.33.0", 2, add_ons=("cloud-controller",), looks_inside=True)
    blocker = tree.first_blocker(tree.build(snapshot(inside=view), request))
    assert blocker, "pods of most kinds don't start on it"
    assert (blocker.subject, UNINITIALIZED in blocker.reason) == ("Node/node", True), str(blocker)


def set_key(tenant: Tenant, key: str) -> None:
    """Give the cloud controller another API key, and a new pod that reads it."""
    config = {"cloud-sa.json": json.dumps({"apiKey": key, "projectID": PROJECT})}
    patch(tenant, "/api/v1/namespaces/default/secrets/cloud", {"stringData": config})
    for pod in pods(tenant, "cloud"):
        tenant.client.delete(f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}").raise_for_status()


def test_a_cloud_controller_tells_addresses_and_labels_and_takes_the_taint_away(
    tenant: Tenant, devices: Metal, device: dict[str, Any]
) -> None:
    set_key(tenant, KEY)
    node = eventually(
        lambda: (
            (n := tenant.nodes()["node"]) and UNINITIALIZED not in {t["key"] for t in n["spec"].get("taints", [])} and n
        ),
        "a Node without the taint",
        60,
    )
    details = devices.get(device["id"])
    expected = {"ExternalIP" if ip["public"] else "InternalIP": ip["address"] for ip in details["ip_addresses"]}
    addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
    assert addresses == {**expected, "Hostname": "node"}, "the device's, as the Metal API tells them"
    labels = node["metadata"]["labels"]
    assert labels["node.kubernetes.io/instance-type"] == details["plan"]["slug"], "the plan"
    assert labels["topology.kubernetes.io/region"] == details["metro"]["code"], "the metro"


def test_a_deployment_becomes_available_and_its_service_gets_endpoints(tenant: Tenant, device: dict[str, Any]) -> None:
    create(tenant, workload("Deployment", "web", "containers: [{name: web, image: nginx}]", "replicas: 2"))
    create(
        tenant,
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}",
    )
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    eventually(
        lambda: tenant.client.get(path).json()["status"].get("availableReplicas") == 2, "two available replicas", 60
    )
    query = {"labelSelector": "kubernetes.io/service-name=web"}
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

    def addresses() -> set[str]:
        items = tenant.client.get(slices, params=query).json()["items"]
        ready = [e for item in items for e in item["endpoints"] or [] if e["conditions"]["ready"]]
        return {address for endpoint in ready for address in endpoint["addresses"]}

    hosts = eventually(lambda: len(candidate := addresses()) == 2 and candidate, "two endpoints", 60)
    assert all(address.startswith("10.98.") for address in hosts), f"of the node's range of pods' addresses: {hosts}"
    tenant.client.delete(path, params={"propagationPolicy": "Foreground"}).raise_for_status()
    eventually(lambda: not pods(tenant, "web") and tenant.client.get(path).status_code == 404, "gone with its pods", 60)


def test_a_job_completes_and_a_missing_secret_keeps_its_pod_back(tenant: Tenant, device: dict[str, Any]) -> None:
    body = """
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    metadata: {labels: {app: once}}
    spec:
      restartPolicy: Never
      containers: [{name: once, image: a, env: [{name: A, valueFrom: {secretKeyRef: {name: later, key: a}}}]}]
"""
    create(tenant, body)
    pod = waits(tenant, "once", "CreateContainerConfigError")
    assert says(tenant, pod, "Failed") == 'Error: secret "later" not found', "the kubelet's words"
    create(tenant, "{apiVersion: v1, kind: Secret, metadata: {name: later}, stringData: {a: b}}")
    path = "/apis/batch/v1/namespaces/default/jobs/once"
    eventually(lambda: tenant.client.get(path).json()["status"].get("succeeded") == 1, "a Job that has succeeded", 60)


def test_the_network_outlives_the_plugins_pod_as_its_files_do(tenant: Tenant, device: dict[str, Any]) -> None:
    tenant.client.delete("/apis/apps/v1/namespaces/default/daemonsets/plugin").raise_for_status()
    eventually(lambda: not pods(tenant, "plugin"), "no pod of the plugin", 60)
    assert condition(tenant.nodes()["node"])["status"] == "True", "its configuration stays in /etc/cni/net.d"
