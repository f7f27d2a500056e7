"""Phases two to four against endpoints that misbehave, with a real API server beside them."""

from __future__ import annotations

import pytest

from lab.plane import ManagementPlane
from tests.support.handoff_runs import hand_off, start
from tests.support.kamaji_objects import CONTROL_PLANES, SECRETS, Tenant
from tests.support.tls_endpoint import TRAP, endpoint, wait_until


@pytest.fixture
def complete(tenant: Tenant) -> Tenant:
    """A tenant that lacks nothing but a control plane that answers."""
    tenant.create().play()
    tenant.tenant()
    return tenant


@pytest.mark.parametrize(
    ("mode", "phase", "words", "advice"),
    [
        ("refused", "dial", "refuses connections: nothing listens there yet", "get service cp"),
        ("dropped", "dial", "packets are dropped on the way", "get service cp"),
        ("silent", "tls", "accepts connections, but is silent", "certSANs"),
        ("cut", "tls", "TLS handshake", "certSANs"),
        ("plain", "tls", "speaks something else than TLS, such as plain HTTP", "Something else may answer"),
        ("wrong authority", "tls", "the tenant's authority did not sign it", "Something else may answer"),
        ("expired", "tls", "certificate has expired", "get tenantcontrolplane cp"),
        ("wrong name", "tls", "it is for api.example.com, 192.0.2.9", "`controlPlane.network.certSANs` adds names"),
        ("500", "ready", "/readyz answers 500 ([-]etcd failed: reason withheld)", "get pods"),
        ("redirect", "ready", "/readyz answers 302 (redirects to https://login.example/)", "get pods"),
        ("no answer", "ready", "did not answer it within", "get pods"),
        ("trickle", "ready", "did not answer it within", "get pods"),
        ("closes", "ready", "closed the connection without an answer to /readyz", "get pods"),
        ("not HTTP", "ready", "answers /readyz with something else than HTTP", "get pods"),
    ],
)
def test_a_control_plane_that_does_not_answer_is_named_by_its_fault(
    complete: Tenant, mode: str, phase: str, words: str, advice: str
) -> None:
    with endpoint(complete.authority, mode) as server:
        complete.publish(server.host, server.port)
        run = hand_off(complete, timeoutSeconds=2)
        text = run.require_failure(phase, str(server), words, advice)
        if mode == "expired":
            day = f"{server.expires:%b} {server.expires.day:2d}"
            assert day in text, f"the certificate's last day is told: {text}"
    assert run.seconds < 6, f"a deadline of 2 s took {run.seconds:.1f} s"
    assert TRAP not in text, f"only the first line of a stranger's answer is repeated: {text}"
    cluster = complete.packet_cluster()
    assert "controlPlaneEndpoint" not in cluster["spec"], "nothing is written before the control plane answers"
    assert not cluster.get("status", {}).get("ready"), "and no machine may be bought"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("500", "/readyz answers 500"),
        ("refused", "refuses connections"),
        ("plain", "plain HTTP"),
        ("expired", "certificate has expired"),
    ],
)
def test_a_control_plane_that_comes_round_is_handed_off_at_once(complete: Tenant, mode: str, words: str) -> None:
    with endpoint(complete.authority, mode) as server:
        complete.publish(server.host, server.port)
        run = start(complete)
        wait_until(lambda: words in run.output, f"progress that says {words!r}")
        server.mode = "ok"
        if mode == "refused":
            server.listen()
        outputs = run.end().require_success()
    assert outputs["endpoint"] == str(server), "the endpoint is handed off"
    assert complete.packet_cluster()["status"]["ready"] is True, "the infrastructure cluster is marked ready"


@pytest.mark.parametrize("code", ["401", "403"])
def test_a_control_plane_that_tells_strangers_nothing_counts_once_it_lasts(complete: Tenant, code: str) -> None:
    with endpoint(complete.authority, code) as guarded:
        complete.publish(guarded.host, guarded.port)
        run = hand_off(complete)
        assert run.require_success()["ready"] is True, f"{code} is the answer of an API server that serves"
    assert f"answers {code}: it serves" in run.output, f"what counted as an answer is said: {run.output}"
    assert len(guarded.requests) > 3, "one refusal may come from a server that starts: it must last"


def test_an_address_that_moves_is_followed(complete: Tenant) -> None:
    with endpoint(complete.authority, "500") as first, endpoint(complete.authority) as second:
        complete.publish(first.host, first.port)
        run = start(complete)
        wait_until(lambda: first.requests, "the first address to be asked")
        complete.publish(second.host, second.port)
        outputs = run.end().require_success()
    assert outputs["endpoint"] == str(second), "the new address is the result"
    assert complete.packet_cluster()["spec"]["controlPlaneEndpoint"]["port"] == second.port, "and is written"
    assert f"moved from {first} to {second}" in run.output, f"and it is said: {run.output}"


