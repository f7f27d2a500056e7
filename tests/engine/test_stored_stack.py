"""A stack whose state an earlier release left behind: what it stores is known by names that never change.

``tests/data/stored_stack.json`` is the exported state of four clusters that commit 2a4b41f brought up on a real API server,
with their settings. Times, places in source files and credentials were taken out of it; ``@...@`` stands for what differs
between management clusters. The objects themselves are made again from the state, so only their UIDs are others.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kamaji_equinix.components.kube.objects import plural

from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.project import Project

SNAPSHOT = Path(__file__).parents[1] / "data" / "stored_stack.json"
STACK = "stored"
TEMPLATES = ("PacketMachineTemplate", "KubeadmConfigTemplate")
HAND_OFF = "kamaji-equinix"
"""Field manager of what the hand-off writes."""


@dataclass
class Old:
    """The stack, imported, and its objects, living."""

    project: Project
    http: httpx.Client
    clusters: list[dict[str, Any]]
    uids: dict[str, str]

    def objects(self) -> dict[str, tuple[str, int]]:
        """UID and generation of all objects of the stack."""
        objects = {}
        for path in self.uids:
            metadata = self.http.get(path).raise_for_status().json()["metadata"]
            objects[path] = metadata["uid"], int(metadata["generation"])
        return objects

    def resources(self) -> list[dict[str, Any]]:
        """What the state holds."""
        output = self.project.pulumi("stack", "export", "--stack", STACK).ok()
        resources: list[dict[str, Any]] = json.loads(output)["deployment"]["resources"]
        return resources


def apply(http: httpx.Client, manifest: dict[str, Any], manager: str, subresource: str = "") -> tuple[str, str]:
    """Path and UID of an object, once it is as a manifest says."""
    metadata = manifest["metadata"]
    version = manifest["apiVersion"]
    path = f"/apis/{version}/namespaces/{metadata['namespace']}/{plural(manifest['kind'])}/{metadata['name']}"
    answer = http.patch(
        path + subresource,
        json=manifest,
        params={"fieldManager": manager, "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    assert answer.is_success, f"{path}: {answer.text}"
    return path, answer.json()["metadata"]["uid"]


def exists(http: httpx.Client, path: str, document: dict[str, Any]) -> None:
    answer = http.post(path, json=document)
    assert answer.status_code in (httpx.codes.CREATED, httpx.codes.CONFLICT), answer.text


@pytest.fixture(scope="module")
def old(project: Project, management: ManagementPlane) -> Iterator[Old]:
    whole = json.loads(SNAPSHOT.read_text())
    resources = whole["state"]["deployment"]["resources"]
    by_urn = {resource["urn"]: resource for resource in resources}
    make_data_store(management)
    uids: dict[str, str] = {}
    paths: dict[str, str] = {}
    with management.client() as http:
        for namespace in ("stored", "stored-own"):
            exists(http, "/api/v1/namespaces", {"metadata": {"name": namespace}})
        # A Cluster owns the others, so it comes first.
        objects = [entry for entry in resources if ".x-k8s.io/" in entry["type"] and entry.get("custom")]
        for resource in sorted(objects, key=lambda entry: not entry["type"].endswith(":Cluster")):
            manifest = json.loads(substitute(json.dumps(resource["inputs"]), uids))
            manager = resource["outputs"]["__fieldManager"]
            path, uid = apply(http, manifest, manager)
            uids[resource["outputs"]["metadata"]["uid"]] = paths[path] = uid
            if manifest["kind"] == "PacketCluster":
                # As the hand-off left it.
                hand_off(http, manifest, uid, handed_off(by_urn, manifest))
        for resource in resources:
            if resource["type"] == "kubernetes:core/v1:Secret":
                namespace, _, name = resource["id"].partition("/")
                data = {"value": base64.b64encode(b"token: credential").decode()}
                exists(http, f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": name}, "data": data})
        kubeconfig = management.kubeconfig.read_text()
        server = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"]
        differs = {
            # Within a secret stands JSON in JSON.
            '\\"@KUBECONFIG@\\"': json.dumps(json.dumps(kubeconfig))[1:-1],
            "@SERVER@": server,
            "@PATH@": str(management.kubeconfig),
        }
        state = project.folder / "state.json"
        project.pulumi("stack", "init", STACK).ok()
        salt = yaml.safe_load((project.folder / f"Pulumi.{STACK}.yaml").read_text())["encryptionsalt"]
        whole["state"]["deployment"]["secrets_providers"] = {"type": "passphrase", "state": {"salt": salt}}
        state.write_text(substitute(json.dumps(whole["state"]), {**uids, **differs}))
        project.configure(STACK, clusters=whole["clusters"], management={"kubeconfigPath": str(management.kubeconfig)})
        project.pulumi("stack", "import", "--stack", STACK, "--file", str(state)).ok()
        yield Old(project, http, whole["clusters"], paths)


def substitute(text: str, values: dict[str, str]) -> str:
    for before, after in values.items():
        text = text.replace(before, after)
    return text


def handed_off(by_urn: dict[str, dict[str, Any]], manifest: dict[str, Any]) -> dict[str, Any]:
    """The outputs of an infrastructure cluster's hand-off."""
    (match,) = (
        resource["outputs"]
        for urn, resource in by_urn.items()
        if urn.endswith(f":ControlPlaneEndpoint::{manifest['metadata']['name']}-endpoint")
    )
    outputs: dict[str, Any] = match
    return outputs


