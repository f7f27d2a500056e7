"""The hand-off's phase `version`, and what it does where Kamaji refuses: against a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.handoff_runs import hand_off, start
from tests.support.kamaji_objects import CONTROL_PLANE, CONTROL_PLANES, Tenant
from tests.support.tls_endpoint import TlsEndpoint, wait_until

Json = dict[str, Any]

WEBHOOK = (
    'cannot create or update TenantControlPlane: admission webhook "vtenantcontrolplane.kb.io" denied the request: unable to '
    "upgrade to a version greater than the supported one, actually 1.33.0"
)
SCHEMA = (
    'cannot create or update TenantControlPlane: TenantControlPlane.kamaji.clastix.io "cp" is invalid: spec.dataStoreSchema: '
    'Invalid value: "string": changing the dataStoreSchema is not supported'
)


def ask(tenant: Tenant, version: str) -> int:
    """Ask the KamajiControlPlane for a version; its generation."""
    plane = tenant.patch(CONTROL_PLANES, CONTROL_PLANE, {"spec": {"version": version}})
    return int(plane["metadata"]["generation"])


def report(tenant: Tenant, version: str) -> None:
    """Let Kamaji's provider report a version."""
    tenant.patch(CONTROL_PLANES, CONTROL_PLANE, {"status": {"version": version}}, subresource="/status")


def refuse(tenant: Tenant, message: str, generation: int) -> None:
    """Let Kamaji's provider say why it made no TenantControlPlane."""
    condition = {
        "type": "TenantControlPlaneCreated",
        "status": "False",
        "reason": "Pending",
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    counts = dict.fromkeys(("readyReplicas", "replicas", "unavailableReplicas", "updatedReplicas"), 0)
    version = tenant.get(CONTROL_PLANES, CONTROL_PLANE).get("status", {}).get("version", "")
    fields = {**counts, "initialized": False, "ready": False, "selector": "", "version": version}
    status = {**fields, "conditions": [condition]}
    tenant.patch(CONTROL_PLANES, CONTROL_PLANE, {"status": status}, subresource="/status")


def upgrading(tenant: Tenant, control_plane: TlsEndpoint) -> Json:
    """A cluster that was handed off at 1.33.0; what was stored."""
    control_plane.version = "v1.33.0"
    tenant.publish(control_plane.host, control_plane.port)
    return hand_off(tenant, version="1.33.0").require_success()


def test_an_upgrade_ends_once_kamaji_and_the_api_server_tell_it(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    olds = upgrading(tenant, control_plane)
    ask(tenant, "1.34.0")
    run = start(tenant, olds=olds, version="1.34.0", timeoutSeconds=60)
    wait_until(lambda: "from 1.33.0 to 1.34.0" in run.output, "it tells what it waits for")
    report(tenant, "v1.34.0")
    wait_until(lambda: "still serves 1.33.0" in run.output, "Kamaji's word alone is not enough")
    assert run.outputs is None, "so it waits on"
    control_plane.version = "v1.34.0"
    outputs = run.end().require_success()
    assert outputs["version"] == "1.34.0", "the next run has nothing to wait for"
    assert "runningVersion" not in outputs, "what the program saw is not stored"


def test_an_api_server_that_keeps_its_version_to_itself_has_kamajis_word(
    tenant: Tenant, control_plane: TlsEndpoint
) -> None:
    olds = upgrading(tenant, control_plane)
    ask(tenant, "1.34.0")
    report(tenant, "v1.34.0")
    control_plane.mode = "403"
    hand_off(tenant, olds=olds, version="1.34.0", timeoutSeconds=60).require_success()


def test_an_upgrade_that_does_not_come_about_says_what_runs(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    olds = upgrading(tenant, control_plane)
    ask(tenant, "1.34.0")
    text = hand_off(tenant, olds=olds, version="1.34.0", timeoutSeconds=3).require_failure("version", "runs 1.33.0")
    assert "No worker was touched" in text, "what it means for the machines"


@pytest.mark.parametrize(
    ("message", "reason"), [(WEBHOOK, "unable to upgrade to a version"), (SCHEMA, "changing the dataStoreSchema")]
)
def test_a_refusal_ends_the_wait_with_kamajis_own_words_and_the_way_back(
    tenant: Tenant, control_plane: TlsEndpoint, message: str, reason: str
) -> None:
    olds = upgrading(tenant, control_plane)
    refuse(tenant, message, ask(tenant, "1.33.5"))
    run = hand_off(tenant, olds=olds, version="1.33.5", timeoutSeconds=600)
    text = run.require_failure("version", reason)
    assert run.seconds < 30, f"nobody waits for what will not come: {run.seconds:.0f} s"
    assert "still runs 1.33.0" in text, "what runs"
    ask(tenant, "1.33.0")
    back = hand_off(tenant, olds={**olds, "version": "1.33.5"}, version="1.33.0")
    assert back.require_success()["version"] == "1.33.0", (
        "and the old version brings it back, whatever the condition still says"
    )


def test_a_refusal_of_an_older_wish_is_none(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    olds = upgrading(tenant, control_plane)
    refuse(tenant, WEBHOOK, ask(tenant, "1.33.5"))
    ask(tenant, "1.33.1")
    run = start(tenant, olds=olds, version="1.33.1", timeoutSeconds=60)
    wait_until(lambda: "from 1.33.0 to 1.33.1" in run.output, "it waits")
    report(tenant, "v1.33.1")
    control_plane.version = "v1.33.1"
    run.end().require_success()


@pytest.mark.parametrize(
    "message",
    [
        'failed calling webhook "vtenantcontrolplane.kb.io": dial tcp 127.0.0.1:9443: connect: connection refused',
        'admission webhook "catchall.migrate.kamaji.clastix.io" denied the request: the current Control Plane is in freezing '
        "mode due to a maintenance mode, all the changes are blocked",
    ],
)
def test_what_may_pass_is_waited_for(tenant: Tenant, control_plane: TlsEndpoint, message: str) -> None:
    olds = upgrading(tenant, control_plane)
    refuse(tenant, message, ask(tenant, "1.34.0"))
    text = hand_off(tenant, olds=olds, version="1.34.0", timeoutSeconds=6).require_failure("version", "runs 1.33.0")
    assert "Kamaji refuses" not in text, "it does not"


def test_a_first_control_plane_that_is_refused_ends_the_wait_for_its_address(tenant: Tenant) -> None:
    tenant.create()
    refuse(tenant, WEBHOOK.replace("upgrade to", "create a TenantControlPlane with"), ask(tenant, "1.39.0"))
    run = hand_off(tenant, version="1.39.0", timeoutSeconds=600)
    text = run.require_failure("address", "unable to create a TenantControlPlane with")
    assert run.seconds < 30, f"nobody waits for what will not come: {run.seconds:.0f} s"
    assert "no machine has been asked for" in text, "so nothing is lost"
