"""The first phase against a real API server: why there is no address yet, and what is done once there is one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab.plane import ManagementPlane
from tests.support import kubeconfig_secret
from tests.support.fault_proxy import Fault, faults
from tests.support.handoff_runs import hand_off, start
from tests.support.kamaji_objects import CLUSTER, CONTROL_PLANE, CONTROL_PLANES, Tenant
from tests.support.tls_endpoint import TlsEndpoint, endpoint, wait_until


def test_a_control_plane_that_no_cluster_owns_is_named(tenant: Tenant) -> None:
    tenant.create(owned=False)
    text = hand_off(tenant, timeoutSeconds=1).require_failure(
        "address", "no Cluster owns KamajiControlPlane cp", "describe"
    )
    assert "refers to another" in text, f"what the Cluster refers to instead helps to find the mistake: {text}"


def test_a_paused_cluster_is_named(tenant: Tenant) -> None:
    tenant.create(paused=True)
    hand_off(tenant, timeoutSeconds=1).require_failure("address", "Cluster c1 is paused")


def test_a_control_plane_that_is_missing_is_named(tenant: Tenant) -> None:
    tenant.create()
    tenant.delete(CONTROL_PLANES, CONTROL_PLANE)
    hand_off(tenant, timeoutSeconds=1).require_failure("address", "there is no KamajiControlPlane cp")


def test_a_tenant_that_kamajis_provider_has_not_made_is_named(tenant: Tenant) -> None:
    tenant.create()
    hand_off(tenant, timeoutSeconds=1).require_failure("address", "has not made TenantControlPlane cp", "does it run?")


def test_a_service_that_kamaji_has_not_made_is_named_with_the_deployments_trouble(tenant: Tenant) -> None:
    tenant.create()
    trouble = {"type": "Progressing", "status": "False", "reason": "Quota", "message": "exceeded quota of pods"}
    moments = dict.fromkeys(("lastTransitionTime", "lastUpdateTime"), "2026-01-02T03:04:05Z")
    tenant.tenant(state="Provisioning", conditions=({**trouble, **moments},))
    hand_off(tenant, timeoutSeconds=1).require_failure(
        "address", "Kamaji has not made Service cp", "exceeded quota of pods"
    )


def test_a_service_without_an_address_is_named(tenant: Tenant) -> None:
    tenant.create()
    tenant.tenant(state="Provisioning")
    tenant.service(None)
    run = hand_off(tenant, timeoutSeconds=1)
    run.require_failure("address", "Service cp has no ingress address", "no load balancer serves it")
    assert "Service cp has no ingress address" in run.output, f"the cause shows while it waits, too: {run.output}"


def test_a_tenant_that_is_not_ready_is_named_with_its_state(tenant: Tenant) -> None:
    tenant.create()
    tenant.tenant(state="Provisioning")
    tenant.service("127.0.0.1")
    hand_off(tenant, timeoutSeconds=1).require_failure("address", "TenantControlPlane cp is Provisioning")


def test_a_stuck_watch_ends_with_the_deadline(tenant: Tenant) -> None:
    tenant.create()
    run = hand_off(tenant, timeoutSeconds=2)
    run.require_failure("address")
    assert 2 <= run.seconds < 10, f"a deadline of 2 s took {run.seconds:.1f} s"


def test_an_address_that_comes_while_waiting_is_taken_at_once(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    run = start(tenant)
    wait_until(lambda: "has no address" in run.output, "the wait for the address")
    time.sleep(0.5)
    beginning = time.monotonic()
    tenant.publish(control_plane.host, control_plane.port)
    wait_until(lambda: control_plane.requests, "the first question to the control plane")
    assert time.monotonic() - beginning < 4, "a watch tells at once; a loop of sleeps would take up to 5 s"
    assert run.end().require_success()["endpoint"] == str(control_plane), "the published endpoint is the result"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", "watch=1", 410, "Expired", "too old resource version: 1 (2)", event=True),
        Fault("GET", "watch=1", 410, "Gone", "too old resource version: 1 (2)"),
        Fault("GET", "watch=1", -1),
        Fault("GET", "watch=1", 500, "InternalError"),
        Fault("GET", "/kamajicontrolplanes/", 429, "TooManyRequests", headers=(("Retry-After", "1"),)),
        Fault("GET", "/kamajicontrolplanes/", -1),
        Fault("GET", "/clusters/", 503, "ServiceUnavailable"),
        Fault("GET", "/packetclusters/", 500, "InternalError"),
    ],
    ids=[
        "expired event",
        "gone",
        "watch cut",
        "watch fails",
        "read throttled",
        "read cut",
        "first read fails",
        "infrastructure unreadable",
    ],
)
def test_a_wait_survives_what_passes_by_itself(
    tenant: Tenant, control_plane: TlsEndpoint, tmp_path: Path, fault: Fault
) -> None:
    with faults(tenant.management, tmp_path, Fault(fault.method, fault.part, 0, times=0)) as proxy:
        proxy.faults = [fault]
        fault.times = 2
        run = start(tenant, proxy.kubeconfig)
        wait_until(lambda: len(proxy.hit) == 2, f"the fault to hit twice: {fault}")
        tenant.publish(control_plane.host, control_plane.port)
        assert run.end().require_success()["ready"] is True, "the hand-off goes on as if nothing had been"


def test_an_api_server_that_restarts_during_the_wait_is_waited_for(
    management: ManagementPlane, tenant: Tenant, control_plane: TlsEndpoint
) -> None:
    run = start(tenant, timeoutSeconds=90)
    wait_until(lambda: "has no address" in run.output, "the wait for the address")
    management.restart_api(2.5)
    tenant.publish(control_plane.host, control_plane.port)
    assert run.end(100).require_success()["endpoint"] == str(control_plane), "the wait goes on where it was"
    assert "refuses connections" in run.output or "closed the connection" in run.output, (
        f"that the management cluster was away is said: {run.output}"
    )


def test_another_management_cluster_is_refused_before_anything_else(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    tenant.publish(control_plane.host, control_plane.port)
    run = hand_off(tenant, clusterUid="11111111-2222-3333-4444-555555555555")
    run.require_failure("address", "another management cluster", tenant.uid, tenant.management.url, "11111111-2222")
    assert not control_plane.requests, "nothing is dialled for a cluster that is not the stack's"
    assert "controlPlaneEndpoint" not in tenant.packet_cluster()["spec"], "and nothing is written"


def test_a_namespace_without_the_cluster_is_refused_where_its_uid_is_known(tenant: Tenant) -> None:
    hand_off(tenant, clusterUid="11111111-2222-3333-4444-555555555555").require_failure(
        "address", "no such Cluster", CLUSTER
    )


@pytest.mark.parametrize(("host", "text"), [("localhost", "localhost:{}"), ("::1", "[::1]:{}"), ("[::1]", "[::1]:{}")])
def test_names_and_ipv6_addresses_are_handed_off(tenant: Tenant, host: str, text: str) -> None:
    tenant.create().play()
    tenant.tenant()
    with endpoint(tenant.authority, host="::1" if ":" in host else "127.0.0.1") as server:
        tenant.publish(host, server.port)
        outputs = hand_off(tenant).require_success()
    assert outputs["endpoint"] == text.format(server.port), "an IPv6 address has brackets only beside a port"
    value = tenant.packet_cluster()["spec"]["controlPlaneEndpoint"]
    assert value == {"host": host.strip("[]"), "port": server.port}, "and none where it is a field of its own"


def test_without_the_hand_off_what_kamaji_wrote_is_reported_undialled(
    tenant: Tenant, control_plane: TlsEndpoint
) -> None:
    tenant.publish("192.0.2.1", 6443)
    kubeconfig_secret.keep(tenant.http, tenant.get(CONTROL_PLANES, CONTROL_PLANE), CLUSTER, f"token: {tenant.secret}")
    outputs = hand_off(tenant, enabled=False).require_success()
    assert outputs["endpoint"] == "192.0.2.1:6443", "what Kamaji published is the result"
    assert not control_plane.connections, "nothing is dialled"
    assert "controlPlaneEndpoint" not in tenant.packet_cluster()["spec"], "nothing is written"
    assert outputs["setBy"] == "", "so nobody set it"