def hand_off(http: httpx.Client, manifest: dict[str, Any], uid: str, outputs: dict[str, Any]) -> None:
    """Write endpoint and ready flag."""
    metadata = {key: manifest["metadata"][key] for key in ("name", "namespace")} | {"uid": uid}
    body = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": metadata}
    endpoint = {"host": outputs["host"], "port": int(outputs["port"])}
    apply(http, {**body, "spec": {"controlPlaneEndpoint": endpoint}}, HAND_OFF)
    apply(http, {**body, "status": {"ready": True}}, HAND_OFF, "/status")


def test_the_stack_holds_what_a_stack_can_hold(old: Old) -> None:
    kinds = {resource["type"].rpartition(":")[2] for resource in old.resources()}
    assert kinds >= {
        "TenantCluster",
        "TenantControlPlane",
        "PacketCluster",
        "WorkerPool",
        "ControlPlaneEndpoint",
        "WorkerPoolRollout",
        "MachineHealthCheck",
        "PacketMachineTemplate",
        "KubeadmConfigTemplate",
        "Namespace",
        "pulumi-python",
    }, "or the tests below show less than they say"


ADDITIONS = Counter(
    {
        # The record of a pool's templates: their removal is the program's since, no longer the engine's.
        ("create", "WorkerPoolTemplates"): 6,
        # The mark that lets pulumi-kubernetes take in a template again, which another resource of it has made. Left out for
        # what lives (`ignore_changes`) it would be left out of the template's successor, too: that takes it from this state.
        ("update", "PacketMachineTemplate"): 6,
        ("update", "KubeadmConfigTemplate"): 6,
        # That the engine deletes none of the pool's templates any more, so that the next roll need not be waited for.
        ("update", "WorkerPoolRollout"): 6,
        # That a Secret changes in place: one with a BMC's password may be held by a finalizer.
        ("update", "kubernetes"): 1,
    }
)
"""What an `up` of this release adds to the state of the earlier one, once."""


def test_an_up_of_todays_program_changes_nothing_that_lives(old: Old) -> None:
    before, objects = old.resources(), old.objects()
    preview = old.project.pulumi("preview", "--json", "--stack", STACK).ok()
    steps = json.loads(preview[preview.index("{") :])["steps"]
    plan = Counter((step["op"], step["urn"].split("::")[2].rpartition(":")[2]) for step in steps)
    for quiet in [key for key in plan if key[0] in ("same", "read")]:
        del plan[quiet]
    assert plan == ADDITIONS, f"a stored name, a manifest or a template is another: {plan - ADDITIONS}"
    for step in steps:
        if step["op"] == "update" and step["urn"].split("::")[2].endswith(TEMPLATES):
            assert set(step["detailedDiff"]) == {"metadata.annotations"}, f"the content of none changes: {step}"
    output = old.project.up(STACK).ok()
    assert not re.search(r" (?:replaced|deleted) \(", output), f"nothing that lives goes:\n{output}"
    assert not re.search(r"(?:Endpoint|Deployment|Cluster|Plane) \S+ updated", output), (
        f"no object is written:\n{output}"
    )
    for text in (r"\+ 6 created", r"~ 19 updated"):
        assert re.search(text, output), f"what was planned, and no more:\n{output}"
    assert old.objects() == objects, "no object is another, and the content of none has changed"
    losses = {entry["urn"] for entry in before} - {entry["urn"] for entry in old.resources()}
    assert not losses, f"the state knows all of the resources that it knew: {losses}"


def test_the_next_up_changes_nothing_at_all(old: Old) -> None:
    result = old.project.up(STACK, "--expect-no-changes")
    assert result.code == 0, f"what was added once is there:\n{result.output}"


def test_destroy_knows_what_to_delete(old: Old) -> None:
    old.project.pulumi("state", "unprotect", "--all", "--yes", "--stack", STACK).ok()
    old.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK).ok()
    living = [path for path in old.uids if path.rpartition("/")[0].endswith("/clusters")]
    assert len(living) == 4, "one for each tenant cluster"
    for path in living:
        assert old.http.get(path).status_code == httpx.codes.NOT_FOUND, f"{path} would live and be billed on"
