"""What the provider stores, reads and repairs: refresh, drift, rotation, interruption, earlier versions, deletion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from kamaji_equinix.components.endpoint import EndpointProvider
from kamaji_equinix.components.handoff.errors import HandoffError
from pulumi.runtime.rpc import UNKNOWN

from lab.plane import ManagementPlane
from tests.support.fault_proxy import Fault, faults
from tests.support.handoff_runs import Json, hand_off, inputs, provider, refresh
from tests.support.kamaji_objects import CLUSTER, INFRASTRUCTURE, Tenant
from tests.support.tls_endpoint import TlsEndpoint, endpoint


@pytest.fixture
def state(tenant: Tenant, control_plane: TlsEndpoint) -> Json:
    """What was stored of a completed hand-off, as it comes back from the state: numbers are floats."""
    tenant.publish(control_plane.host, control_plane.port)
    return state_of(hand_off(tenant).require_success())


def state_of(outputs: Json) -> Json:
    state: Json = json.loads(json.dumps(outputs), parse_int=float)
    return state


def changes(olds: Json, news: Json) -> bool:
    return bool(EndpointProvider().diff("id", olds, news).changes)


def test_a_refresh_of_what_has_not_changed_causes_no_update(tenant: Tenant, state: Json) -> None:
    read = refresh(tenant, state)
    assert read.id == f"{tenant.namespace}/{CLUSTER}", "it exists"
    assert state_of(read.outs) == state, "nothing differs"
    assert not changes(state_of(read.outs), inputs(tenant)), "so there is nothing to do"


@pytest.mark.parametrize(
    ("content", "subresource"),
    [
        ({"spec": {"controlPlaneEndpoint": {"host": "192.0.2.7", "port": 6443}}}, ""),
        ({"spec": {"controlPlaneEndpoint": None}}, ""),
        ({"status": {"ready": False}}, "/status"),
        ({"status": None}, "/status"),
    ],
    ids=["changed", "lost", "not ready", "status lost"],
)
def test_drift_shows_at_a_refresh_and_the_next_update_repairs_it(
    tenant: Tenant, control_plane: TlsEndpoint, state: Json, content: Json, subresource: str
) -> None:
    tenant.patch(INFRASTRUCTURE, CLUSTER, content, subresource=subresource, manager="kubectl-patch")
    read = state_of(refresh(tenant, state).outs)
    assert read != state, "the refresh shows it"
    assert changes(read, inputs(tenant)), "and it is a reason for an update"
    after = state_of(hand_off(tenant, olds=read).require_success())
    cluster = tenant.packet_cluster()
    assert cluster["spec"]["controlPlaneEndpoint"]["port"] == control_plane.port, "which writes the endpoint again"
    assert cluster["status"]["ready"] is True, "and the ready flag"
    assert not changes(after, inputs(tenant)), "after which there is nothing to do"
    assert not changes(state_of(refresh(tenant, after).outs), inputs(tenant)), "nor after another refresh"


def test_an_address_that_moved_after_the_hand_off_is_handed_off_again(tenant: Tenant, state: Json) -> None:
    tenant.patch(INFRASTRUCTURE, CLUSTER, {"metadata": {"annotations": {"a": "b"}}}, manager="somebody")
    with endpoint(tenant.authority) as successor:
        tenant.publish(successor.host, successor.port)
        read = state_of(refresh(tenant, state).outs)
        assert changes(read, inputs(tenant)), "a moved address is drift"
        assert hand_off(tenant, olds=read).require_success()["live"] == str(successor), "and is followed without force"


def test_a_third_endpoint_is_refused_even_after_an_earlier_hand_off(tenant: Tenant, state: Json) -> None:
    other = {"spec": {"controlPlaneEndpoint": {"host": "192.0.2.7", "port": 6443}}}
    tenant.patch(INFRASTRUCTURE, CLUSTER, other, manager="somebody")
    with endpoint(tenant.authority) as successor:
        tenant.publish(successor.host, successor.port)
        run = hand_off(tenant, olds=state_of(refresh(tenant, state).outs))
        run.require_failure("endpoint", "192.0.2.7:6443", str(successor), "written by somebody")


def test_a_deleted_infrastructure_cluster_is_gone_for_the_engine(tenant: Tenant, state: Json) -> None:
    tenant.delete(INFRASTRUCTURE, CLUSTER)
    read = refresh(tenant, state)
    assert (read.id, read.outs) == ("", {}), "a blank id takes it out of the state, so that `up` makes it again"


@pytest.mark.parametrize("fault", ["unreachable", "forbidden", "server error", "cut"])
def test_a_management_cluster_that_gives_no_answer_is_an_error_and_never_a_deletion(
    tenant: Tenant, state: Json, tmp_path: Path, fault: str
) -> None:
    failure = {
        "forbidden": Fault("GET", "/packetclusters/", 403, "Forbidden", times=9),
        "server error": Fault("GET", "/packetclusters/", 500, "InternalError", times=9),
        "cut": Fault("GET", "/packetclusters/", -1, times=9),
    }.get(fault)
    with faults(tenant.management, tmp_path, *([failure] if failure else [])) as proxy:
        if fault == "unreachable":
            proxy.close()
        with pytest.raises(HandoffError, match="Nothing was changed in the stack's state") as error:
            refresh(tenant, state, proxy.kubeconfig)
    assert "PacketCluster" in str(error.value), f"the subject is named: {error.value}"


def test_another_management_cluster_at_a_refresh_is_an_error_and_never_a_deletion(tenant: Tenant, state: Json) -> None:
    elsewhere = {**state, "namespace": "default", "server": "https://192.0.2.1:6443"}
    with pytest.raises(HandoffError, match="another management cluster"):
        refresh(tenant, elsewhere)
    with pytest.raises(HandoffError, match="another management cluster"):
        refresh(tenant, {**state, "clusterUid": "11111111-2222-3333-4444-555555555555"})


def test_rotated_credentials_work_at_the_next_run_without_any_change(
    management: ManagementPlane, tenant: Tenant, state: Json
) -> None:
    credentials = management.user("rotated-admin", "system:masters")
    assert not changes(state_of(refresh(tenant, state, credentials).outs), inputs(tenant)), "no update, no replacement"
    assert hand_off(tenant, credentials, olds=state, timeoutSeconds=21).require_success()["ready"] is True, (
        "and updates work"
    )


def test_credentials_given_as_an_input_are_used_and_not_stored(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    tenant.publish(control_plane.host, control_plane.port)
    text = tenant.management.kubeconfig.read_text()
    props = inputs(tenant, kubeconfig=text)
    endpoint_provider = provider(None, kubeconfigPath="/nonexistent/kubeconfig")
    for outs in (endpoint_provider.create(props).outs, endpoint_provider.update("", {}, props).outs):
        assert "kubeconfig" not in outs, "the state would hold it"
        assert text[:200] not in json.dumps(outs), "nor anything of it under another name"
        assert not changes(state_of(outs), props), "it is no input that is compared"


@pytest.mark.parametrize(
    "value", ['{"kubeconfig": {"text": "KEPT-BACK"}}', '{"kubeConfig": "KEPT-BACK"}', "KEPT-BACK", '["KEPT-BACK"]']
)
def test_a_wrong_configuration_is_named_without_its_value(tenant: Tenant, value: str) -> None:
    endpoint_provider = EndpointProvider()
    endpoint_provider._configuration = value
    with pytest.raises(HandoffError, match="kamaji-equinix:management is not as expected") as error:
        endpoint_provider.create(inputs(tenant))
    assert "KEPT-BACK" not in str(error.value), f"it may be a kubeconfig: {error.value}"
    assert error.value.__suppress_context__, "nor may the validator's error be printed with it"


def test_a_kubeconfig_that_is_missing_is_named(tenant: Tenant, tmp_path: Path) -> None:
    with pytest.raises(HandoffError, match=r"(?s)no such file.*`management` in the stack's configuration"):
        provider(tmp_path / "nothing").create(inputs(tenant))


def test_state_of_an_earlier_version_is_brought_up_to_date_by_an_update_that_only_looks(
    tenant: Tenant, state: Json, tmp_path: Path
) -> None:
    keys = ("namespace", "cluster", "controlPlane", "infrastructure", "host", "port", "endpoint")
    early = {key: state[key] for key in keys}
    read = state_of(refresh(tenant, early).outs)
    diff = EndpointProvider().diff("id", early, inputs(tenant))
    assert diff.changes, "a state without a schema number is old"
    assert not diff.replaces, "and needs no replacement"
    with faults(tenant.management, tmp_path) as proxy:
        update = hand_off(tenant, proxy.kubeconfig, olds=read).require_success()
        assert proxy.patches() == [], "the update only looks"
    assert {**update, "server": ""} == {**hand_off(tenant).require_success(), "server": ""}, (
        "the state is as if it were new"
    )


def test_state_that_lacks_its_identity_survives_a_refresh(tenant: Tenant) -> None:
    assert refresh(tenant, {"host": "192.0.2.1"}).outs == {"host": "192.0.2.1"}, "it is left for the next update"


def test_a_preview_with_unknown_values_asks_nobody_and_shows_a_change(tenant: Tenant, state: Json) -> None:
    endpoint_provider = EndpointProvider()
    news = inputs(tenant, clusterUid=UNKNOWN, timeoutSeconds=UNKNOWN, path=UNKNOWN)
    assert not endpoint_provider.check({}, news).failures, "unknown values are not judged"
    diff = endpoint_provider.diff("id", state, news)
    assert diff.changes, "an unknown value may be another one"
    assert not diff.replaces, "but not another hand-off"


def test_a_deletion_needs_no_management_cluster_and_leaves_the_fields(
    tenant: Tenant, state: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    provider(Path("/nonexistent/kubeconfig")).delete("id", state)
    assert "spec" in tenant.packet_cluster(), "the object is there"
    assert tenant.packet_cluster()["spec"]["controlPlaneEndpoint"]["host"], (
        "Cluster API needs the endpoint to tear down"
    )
    assert "stays in the infrastructure cluster" in capsys.readouterr().err, "which is said"


@pytest.mark.parametrize("after", ["spec", "status"])
def test_a_hand_off_killed_between_its_writes_is_completed_by_the_next(
    tenant: Tenant, control_plane: TlsEndpoint, after: str
) -> None:
    tenant.publish(control_plane.host, control_plane.port)
    url = f"{INFRASTRUCTURE.format(tenant.namespace)}/{CLUSTER}"
    parts = {
        "spec": ("", {"spec": {"controlPlaneEndpoint": {"host": control_plane.host, "port": control_plane.port}}}),
        "status": ("/status", {"status": {"ready": True}}),
    }
    part, content = parts[after]
    document = yaml.safe_dump(
        {"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "PacketCluster", **content}
    )
    tenant.http.patch(
        url + part,
        content=document.encode(),
        headers={"Content-Type": "application/apply-patch+yaml"},
        params={"fieldManager": "kamaji-equinix"},
    ).raise_for_status()
    outputs = hand_off(tenant).require_success()
    assert (outputs["endpoint"], outputs["ready"]) == (str(control_plane), True), "what was missing is written"
    owners = [entry["manager"] for entry in tenant.packet_cluster()["metadata"]["managedFields"]]
    assert owners.count("kamaji-equinix") == 2, f"nothing is doubled: {owners}"