def test_an_authority_that_is_not_published_yet_is_waited_for(tenant: Tenant) -> None:
    tenant.create().play()
    with endpoint(tenant.authority) as server:
        tenant.publish(server.host, server.port)
        run = start(tenant)
        wait_until(lambda: "not published the tenant's authority" in run.output, "progress that names the authority")
        tenant.tenant()
        assert run.end().require_success()["ready"] is True, "it goes on once the authority is there"


def test_an_authority_that_changes_while_waiting_is_read_again(complete: Tenant) -> None:
    with endpoint(complete.authority, "wrong authority") as server:
        complete.publish(server.host, server.port)
        run = start(complete)
        wait_until(lambda: "did not sign it" in run.output, "the refusal of the first certificate")
        complete.delete(SECRETS, "cp-ca")
        complete.write_secret("cp-ca", {"ca.crt": complete.authority.pem})
        server.mode = "ok"
        assert run.end().require_success()["ready"] is True, "a rotated authority is no dead end"


def test_an_authority_that_is_no_certificate_is_named(tenant: Tenant) -> None:
    tenant.create()
    tenant.tenant()
    tenant.delete(SECRETS, "cp-ca")
    tenant.write_secret("cp-ca", {"ca.crt": f"not a certificate but {tenant.secret}"})
    tenant.publish("127.0.0.1", 1)
    hand_off(tenant).require_failure("tls", "ca.crt of Secret cp-ca", "delete secret cp-ca")
    tenant.delete(SECRETS, "cp-ca")
    # As Kamaji does where it is missing.
    tenant.write_secret("cp-ca", {"ca.crt": tenant.authority.pem})
    with endpoint(tenant.authority) as server:
        tenant.publish(server.host, server.port)
        tenant.play()
        assert hand_off(tenant).require_success()["ready"] is True, "the advice, followed, helps"


def test_without_verification_any_certificate_is_accepted(complete: Tenant) -> None:
    with endpoint(complete.authority, "wrong authority") as strange:
        complete.publish(strange.host, strange.port)
        assert hand_off(complete, verify="none").require_success()["endpoint"] == str(strange), (
            "verify none asks for no authority"
        )


def test_a_control_plane_that_is_deleted_while_waiting_ends_the_wait(complete: Tenant) -> None:
    with endpoint(complete.authority, "500") as server:
        complete.publish(server.host, server.port)
        run = start(complete, timeoutSeconds=60)
        wait_until(lambda: server.requests, "the control plane to be asked")
        complete.delete(CONTROL_PLANES, "cp")
        run.end(20).require_failure("address", "KamajiControlPlane", "does not exist any more", "pulumi refresh")


def test_an_api_server_that_restarts_while_the_control_plane_is_asked_is_waited_for(
    management: ManagementPlane, complete: Tenant
) -> None:
    with endpoint(complete.authority, "500") as server:
        complete.publish(server.host, server.port)
        run = start(complete, timeoutSeconds=90)
        wait_until(lambda: server.requests, "the control plane to be asked")
        management.processes["kube-apiserver"].stop()
        server.mode = "ok"
        wait_until(lambda: "gives no answer" in run.output, "progress that names the management cluster", 30)
        management.restart_api()
        assert run.end(100).require_success()["ready"] is True, "the patches come once the API server is back"


@pytest.mark.parametrize("address", ["127.0.0.77", None], ids=["declared still", "no longer declared"])
def test_a_declared_address_that_the_load_balancer_did_not_give_is_named_beside_the_one_it_gave(
    tenant: Tenant, address: str | None
) -> None:
    tenant.create().play()
    tenant.tenant()
    with endpoint(tenant.authority) as server:
        # Kamaji keeps the address that it published, whatever becomes of the declaration.
        tenant.patch(CONTROL_PLANES, "cp", {"spec": {"network": {"serviceAddress": address}}})
        tenant.service(server.host)
        tenant.publish("127.0.0.77", server.port)
        run = hand_off(tenant, linking="none", timeoutSeconds=60)
        text = run.require_failure(
            "dial", "127.0.0.77, which Kamaji publishes", "metallb.io/loadBalancerIPs", "kamaji-equinix destroy"
        )
    assert f"it answers at {server.host}, which the load balancer gave" in text, f"both are named: {text}"
    assert run.seconds < 30, f"long before the deadline: {run.seconds:.0f} s"
    assert "controlPlaneEndpoint" not in tenant.packet_cluster()["spec"], "nothing holds the wrong address"


def test_a_declared_address_at_which_nothing_answers_yet_is_waited_for(tenant: Tenant) -> None:
    tenant.create().play()
    tenant.tenant()
    with endpoint(tenant.authority, "refused") as late:
        tenant.patch(CONTROL_PLANES, "cp", {"spec": {"network": {"serviceAddress": late.host}}})
        tenant.service(late.host)
        tenant.publish(late.host, late.port)
        hand_off(tenant, linking="none", timeoutSeconds=8).require_failure("dial", "refuses connections")
