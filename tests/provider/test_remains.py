"""The end of a destroy, on a real API server: not before what hung on the stack's clusters is gone."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from kamaji_equinix.automation.errors import NotGone
from kamaji_equinix.automation.repair import interruption, remains
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of

import toolchain
from lab import crds
from lab.plane import ManagementPlane
from tests.support.lab import eventually
from tests.support.metal3_settings import ADDRESS
from tests.support.rights import KUBECTL
from toolchain.pins import NEWER_CLUSTER_API

Json = dict[str, Any]

CORE, CAPM3 = "cluster.x-k8s.io/v1beta2", "infrastructure.cluster.x-k8s.io/v1beta2"
LABEL = {"cluster.x-k8s.io/cluster-name": "one"}
SPEC = {
    "spec": {
        "clusterNetwork": {"serviceDomain": "cluster.local"},
        "infrastructureRef": {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "Metal3Cluster", "name": "one"},
    }
}
MERGE = {"Content-Type": "application/merge-patch+json"}
PATHS = {
    "Cluster": f"/apis/{CORE}/namespaces/{{}}/clusters",
    "Machine": f"/apis/{CORE}/namespaces/{{}}/machines",
    "Metal3Cluster": f"/apis/{CAPM3}/namespaces/{{}}/metal3clusters",
    "Metal3DataTemplate": f"/apis/{CAPM3}/namespaces/{{}}/metal3datatemplates",
    "Metal3Data": f"/apis/{CAPM3}/namespaces/{{}}/metal3datas",
    "BareMetalHost": "/apis/metal3.io/v1alpha1/namespaces/{}/baremetalhosts",
    "Secret": "/api/v1/namespaces/{}/secrets",
}
VERSIONS = {"BareMetalHost": "metal3.io/v1alpha1", "Secret": "v1", "Cluster": CORE, "Machine": CORE}


class Rest:
    """What is left of a stack with a cluster, in a namespace of its own; its state is what was made with a type.

    Attributes:
        state: resources of the stack.
        lines: what was told.
    """

    def __init__(self, plane: ManagementPlane) -> None:
        self.api = Api(kubeconfig_of(plane.kubeconfig).access())
        self.client, self.kubeconfig = plane.client(), plane.kubeconfig
        self.namespace = f"rest-{uuid4().hex[:8]}"
        self.client.post("/api/v1/namespaces", json={"metadata": {"name": self.namespace}}).raise_for_status()
        self.state: list[Json] = []
        self.lines: list[str] = []

    def make(
        self, kind: str, name: str, content: Json | None = None, *, of_stack: bool = False, **metadata: Any
    ) -> Json:
        """Make an object with the Cluster's label."""
        version = VERSIONS.get(kind, CAPM3)
        labels = {} if kind == "BareMetalHost" else LABEL
        document = {"apiVersion": version, "kind": kind, **(content or {})}
        document["metadata"] = {"name": name, "namespace": self.namespace, "labels": labels, **metadata}
        answer = self.client.post(self.path(kind), json=document)
        assert answer.is_success, answer.text
        obj: Json = answer.json()
        if of_stack:
            resource = {"urn": f"urn::{kind}::{name}", "type": f"kubernetes:{version}:{kind}", "custom": True}
            parts = {} if kind in ("Cluster", "BareMetalHost") else {"deletedWith": "urn::Cluster::one"}
            self.state.append({**resource, "inputs": document, "outputs": obj, **parts})
        return obj

    def path(self, kind: str, name: str = "") -> str:
        return f"{PATHS[kind].format(self.namespace)}/{name}".rstrip("/")

    def delete(self, kind: str, name: str) -> None:
        self.client.delete(self.path(kind, name)).raise_for_status()

    def release(self, kind: str, name: str) -> None:
        """Take an object's finalizers away, as its controller does."""
        change = {"metadata": {"finalizers": None}}
        self.client.patch(self.path(kind, name), json=change, headers=MERGE).raise_for_status()

    def names(self) -> list[str]:
        return [f"{item.kind} {item.name}" for item in remains.remains(self.api, self.state)]


@pytest.fixture
def rest(newer: ManagementPlane) -> Iterator[Rest]:
    folder = toolchain.module_folder("sigs.k8s.io/cluster-api", NEWER_CLUSTER_API) / "config/crd/bases"
    definition = yaml.load((folder / "cluster.x-k8s.io_machines.yaml").read_bytes(), yaml.CSafeLoader)
    definition["spec"].pop("conversion", None)
    with newer.client() as client:
        crds.apply(client, definition)
        names = [definition["metadata"]["name"]]
        eventually(lambda: crds.missing_crds(client, names), lambda missing: not missing, 30, "Machines are served")
    result = Rest(newer)
    yield result
    result.client.close()


