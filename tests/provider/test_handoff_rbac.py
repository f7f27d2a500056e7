"""The hand-off with exactly the rights of docs/rbac.yaml, and without each of them."""

from __future__ import annotations

import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from kamaji_equinix.components.handoff import patience

from lab import kubeconfig
from tests.conftest import ROOT
from tests.support.handoff_runs import HandoffRun, hand_off, refresh, start
from tests.support.kamaji_objects import CLUSTER, CLUSTERS, INFRASTRUCTURE, Tenant
from tests.support.tls_endpoint import TlsEndpoint, wait_until

ROLE, BINDING = (
    next(item for item in yaml.safe_load_all((ROOT / "docs" / "rbac.yaml").read_text()) if item["kind"] == kind)
    for kind in ("Role", "RoleBinding")
)
RIGHTS = [
    (verb, rule["apiGroups"][0], resource)
    for rule in ROLE["rules"]
    for resource in rule["resources"]
    for verb in rule["verbs"]
]
SUBJECTS = {
    "clusters get": ("address", "Cluster"),
    "clusters patch": ("endpoint", "Cluster"),
    "kamajicontrolplanes get": ("address", "KamajiControlPlane"),
    "kamajicontrolplanes patch": ("nudge", "KamajiControlPlane"),
    "tenantcontrolplanes": ("tls", "certificate authority of TenantControlPlane"),
    "secrets": ("tls", "certificate authority of TenantControlPlane"),
    "packetclusters": ("endpoint", "PacketCluster"),
    "packetclusters/status": ("endpoint", "PacketCluster"),
}


def user(tenant: Tenant, *gaps: tuple[str, str, str]) -> Path:
    """Credentials with the rights of the document, but for some; they are in force when this returns."""
    role, binding = deepcopy(ROLE), deepcopy(BINDING)
    for rule in role["rules"]:
        group = rule["apiGroups"][0]
        rule["verbs"] = [verb for verb in rule["verbs"] if (verb, group, rule["resources"][0]) not in gaps]
    role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
    path = tenant.management.user("kamaji-equinix")
    for document in (role, binding):
        document["metadata"]["namespace"] = tenant.namespace
    tenant.management.apply_yaml(yaml.safe_dump_all([role, binding]))
    rights = [right for right in RIGHTS if right not in gaps]
    with kubeconfig.http_client(path) as client:
        deadline = time.monotonic() + 20
        while not all(allows(client, tenant.namespace, right) for right in rights):
            assert time.monotonic() < deadline, "the rights are not in force after 20 s"
            time.sleep(0.1)
    return path


def allows(client: Any, namespace: str, right: tuple[str, str, str]) -> bool:
    verb, group, resource = right
    plural, _, part = resource.partition("/")
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": plural, "subresource": part}
    document = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
    answer = client.post(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        json={**document, "spec": {"resourceAttributes": attributes}},
    )
    return bool(answer.json()["status"]["allowed"])


def test_a_whole_hand_off_needs_no_more_than_the_document_grants(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    path = user(tenant)
    run = start(tenant, path)
    wait_until(lambda: "has no address" in run.output, "the wait, with its look for causes")
    tenant.publish(control_plane.host, control_plane.port)
    outputs = run.end().require_success()
    assert "orbidden" not in run.output, f"nothing was denied on the way: {run.output}"
    assert refresh(tenant, outputs, path).outs == outputs, "a refresh needs no more either"
    assert hand_off(tenant, path, olds=outputs).require_success() == outputs, "nor does an update"


@pytest.mark.parametrize("right", RIGHTS, ids=[f"{verb} {resource}" for verb, _, resource in RIGHTS])
def test_each_missing_right_is_named_with_the_document(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, right: tuple[str, str, str]
) -> None:
    monkeypatch.setattr(patience, "DENIED_SECONDS", 0.5)
    verb, _, resource = right
    path = user(tenant, right)
    # Kamaji's provider in its backoff: it goes on only where its object could be patched.
    tenant.create().play(impatient=False)
    tenant.tenant()
    if (verb, resource) == ("patch", "clusters"):
        # The address of a control plane that was lost and made anew.
        tenant.patch(CLUSTERS, CLUSTER, {"spec": {"controlPlaneEndpoint": {"host": "10.9.9.9", "port": 6443}}})
    with_control_plane = TlsEndpoint(tenant.authority)
    try:
        run = start(tenant, path, timeoutSeconds=40)
        if resource == "services" or verb in ("watch", "create"):
            if verb == "create":
                tenant.publish(with_control_plane.host, with_control_plane.port)
            wait_until(lambda: "docs/rbac.yaml" in run.output, f"progress that names docs/rbac.yaml: {run.output}")
            tenant.publish(with_control_plane.host, with_control_plane.port)
            assert run.end().require_success()["ready"] is True, "it is only slower, or knows less, without this right"
            return
        tenant.publish(with_control_plane.host, with_control_plane.port)
        check_refusal(run.end(), verb, resource)
    finally:
        with_control_plane.close()


def check_refusal(run: HandoffRun, verb: str, resource: str) -> None:
    phase, subject = SUBJECTS.get(f"{resource} {verb}") or SUBJECTS[resource]
    plural = resource.partition("/")[0]
    run.require_failure(phase, subject, "docs/rbac.yaml", f"cannot {verb} resource", plural)
    assert run.seconds < 20, (
        f"a right that is missing for good is no reason to wait out the deadline: {run.seconds:.0f} s"
    )


def test_a_denial_that_passes_is_waited_for(tenant: Tenant, control_plane: TlsEndpoint) -> None:
    gap = ("patch", "infrastructure.cluster.x-k8s.io", "packetclusters")
    path = user(tenant, gap)
    tenant.publish(control_plane.host, control_plane.port)
    run = start(tenant, path)
    wait_until(lambda: "could not be patched" in run.output, "the denial")
    user(tenant)
    assert run.end().require_success()["ready"] is True, "an API server that starts denies everything for a moment"


def test_credentials_that_are_not_valid_are_named_as_such(tenant: Tenant, tmp_path: Path) -> None:
    tenant.create()
    document = yaml.safe_load(tenant.management.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": "expired-token-of-somebody"}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    text = hand_off(tenant, path).require_failure(
        "address", "Unauthorized", "not valid, or not any more", "`management`"
    )
    assert "expired-token" not in text, f"the token itself must not show: {text}"
    assert "controlPlaneEndpoint" not in tenant.get(INFRASTRUCTURE, "c1")["spec"], "nothing was written"
