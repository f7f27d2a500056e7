"""Devices join a real control plane from their user data alone, or are left out of it with the reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.metal import BootOptions, Fault
from lab.processes import free_port
from tests.support.devices import JOIN_V1BETA3, PROJECT, TOKEN, Metal, eventually, metal, userdata
from tests.support.tenant import Tenant


def await_silence(renewal: Callable[[], str]) -> str:
    """The last sign of life, once none has followed for two seconds: one may be under way when a device ends."""

    def look() -> str:
        before = renewal()
        time.sleep(2)
        return before if renewal() == before else ""

    return str(eventually(look, "silent"))


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    running = Tenant(tmp_path_factory.mktemp("tenant"))
    try:
        running.token(TOKEN)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metal]:
    with metal(tmp_path_factory.mktemp("devices")) as running:
        yield running


def good(tenant: Tenant, **changes: str) -> str:
    return userdata(**{"endpoint": tenant.endpoint, "pin": tenant.pin(), **changes})


def is_ready(node: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))


def test_a_device_joins_with_what_its_user_data_says(tenant: Tenant, devices: Metal) -> None:
    with devices.api_boot(join_seconds=60):
        device = devices.create("joins", userdata=good(tenant))
        node = eventually(
            lambda: (candidate := tenant.nodes().get("joins")) and is_ready(candidate) and candidate, "a Ready Node", 60
        )
    assert node["spec"]["providerID"] == f"equinixmetal://{device['id']}", (
        "jinja makes the device's id of v1.instance_id"
    )
    assert node["metadata"]["labels"]["pool"] == "worker-a", "node-labels are set"
    taints = {taint["key"]: taint["effect"] for taint in node["spec"]["taints"]}
    assert taints["node.cluster.x-k8s.io/uninitialized"] == "NoSchedule", "taints of nodeRegistration are set"
    assert taints["node.cloudprovider.kubernetes.io/uninitialized"] == "NoSchedule", (
        "cloud-provider external adds its taint"
    )
    assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.33.0", "the version is that which the commands install"
    assert [entry["type"] for entry in node["status"]["addresses"]] == ["Hostname"], (
        "with an external cloud provider the addresses are the cloud controller's business"
    )
    requests = tenant.client.get("/apis/certificates.k8s.io/v1/certificatesigningrequests").json()["items"]
    users = {request["spec"]["username"] for request in requests}
    assert f"system:bootstrap:{TOKEN[:6]}" in users, "the certificate was asked for with the bootstrap token"


def test_the_lease_is_renewed_until_the_device_is_deleted(tenant: Tenant, devices: Metal) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/beats"
    with devices.api_boot(join_seconds=60):
        device = devices.create("beats", userdata=good(tenant))
        eventually(lambda: tenant.client.get(path).status_code == 200, "a lease", 60)

    def renewal() -> str:
        return tenant.client.get(path).json()["spec"]["renewTime"]

    first = renewal()
    eventually(lambda: renewal() != first, "renewed")
    assert devices.http.delete(f"/devices/{device['id']}?force_delete=true").status_code == 204, "it can be deleted"
    eventually(lambda: not any(d["id"] == device["id"] for d in devices.control.devices()), "gone")
    last = await_silence(renewal)
    time.sleep(2)
    assert renewal() == last, "a deleted device gives no sign of life"


def test_a_device_that_breaks_says_so_until_it_is_mended(tenant: Tenant, devices: Metal) -> None:
    with devices.api_boot(join_seconds=60):
        devices.create("breaks", userdata=good(tenant))
        eventually(lambda: (candidate := tenant.nodes().get("breaks")) and is_ready(candidate), "a Ready Node", 60)
    devices.control.set_faults(PROJECT, [Fault("breaks", device="breaks")])
    try:
        eventually(lambda: not is_ready(tenant.nodes()["breaks"]), "a Node that is not Ready")
    finally:
        devices.control.clear_faults(PROJECT)
    eventually(lambda: is_ready(tenant.nodes()["breaks"]), "Ready again")


def test_a_device_that_hangs_gives_no_sign_of_life(tenant: Tenant, devices: Metal) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/hangs"

    def renewal() -> str:
        return tenant.client.get(path).json()["spec"]["renewTime"]

    with devices.api_boot(join_seconds=60):
        devices.create("hangs", userdata=good(tenant))
        eventually(lambda: tenant.client.get(path).status_code == 200, "a lease", 60)
    devices.control.set_faults(PROJECT, [Fault("hangs", device="hangs")])
    try:
        last = await_silence(renewal)
        time.sleep(2)
        assert renewal() == last, "nothing is heard of it"
    finally:
        devices.control.clear_faults(PROJECT)
    eventually(lambda: renewal() != last, "alive again")


def test_a_v1beta3_configuration_joins_without_cloud_provider(tenant: Tenant, devices: Metal) -> None:
    with devices.api_boot(join_seconds=60):
        device = devices.create("v1beta3", userdata=good(tenant, join=JOIN_V1BETA3))
        node = eventually(
            lambda: (candidate := tenant.nodes().get("v1beta3")) and is_ready(candidate) and candidate,
            "a Ready Node",
            60,
        )
    keys = {taint["key"] for taint in node["spec"].get("taints", [])}
    assert "node.cloudprovider.kubernetes.io/uninitialized" not in keys, (
        "without cloud-provider external there is no such taint"
    )
    addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
    by_scope = {entry["public"]: entry["address"] for entry in devices.get(device["id"])["ip_addresses"]}
    assert (addresses["ExternalIP"], addresses["InternalIP"]) == (by_scope[True], by_scope[False]), (
        "and the kubelet tells the device's addresses itself"
    )


MISTAKES: list[tuple[str, dict[str, str], tuple[str, str] | None, str]] = [
    ("wrong-token", {"token": "abcdef.ffffffffffffffff"}, None, "is not that of its token abcdef"),
    ("unknown-token", {"token": "zzzzzz.0123456789abcdef"}, None, "no signature for token zzzzzz"),
    ("absent-token", {"token": "''"}, None, "has no token"),
    ("wrong-ca", {"pin": "sha256:" + "1" * 64}, None, "the cluster's CA is not the one"),
    ("no-pin", {}, ("caCertHashes", "ignored"), "neither caCertHashes nor unsafeSkipCAVerification"),
    (
        "unresolved",
        {"provider_id": "equinixmetal://{{ v1.instance }}"},
        None,
        "unresolved jinja variable: 'dict object' has no attribute 'instance'",
    ),
    ("not-jinja", {"provider_id": "equinixmetal://{{ .instance }}"}, None, "is not valid jinja"),
    ("unrendered", {}, ("## template: jinja\n", ""), "holds an unrendered template"),
    ("invalid-yaml", {}, ("runcmd:", "runcmd: ["), "is not valid YAML"),
    (
        "no-join",
        {},
        ("kind: JoinConfiguration", "kind: ClusterConfiguration"),
        "holds no JoinConfiguration (kinds found: ClusterConfiguration)",
    ),
    ("no-command", {}, ("- kubeadm join", "- echo"), "never runs kubeadm join"),
    (
        "other-file",
        {},
        ("--config /run/kubeadm/kubeadm-join-config.yaml", "--config /etc/other.yaml"),
        "reads /etc/other.yaml, which its user data does not write",
    ),
    (
        "other-id",
        {"provider_id": "equinixmetal://other"},
        None,
        "provider-id is 'equinixmetal://other', where equinixmetal://",
    ),
    ("no-id", {"provider_id": "''"}, None, "has no provider-id"),
    (
        "other-name",
        {},
        ("  imagePullSerial: true", "  name: somebody"),
        "would be named 'somebody', but its hostname is 'other-name'",
    ),
    ("bad-shell", {}, ("swapoff -a", "if true; then swapoff"), "runcmd[0] of its user data is not valid shell"),
    ("bad-label", {}, ("pool=worker-a", "kubernetes.io/pool=a"), "node-labels holds kubernetes.io/pool"),
    (
        "forbidden-label",
        {},
        ("pool=worker-a", "node-restriction.kubernetes.io/pool=a"),
        "node-labels holds node-restriction.kubernetes.io/pool",
    ),
]


@pytest.mark.parametrize(("name", "changes", "replacement", "reason"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_a_device_with_a_mistake_is_left_out_with_the_reason(
    tenant: Tenant,
    devices: Metal,
    caplog: pytest.LogCaptureFixture,
    name: str,
    changes: dict[str, str],
    replacement: tuple[str, str] | None,
    reason: str,
) -> None:
    text = good(tenant, **changes)
    if replacement:
        assert replacement[0] in text, "the case changes something"
        text = text.replace(*replacement)
    device = devices.create(name, userdata=text)
    problem = devices.problem(device["id"])
    assert reason in problem, "the reason is named"
    assert TOKEN.split(".")[1] not in problem, "no secret in a reason"
    lines = [
        record.getMessage()
        for record in caplog.records
        if name in record.getMessage() and "no Node" in record.getMessage()
    ]
    assert len(lines) == 1, "the log says it once"
    assert reason in lines[0].split("\n")[0], "in one line"
    assert name not in tenant.nodes(), "there is no Node"
    assert devices.get(device["id"])["state"] == "active", "the API shows an active server, as the real one would"


def test_an_unreachable_control_plane_is_named(tenant: Tenant, devices: Metal) -> None:
    endpoint = f"127.0.0.1:{free_port()}"
    device = devices.create("unreachable", userdata=good(tenant, endpoint=endpoint))
    problem = devices.problem(device["id"])
    assert problem.startswith("gave up after 3 s: cluster-info of " + endpoint), (
        "it says what it asked for, and for how long"
    )
    assert "no answer" in problem, "and what it got"


def test_a_missing_kubeadm_config_is_named(devices: Metal, tenant: Tenant) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
    data = tenant.client.get(path).json()["data"]
    tenant.client.delete(path).raise_for_status()
    try:
        device = devices.create("no-kubeadm-config", userdata=good(tenant))
        problem = devices.problem(device["id"])
    finally:
        tenant.config_map("kube-system", "kubeadm-config", data)
    assert "ConfigMap kubeadm-config" in problem, "the ConfigMap is named"
    assert "404" in problem, "with what the API server said"


def test_a_second_machine_of_the_same_name_is_refused(tenant: Tenant, devices: Metal) -> None:
    with devices.api_boot(join_seconds=60):
        devices.create("twin", userdata=good(tenant))
        eventually(lambda: (candidate := tenant.nodes().get("twin")) and is_ready(candidate), "a Ready Node", 60)
    second = devices.create("twin", userdata=good(tenant))
    assert "a Node named twin is Ready already" in devices.problem(second["id"]), "as kubeadm says"


def test_devices_live_on_when_the_lab_starts_again(tenant: Tenant, tmp_path: Path) -> None:
    boot = BootOptions(seconds=0.2, join_seconds=60, heartbeat_seconds=0.5, network="provided")
    with metal(tmp_path, boot) as first:
        device = first.create("survives", userdata=good(tenant))
        eventually(lambda: first.overview(device["id"])["stage"] == "joined", "joined", 60)
    for path in (tmp_path / "metal" / "disks" / device["id"]).iterdir():
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} is readable by others"
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/survives"
    last_renewal = tenant.client.get(path).json()["spec"]["renewTime"]
    requests = len(tenant.client.get("/apis/certificates.k8s.io/v1/certificatesigningrequests").json()["items"])
    with metal(tmp_path, boot) as second:
        assert second.get(device["id"])["state"] == "active", "the server is still ordered"
        eventually(lambda: tenant.client.get(path).json()["spec"]["renewTime"] > last_renewal, "renewed")
    after = len(tenant.client.get("/apis/certificates.k8s.io/v1/certificatesigningrequests").json()["items"])
    assert after == requests, "it uses the certificate that it has"