def cluster(rest: Rest) -> Json:
    """The stack's Cluster, with Metal3's infrastructure."""
    endpoint = {"spec": {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}}}
    rest.make("Metal3Cluster", "one", endpoint, of_stack=True)
    return rest.make("Cluster", "one", SPEC, of_stack=True)


def owner_of(obj: Json) -> Json:
    """An entry of an object's dependents."""
    return {key: obj[key] for key in ("apiVersion", "kind")} | {key: obj["metadata"][key] for key in ("name", "uid")}


def hold(rest: Rest) -> None:
    """A cluster whose destroy the engine has ended, while CAPM3 still looks at its data."""
    marks = {"ownerReferences": [owner_of(cluster(rest))], "finalizers": ["test.example/held"]}
    template = {"spec": {"clusterName": "one"}}
    current = rest.make("Metal3DataTemplate", "one-a-1", template, of_stack=True, **marks)
    rest.make("Metal3DataTemplate", "one-a-0", template, **marks)
    reference = {"name": "one-a-1"}
    content = {"spec": {"claim": reference, "template": reference}}
    data = rest.make("Metal3Data", "one-a-1-0", content, **{**marks, "ownerReferences": [owner_of(current)]})
    rest.make("Secret", "one-a-x-metadata", ownerReferences=[owner_of(data)])
    for kind, name in (
        ("Cluster", "one"),
        ("Metal3Cluster", "one"),
        ("Metal3DataTemplate", "one-a-1"),
        ("Metal3DataTemplate", "one-a-0"),
        ("Metal3Data", "one-a-1-0"),
    ):
        rest.delete(kind, name)


def test_a_destroy_ends_once_the_last_object_of_its_clusters_is_gone(rest: Rest) -> None:
    hold(rest)
    assert rest.names() == [
        "Metal3Data one-a-1-0",
        "Metal3DataTemplate one-a-0",
        "Metal3DataTemplate one-a-1",
        "Secret one-a-x-metadata",
    ], "what the stack has made, an older template of it, and what CAPM3 has made for a machine"
    steps = [
        lambda: rest.release("Metal3Data", "one-a-1-0"),
        lambda: rest.delete("Secret", "one-a-x-metadata"),
        lambda: rest.release("Metal3DataTemplate", "one-a-0"),
        lambda: rest.release("Metal3DataTemplate", "one-a-1"),
    ]
    remains.await_end(rest.api, rest.state, "s", rest.lines.append, lambda _: steps.pop(0)())
    assert not steps, "it has waited for each of them"
    assert rest.names() == [], "and nothing is left"
    (line,) = rest.lines
    assert "waits until what hung on the stack's clusters is gone" in line, line
    assert "one-a-x-metadata" in line, "by name"


@pytest.mark.parametrize("kind", ["Cluster", "BareMetalHost"])
def test_a_destroy_that_goes_on_after_one_that_was_stopped_waits_as_long(rest: Rest, kind: str) -> None:
    bmc = {"address": ADDRESS.format(0), "credentialsName": "host-0-bmc"}
    host = {"spec": {"online": False, "bmc": bmc, "bootMACAddress": "00:60:2f:00:00:00"}}
    rest.make("BareMetalHost", "host-0", host, of_stack=True, labels={"app.kubernetes.io/instance": "one"})
    hold(rest)
    expected = rest.names()
    assert "Metal3Data one-a-1-0" in expected, "the rest of a whole state"
    rest.state = [resource for resource in rest.state if resource["type"].endswith(f":{kind}")]
    assert len(rest.state) == 1, "the engine has dropped all else from the state, and stopped"
    assert rest.names() == expected, "it is found by the Cluster's label"


def test_a_destroy_whose_rest_is_held_ends_with_what_holds_it(rest: Rest) -> None:
    hold(rest)
    moments = iter(range(0, 10_000, 60))
    with pytest.raises(NotGone) as raised:
        remains.await_end(
            rest.api, rest.state, "s", rest.lines.append, lambda _: None, clock=lambda: float(next(moments))
        )
    text = str(raised.value)
    assert f"Metal3DataTemplate {rest.namespace}/one-a-1, held by test.example/held" in text, text
    assert f"Secret {rest.namespace}/one-a-x-metadata, which nothing holds" in text, text
    assert raised.value.exit_code == 8, "an exit code of its own"


