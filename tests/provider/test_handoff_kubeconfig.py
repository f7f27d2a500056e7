"""The Secret with the tenant's kubeconfig against a real API server: made before the ready flag, and then Kamaji's."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.support import kubeconfig_secret
from tests.support.fault_proxy import Fault, faults
from tests.support.handoff_runs import hand_off, start
from tests.support.kamaji_objects import (
    CLUSTER,
    CONTROL_PLANE,
    CONTROL_PLANES,
    INFRASTRUCTURE,
    SECRETS,
    TENANTS,
    Tenant,
)
from tests.support.tls_endpoint import TlsEndpoint, endpoint, wait_until

NAME = f"{CLUSTER}-kubeconfig"


@pytest.fixture
def tenant_api(tenant: Tenant, control_plane: TlsEndpoint) -> TlsEndpoint:
    """A control plane that answers and whose address is known."""
    tenant.publish(control_plane.host, control_plane.port)
    return control_plane


def decoded(secret: dict[str, Any], key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()


def write(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    """A Secret of the name, as somebody makes it."""
    metadata = {"name": NAME, **fields.pop("metadata", {})}
    answer = tenant.http.post(SECRETS.format(tenant.namespace), json={"metadata": metadata, **fields})
    secret: dict[str, Any] = answer.raise_for_status().json()
    return secret


def ready(tenant: Tenant) -> bool:
    return bool(tenant.packet_cluster().get("status", {}).get("ready"))


def test_it_is_made_before_the_ready_flag_as_cluster_api_looks_for_it(tenant: Tenant, tmp_path: Path) -> None:
    tenant.create()
    tenant.tenant()
    with endpoint(tenant.authority) as server, faults(tenant.management, tmp_path) as proxy:
        tenant.publish(server.host, server.port)
        run = start(tenant, proxy.kubeconfig, timeoutSeconds=60)
        # Nobody plays Kamaji's provider yet: this is what the hand-off alone has made.
        wait_until(lambda: ready(tenant), "the ready flag")
        secret = tenant.get(SECRETS, NAME)
        writes = [line for line in proxy.requests if not line.startswith("GET")]
        tenant.play()
        run.end().require_success()
    creation = next(index for index, line in enumerate(writes) if line.startswith("POST") and "/secrets" in line)
    flag = next(index for index, line in enumerate(writes) if "/packetclusters/c1/status" in line)
    assert creation < flag, f"Cluster API looks for it as soon as the flag is there: {writes}"
    assert secret["type"] == "cluster.x-k8s.io/secret", "or Kamaji's provider could never take it over"
    assert secret["metadata"]["labels"] == {"cluster.x-k8s.io/cluster-name": CLUSTER}, "Cluster API caches no other"
    assert decoded(secret, "value") == f"token: {tenant.secret}", "under the key that Cluster API reads"
    (owner,) = secret["metadata"]["ownerReferences"]
    plane = tenant.get(CONTROL_PLANES, CONTROL_PLANE)
    assert owner == {
        "apiVersion": plane["apiVersion"],
        "kind": "KamajiControlPlane",
        "name": CONTROL_PLANE,
        "uid": plane["metadata"]["uid"],
    }, "it goes with the control plane, and has no controller before Kamaji's provider makes itself known as one"


def test_the_hand_off_ends_when_kamaji_keeps_it_and_leaves_it_alone_then(
    tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path
) -> None:
    hand_off(tenant).require_success()
    before = tenant.get(SECRETS, NAME)
    assert before["metadata"]["labels"]["kamaji.clastix.io/component"] == "capi", "Kamaji's provider took it over"
    assert before["metadata"]["ownerReferences"][0]["controller"] is True, "as its controller"
    plane = tenant.get(CONTROL_PLANES, CONTROL_PLANE)
    kubeconfig_secret.keep(tenant.http, plane, CLUSTER, f"token: {tenant.secret} rotated")
    with faults(tenant.management, tmp_path) as proxy:
        hand_off(tenant, proxy.kubeconfig).require_success()
        assert not [line for line in proxy.requests if line.startswith(("POST", "PATCH"))], "nothing is written again"
    after = tenant.get(SECRETS, NAME)
    assert decoded(after, "value").endswith("rotated"), "what Kamaji rotates stays rotated"
    owners = {
        entry["manager"]
        for entry in after["metadata"]["managedFields"]
        if "f:value" in entry["fieldsV1"].get("f:data", {})
    }
    assert owners == {"manager"}, "and is nobody else's any more"


def test_the_key_that_the_control_plane_names_is_taken(tenant: Tenant, tenant_api: TlsEndpoint) -> None:
    note = {"metadata": {"annotations": {"kamaji.clastix.io/kubeconfig-secret-key": "admin.svc"}}}
    tenant.patch(CONTROL_PLANES, CONTROL_PLANE, note)
    inner = base64.b64encode(f"token: {tenant.secret} inside".encode()).decode()
    tenant.patch(SECRETS, f"{CONTROL_PLANE}-admin-kubeconfig", {"data": {"admin.svc": inner}})
    with pytest.MonkeyPatch.context() as patch:
        # As if Kamaji's provider had not come to the content yet.
        patch.setattr(kubeconfig_secret, "keep", lambda *_: None)
        run = start(tenant)
        wait_until(lambda: ready(tenant), "the ready flag")
    assert decoded(tenant.get(SECRETS, NAME), "value").endswith("inside"), "Kamaji's provider would write the same"
    plane = tenant.get(CONTROL_PLANES, CONTROL_PLANE)
    kubeconfig_secret.keep(tenant.http, plane, CLUSTER, f"token: {tenant.secret} inside")
    run.end().require_success()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "Opaque"}, "of type Opaque"),
        ({"type": "cluster.x-k8s.io/secret", "immutable": True}, "immutable"),
        (
            {
                "type": "cluster.x-k8s.io/secret",
                "metadata": {
                    "ownerReferences": [
                        {
                            "apiVersion": "controlplane.cluster.x-k8s.io/v1beta1",
                            "kind": "KubeadmControlPlane",
                            "name": "other",
                            "uid": "2f1f1f0e-8f3c-4c38-a4a5-92a1cd2fd001",
                            "controller": True,
                        }
                    ]
                },
            },
            "belongs to KubeadmControlPlane other",
        ),
    ],
    ids=["type", "immutable", "controller"],
)
def test_one_that_kamaji_can_never_take_over_ends_the_hand_off_before_machines_are_bought(
    tenant: Tenant, tenant_api: TlsEndpoint, fields: dict[str, Any], words: str
) -> None:
    before = write(tenant, data={"value": base64.b64encode(b"somebody's").decode()}, **fields)
    run = hand_off(tenant)
    run.require_failure("kubeconfig", f"Secret {tenant.namespace}/{NAME}", words, f"delete secret {NAME}")
    assert run.seconds < 15, "it would not come right by itself"
    assert not ready(tenant), "no machine is bought that could not join"
    assert tenant.get(SECRETS, NAME) == before, "and what is somebody else's is left alone"
    tenant.delete(SECRETS, NAME)
    assert hand_off(tenant).require_success()["ready"], "the advice, followed, helps"


def test_one_that_kamaji_can_take_over_is_left_to_it(tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path) -> None:
    value = base64.b64encode(b"of a restored backup").decode()
    write(tenant, type="cluster.x-k8s.io/secret", data={"value": value})
    with faults(tenant.management, tmp_path) as proxy:
        hand_off(tenant, proxy.kubeconfig).require_success()
        assert not [line for line in proxy.requests if line.startswith("POST")], "there is nothing to make"
    assert decoded(tenant.get(SECRETS, NAME), "value") == f"token: {tenant.secret}", "Kamaji's provider writes it anew"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/secrets?", 409, "AlreadyExists"),
        Fault("POST", "/secrets?", 429, "TooManyRequests", headers=(("Retry-After", "1"),)),
        Fault("POST", "/secrets?", 500, "InternalError"),
        Fault("POST", "/secrets?", 0),
        Fault("POST", "/secrets?", -1),
        Fault("GET", "/secrets/cp-admin-kubeconfig", 500, "InternalError"),
    ],
    ids=["conflict", "throttled", "server error", "cut after it was made", "cut before", "unreadable"],
)
def test_a_failure_of_the_moment_is_tried_again(
    tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path, fault: Fault
) -> None:
    with faults(tenant.management, tmp_path, fault) as proxy:
        run = hand_off(tenant, proxy.kubeconfig)
        assert proxy.hit, "the fault must have hit"
    assert run.require_success()["ready"], "it costs nothing but a moment"
    assert "can't be made" not in run.output, f"it was made: {run.output}"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/secrets?", 403, "Forbidden", 'secrets is forbidden: User "x" cannot create resource', times=99),
        Fault("POST", "/secrets?", 422, "Invalid", "a policy wants another label", times=99),
        Fault("POST", "/secrets?", 500, "InternalError", "disk full", times=99),
        Fault("GET", "/secrets/cp-admin-kubeconfig", 403, "Forbidden", "cannot get resource", times=99),
    ],
    ids=["no right to make", "refused", "broken", "no right to read"],
)
def test_where_it_cannot_be_made_the_hand_off_says_so_and_goes_on(
    tenant: Tenant, tenant_api: TlsEndpoint, tmp_path: Path, fault: Fault
) -> None:
    with faults(tenant.management, tmp_path, fault) as proxy:
        run = hand_off(tenant, proxy.kubeconfig)
    assert run.require_success()["ready"], "Kamaji's provider writes it a little later, as ever"
    assert "first machine comes up to 30 s later" in run.output, f"what it costs is told: {run.output}"
    assert fault.message in run.output, f"and why: {run.output}"
    assert ("docs/rbac.yaml" in run.output) == (fault.status == 403), (
        f"rights only where those are lacking: {run.output}"
    )


def test_a_kubeconfig_that_kamaji_has_not_made_is_not_waited_for_long(tenant: Tenant) -> None:
    tenant.create().play()
    tenant.tenant(kubeconfig=False)
    with endpoint(tenant.authority) as server:
        tenant.publish(server.host, server.port)
        run = hand_off(tenant)
    assert run.require_success()["ready"], "Kamaji's provider writes it a little later"
    assert "Kamaji has not made the kubeconfig of TenantControlPlane cp yet" in run.output, run.output
    assert tenant.get(TENANTS, CONTROL_PLANE)["status"]["kubeconfig"] == {}, "it never made it"


def test_a_provider_of_kamajis_that_does_not_take_it_over_is_named_at_the_deadline(tenant: Tenant) -> None:
    tenant.create().play(kamaji=False)
    tenant.tenant()
    counts = dict.fromkeys(("readyReplicas", "replicas", "unavailableReplicas", "updatedReplicas"), 1)
    flags = dict.fromkeys(("initialized", "ready", "externalManagedControlPlane"), True)
    status = {"status": {**counts, **flags, "selector": "", "version": "1.33.0"}}
    tenant.patch(CONTROL_PLANES, CONTROL_PLANE, status, subresource="/status")
    with endpoint(tenant.authority) as server:
        tenant.publish(server.host, server.port)
        hand_off(tenant, timeoutSeconds=5).require_failure(
            "kubeconfig", NAME, "that Kamaji's provider writes it", "Kamaji's provider writes it once"
        )
    assert tenant.get(INFRASTRUCTURE, CLUSTER)["status"]["ready"], "all else was done"
