"""Phases five to seven against a real API server: the infrastructure cluster, the nudge, the kubeconfig."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fault_proxy import Fault, faults
from tests.support.handoff_runs import hand_off, start
from tests.support.kamaji_objects import CLUSTER, CLUSTERS, INFRASTRUCTURE, Tenant
from tests.support.tls_endpoint import TlsEndpoint, endpoint, wait_until
from tests.support.webhook import refusing_webhook

SPEC, STATUS = "/packetclusters/c1?", "/packetclusters/c1/status"


@pytest.fixture
def tenant_api(tenant: Tenant, control_plane: TlsEndpoint) -> TlsEndpoint:
    """A control plane that answers and whose address is known."""
    tenant.publish(control_plane.host, control_plane.port)
    return control_plane


def of(server: TlsEndpoint) -> dict[str, object]:
    return {"host": server.host, "port": server.port}


def test_a_hand_off_writes_endpoint_and_ready_flag_and_owns_nothing_else(
    tenant: Tenant, tenant_api: TlsEndpoint
) -> None:
    outputs = hand_off(tenant).require_success()
    cluster = tenant.packet_cluster()
    assert cluster["spec"]["controlPlaneEndpoint"] == of(tenant_api), "the endpoint is written"
    assert cluster["status"]["ready"] is True, "it is marked ready"
    entries = [entry for entry in cluster["metadata"]["managedFields"] if entry["manager"] == "kamaji-equinix"]
    fields = {**entries[0]["fieldsV1"], **entries[1]["fieldsV1"]}
    assert fields == {
        "f:spec": {"f:controlPlaneEndpoint": {"f:host": {}, "f:port": {}}},
        "f:status": {"f:ready": {}},
    }, "no field is owned that is not needed: another writer would be in conflict with it"
    expected = {"endpoint": str(tenant_api), "live": str(tenant_api), "setBy": "pulumi", "ready": True}
    assert expected.items() <= outputs.items(), f"the outputs say so: {outputs}"
    assert outputs["kubeconfigSecret"] == f"{tenant.namespace}/{CLUSTER}-kubeconfig", "and where the kubeconfig is"


def test_a_second_hand_off_confirms_and_writes_nothing(tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path) -> None:
    first = hand_off(tenant).require_success()
    version = tenant.packet_cluster()["metadata"]["resourceVersion"]
    with faults(tenant.management, tmp_path) as proxy:
        second = hand_off(tenant, proxy.kubeconfig).require_success()
        assert proxy.patches() == [], "what is right already is not written again"
    assert {**second, "server": first["server"]} == first, "and the same is stored"
    assert tenant.packet_cluster()["metadata"]["resourceVersion"] == version, "the object is untouched"


def test_what_kamaji_wrote_is_confirmed_and_called_kamajis(
    tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path
) -> None:
    tenant.patch(INFRASTRUCTURE, CLUSTER, {"spec": {"controlPlaneEndpoint": of(tenant_api)}})
    tenant.patch(INFRASTRUCTURE, CLUSTER, {"status": {"ready": True}}, subresource="/status")
    with faults(tenant.management, tmp_path) as proxy:
        assert hand_off(tenant, proxy.kubeconfig).require_success()["setBy"] == "kamaji", "who wrote it is told"
        assert not [line for line in proxy.patches() if "packetclusters" in line], "equal values are not rewritten"


def test_a_different_endpoint_is_refused_with_both_shown(tenant: Tenant, tenant_api: TlsEndpoint) -> None:
    other = {"spec": {"controlPlaneEndpoint": {"host": "192.0.2.7", "port": 6443}}}
    tenant.patch(INFRASTRUCTURE, CLUSTER, other, manager="somebody")
    run = hand_off(tenant)
    run.require_failure("endpoint", str(tenant_api), "192.0.2.7:6443", "written by somebody", "handoff.force")
    cluster = tenant.packet_cluster()
    assert cluster["spec"] == {**cluster["spec"], **other["spec"]}, "a stranger's value stays"
    assert not cluster.get("status", {}).get("ready"), "and no machine is bought for it"
    assert hand_off(tenant, force=True).require_success()["setBy"] == "pulumi", "unless it is forced"
    assert tenant.packet_cluster()["spec"]["controlPlaneEndpoint"] == of(tenant_api), "then it is overwritten"


def test_an_address_of_its_own_is_replaced_where_kamaji_moved(tenant: Tenant, tenant_api: TlsEndpoint) -> None:
    hand_off(tenant).require_success()
    # As Cluster API has copied it, which it does once and for all.
    tenant.patch(CLUSTERS, CLUSTER, {"spec": {"controlPlaneEndpoint": of(tenant_api)}})
    with endpoint(tenant.authority) as successor:
        tenant.publish(successor.host, successor.port)
        assert hand_off(tenant).require_success()["live"] == str(successor), (
            "nobody else wrote what was there: it needs no force"
        )
        copy = tenant.get(CLUSTERS, CLUSTER)["spec"]["controlPlaneEndpoint"]
        assert copy == of(successor), "the Cluster is what new machines are told the address from"


def test_a_missing_infrastructure_cluster_is_named(tenant: Tenant, tenant_api: TlsEndpoint) -> None:
    tenant.delete(INFRASTRUCTURE, CLUSTER)
    hand_off(tenant).require_failure("endpoint", "PacketCluster", CLUSTER, "it does not exist", "pulumi refresh")
    assert not tenant_api.requests, "nothing is waited for that could not be handed off"


def test_an_infrastructure_cluster_that_is_being_deleted_is_named(tenant: Tenant, tenant_api: TlsEndpoint) -> None:
    tenant.patch(INFRASTRUCTURE, CLUSTER, {"metadata": {"finalizers": ["example.com/held"]}})
    tenant.delete(INFRASTRUCTURE, CLUSTER)
    hand_off(tenant).require_failure("endpoint", "PacketCluster", "it is being deleted")
    tenant.patch(INFRASTRUCTURE, CLUSTER, {"metadata": {"finalizers": None}})


@pytest.mark.parametrize("mode", ["500", "no address"])
def test_an_infrastructure_cluster_that_is_deleted_while_waiting_ends_the_wait(
    tenant: Tenant, control_plane: TlsEndpoint, mode: str
) -> None:
    control_plane.mode = mode
    if mode != "no address":
        tenant.publish(control_plane.host, control_plane.port)
    run = start(tenant, timeoutSeconds=60)
    wait_until(lambda: "waits until" in run.output or "has no address" in run.output, "the wait")
    tenant.delete(INFRASTRUCTURE, CLUSTER)
    run.end(20).require_failure("endpoint", "PacketCluster", "it does not exist", "pulumi refresh")


def test_an_infrastructure_cluster_deleted_right_before_the_patch_is_not_made_again(
    tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path
) -> None:
    with faults(tenant.management, tmp_path, Fault("PATCH", SPEC, -1)) as proxy:
        proxy.on_hit = lambda: tenant.delete(INFRASTRUCTURE, CLUSTER)
        hand_off(tenant, proxy.kubeconfig).require_failure("endpoint", "it does not exist")
    answer = tenant.http.get(f"{INFRASTRUCTURE.format(tenant.namespace)}/{CLUSTER}")
    assert answer.status_code == 404, "server-side apply would create it, were it not for the uid"


@pytest.mark.parametrize("part", [SPEC, STATUS], ids=["spec", "status"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("PATCH", "", 409, "Conflict", "the object has been modified"),
        Fault("PATCH", "", 429, "TooManyRequests", headers=(("Retry-After", "1"),)),
        Fault("PATCH", "", 500, "InternalError"),
        Fault("PATCH", "", 0),
        Fault("PATCH", "", -1),
    ],
    ids=["conflict", "throttled", "server error", "cut after it was applied", "cut before"],
)
def test_a_patch_that_fails_for_a_moment_is_tried_again(
    tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path, fault: Fault, part: str
) -> None:
    patch_fault = Fault(fault.method, part, fault.status, fault.reason, fault.message, fault.headers, times=2)
    with faults(tenant.management, tmp_path, patch_fault) as proxy:
        run = hand_off(tenant, proxy.kubeconfig)
        outputs = run.require_success()
        assert proxy.hit, "the fault must have hit"
    if fault.status == 429:
        assert run.seconds > 2, "the server asked twice for a second of patience"
    cluster = tenant.packet_cluster()
    assert cluster["spec"]["controlPlaneEndpoint"] == of(tenant_api), "the endpoint is written"
    assert cluster["status"]["ready"] is True, "and so is the ready flag"
    assert outputs["ready"] is True, "which the outputs tell"
    owners = [entry["manager"] for entry in cluster["metadata"]["managedFields"]]
    assert owners.count("kamaji-equinix") == 2, f"once for the spec and once for the status, nothing doubled: {owners}"


def test_a_webhook_that_rejects_the_patch_is_quoted(tenant: Tenant, tenant_api: TlsEndpoint) -> None:
    with refusing_webhook(tenant, 422, "endpoints are frozen until Monday"):
        text = hand_off(tenant).require_failure("endpoint", "endpoints are frozen until Monday", "admission webhook")
    assert "rbac.yaml" not in text, f"a webhook's refusal is no matter of rights: {text}"


def test_a_webhook_that_forbids_the_patch_is_not_taken_for_a_missing_right(
    tenant: Tenant, tenant_api: TlsEndpoint
) -> None:
    with refusing_webhook(tenant, 403, "endpoints are frozen until Monday"):
        text = hand_off(tenant).require_failure(
            "endpoint", "frozen until Monday", "admission webhook, refuses the change"
        )
    assert "rbac.yaml" not in text, f"a webhook's refusal is no matter of rights: {text}"


def test_a_patch_that_fails_until_the_deadline_is_quoted(
    tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path
) -> None:
    with faults(
        tenant.management, tmp_path, Fault("PATCH", SPEC, 500, "InternalError", "disk full", times=99)
    ) as proxy:
        run = hand_off(tenant, proxy.kubeconfig, timeoutSeconds=3)
        run.require_failure("endpoint", "that it takes the endpoint", "disk full", "pulumi up")
    assert "could not be patched" in run.output, f"it shows while it is tried again: {run.output}"


def test_a_cluster_api_that_does_not_run_is_named_at_the_deadline(tenant: Tenant) -> None:
    tenant.create()
    tenant.tenant()
    with endpoint(tenant.authority) as server:
        tenant.publish(server.host, server.port)
        hand_off(tenant, timeoutSeconds=3).require_failure(
            "nudge", "status.infrastructureReady", "see that it runs, and its log"
        )


def test_a_provider_of_kamajis_that_does_not_go_on_is_named_at_the_deadline(tenant: Tenant) -> None:
    tenant.create().play(kamaji=False)
    tenant.tenant()
    with endpoint(tenant.authority) as server:
        tenant.publish(server.host, server.port)
        hand_off(tenant, timeoutSeconds=4).require_failure("nudge", "status.version", "see that it runs, and its log")


def test_a_provider_of_kamajis_in_its_backoff_is_woken(tenant: Tenant) -> None:
    tenant.create().play(impatient=False)
    tenant.tenant()
    with endpoint(tenant.authority) as server:
        tenant.publish(server.host, server.port)
        assert hand_off(tenant).require_success()["ready"] is True, "a changed annotation is an event that it waits for"


def test_a_kubeconfig_that_does_not_come_is_named_at_the_deadline(tenant: Tenant) -> None:
    tenant.create()
    tenant.tenant()
    tenant.publish("127.0.0.1", 1)
    run = hand_off(tenant, timeoutSeconds=1, enabled=False)
    run.require_failure("kubeconfig", f"Secret {tenant.namespace}/{CLUSTER}-kubeconfig", "another program")