def test_a_wait_that_is_stopped_says_what_is_not_gone(rest: Rest) -> None:
    hold(rest)

    def stop(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remains.await_end(rest.api, rest.state, "s", rest.lines.append, stop)
    assert "are deleted; not gone yet when the wait was stopped: Metal3Data" in rest.lines[-1], rest.lines


def test_what_belongs_to_somebody_else_is_not_waited_for(rest: Rest) -> None:
    former = cluster(rest)
    rest.make("Secret", "by-hand")
    owner = {"apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost", "name": "host-0", "uid": str(uuid4())}
    rest.make("Secret", "host-0-bmc", ownerReferences=[owner])
    template = {"spec": {"clusterName": "one"}}
    rest.make("Metal3DataTemplate", "one-a-1", template, of_stack=True)
    for kind, name in (("Cluster", "one"), ("Metal3Cluster", "one"), ("Metal3DataTemplate", "one-a-1")):
        rest.delete(kind, name)
    assert rest.names() == [], "neither a user's Secret nor the credentials of a host that stays"
    another = rest.make("Cluster", "one", SPEC)
    assert another["metadata"]["uid"] != former["metadata"]["uid"], "another stack's, of the same name"
    rest.make("Metal3DataTemplate", "one-a-1", template)
    assert rest.names() == [], "with objects of the same names and label"


def test_a_destroy_that_was_stopped_names_what_is_still_on_and_the_next_command(rest: Rest) -> None:
    rest.make("Cluster", "one", SPEC, of_stack=True, finalizers=["test.example/held"])
    spec = {"clusterName": "one", "bootstrap": {"dataSecretName": "x"}}
    spec["infrastructureRef"] = {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "Metal3Machine", "name": "x"}
    rest.make("Machine", "one-a-x", {"spec": spec})
    consumer = {"apiVersion": CAPM3, "kind": "Metal3Machine", "name": "one-a-x"}
    bmc = {"address": ADDRESS.format(0), "credentialsName": "host-0-bmc"}
    host = {"spec": {"online": True, "bmc": bmc, "bootMACAddress": "00:60:2f:00:00:00", "consumerRef": consumer}}
    rest.make("BareMetalHost", "host-0", host, of_stack=True)
    rest.make("BareMetalHost", "host-1", {"spec": {"online": False}}, of_stack=True)
    status = {"status": {"poweredOn": True, "hardwareProfile": "", "errorMessage": "", "operationalStatus": "OK"}}
    status["status"] |= {"errorCount": 0, "provisioning": {"ID": "x", "state": "provisioned", "image": {"url": ""}}}
    answer = rest.client.patch(f"{rest.path('BareMetalHost', 'host-0')}/status", json=status, headers=MERGE)
    assert answer.is_success, answer.text
    rest.delete("Cluster", "one")
    text = interruption.report(rest.api, rest.state, "s")
    for part in (
        f"Cluster {rest.namespace}/one (being deleted, which goes on by itself)",
        f"Machine {rest.namespace}/one-a-x",
        f"BareMetalHost {rest.namespace}/host-0 (not deleted yet, switched on, Metal3Machine one-a-x is on it)",
        f"BareMetalHost {rest.namespace}/host-1 (not deleted yet)",
        "`kamaji-equinix destroy --stack s` deletes what is left",
        "`kamaji-equinix up --stack s` waits for the end of what is being deleted",
    ):
        assert part in text, f"{part!r} is missing in: {text}"
    rest.release("Cluster", "one")
    for name in ("host-0", "host-1"):
        rest.delete("BareMetalHost", name)
    rest.delete("Machine", "one-a-x")
    report = interruption.report(rest.api, rest.state, "s")
    assert report.startswith("no Cluster, machine or host of the stack is left"), report


def test_an_object_that_nothing_owns_is_left_with_the_command_that_deletes_it(rest: Rest) -> None:
    cluster(rest)
    rest.make("Metal3DataTemplate", "one-a-1", {"spec": {"clusterName": "one"}}, of_stack=True)
    for kind in ("Cluster", "Metal3Cluster"):
        rest.delete(kind, "one")
    remains.await_end(rest.api, rest.state, "s", rest.lines.append, lambda _: None)
    (line,) = rest.lines
    command = f"kubectl -n {rest.namespace} delete metal3datatemplates.infrastructure.cluster.x-k8s.io one-a-1"
    assert f"To delete them: `{command}`" in line, line
    subprocess.run([KUBECTL, "--kubeconfig", rest.kubeconfig, *command.split()[1:]], check=True, capture_output=True)
    remains.await_end(rest.api, rest.state, "s", rest.lines.append, lambda _: None)
    assert len(rest.lines) == 1, f"followed to the letter, it leaves nothing: {rest.lines}"


def test_a_management_cluster_that_does_not_answer_is_no_proof_that_all_is_gone(rest: Rest) -> None:
    hold(rest)
    unreachable = Api(dataclasses.replace(rest.api.access, server="https://127.0.0.1:1"), patience=0)
    remains.await_end(unreachable, rest.state, "s", rest.lines.append, lambda _: None)
    assert "can't be read" in rest.lines[-1], rest.lines
    text = interruption.report(unreachable, rest.state, "s")
    assert "machines and servers may still be on" in text, text
    assert rest.client.get(rest.path("Metal3Data", "one-a-1-0")).status_code == httpx.codes.OK, "it is there"
