"""A second infrastructure provider goes the whole way without a line of this project changed: once with an endpoint that is
patched into its cluster, once with a cluster that is created last."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml
from kamaji_equinix.components import providers, tree
from kamaji_equinix.components.kube.management import Credentials, connect
from kamaji_equinix.components.render import render
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError

from lab import crds
from tests.support import fictional
from tests.support.data_store import make_data_store
from tests.support.fleet import CLUSTERS, CONTROL_PLANES, INFRASTRUCTURE, MERGE, Fleet, Json, dig
from tests.support.lab import eventually
from tests.support.prepared_plane import prepared_plane
from tests.support.project import ROOT, Project

FICTIONAL = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/{}/fictionalclusters"
PROGRAM = """\
import fictional
from kamaji_equinix.components import stack

fictional.register({endpoint!r})
stack.run()
"""
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
WAYS = ("patched", "created last")


def definition(kind: str, endpoint: str) -> dict[str, Any]:
    """A CRD; a cluster's that is created last must hold the endpoint at its first write."""
    spec: dict[str, Any] = dict(ANYTHING)
    if kind == "FictionalCluster" and endpoint == "created last":
        spec = {**spec, "required": ["controlPlaneEndpoint"]}
    schema = {"type": "object", "properties": {"spec": spec, "status": ANYTHING}}
    version: dict[str, Any] = {"name": "v1beta1", "served": True, "storage": True}
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.infrastructure.cluster.x-k8s.io",
            "labels": {"cluster.x-k8s.io/v1beta1": "v1beta1"},
        },
        "spec": {
            "group": "infrastructure.cluster.x-k8s.io",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [{**version, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}],
        },
    }


class FictionalFleet(Fleet):
    """Control planes with fictional infrastructure, whose controller marks it ready once it holds an endpoint.

    Attributes:
        early: whether an infrastructure cluster was there before its control plane answered.
    """

    early = False
    watches = ()

    def _list(self, client: httpx.Client, path: str) -> dict[str, Json]:
        return super()._list(client, FICTIONAL if path == INFRASTRUCTURE else path)

    def _round(self, client: httpx.Client) -> None:
        for name, obj in super()._list(client, FICTIONAL).items():
            answers = any(member.answers for member in self.members.values())
            self.early = self.early or not answers
            if dig(obj, "spec", "controlPlaneEndpoint", "host") and not dig(obj, "status", "ready"):
                body = {"status": {"ready": True, "initialization": {"provisioned": True}}}
                client.patch(f"{FICTIONAL.format(self.namespace)}/{name}/status", json=body, headers=MERGE)
        super()._round(client)


@dataclass
class Up:
    """A stack of one cluster with fictional machines, which has come up."""

    project: Project
    fleet: FictionalFleet
    endpoint: str
    sections: dict[str, Any]
    output: str

    def reader(self) -> Any:
        return connect(Credentials(kubeconfig=self.fleet.management.kubeconfig.read_text()))


@pytest.fixture(scope="module", params=WAYS)
def up(request: pytest.FixtureRequest, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    endpoint = request.param
    stack = endpoint.replace(" ", "-")
    with prepared_plane(tmp_path_factory.mktemp("fictional")) as plane:
        provider = fictional.register(endpoint)
        try:
            with plane.client() as client:
                definitions = [
                    definition(kind, endpoint)
                    for kind in ("FictionalCluster", "FictionalMachineTemplate", "FictionalData")
                ]
                for document in definitions:
                    crds.apply(client, document)
                names = [document["metadata"]["name"] for document in definitions]
                eventually(lambda: crds.missing_crds(client, names), lambda rest: not rest, 30, "the CRDs are served")
            make_data_store(plane)
            with FictionalFleet(plane, delay=3.0) as fleet:
                (project.folder / "fictional.py").write_text((ROOT / "tests/support/fictional.py").read_text())
                (project.folder / "__main__.py").write_text(PROGRAM.format(endpoint=endpoint))
                sections = {
                    "cluster": {"name": "one", "namespace": fleet.namespace},
                    "fictional": {"planet": "mars"},
                    "workerPools": [{"name": "a", "size": "large"}],
                    "management": {"kubeconfigPath": str(plane.kubeconfig)},
                    "handoff": {"timeoutSeconds": 60},
                }
                project.pulumi("stack", "init", stack).ok()
                project.configure(stack, **sections)
                yield Up(project, fleet, endpoint, sections, project.up(stack).ok())
        finally:
            providers.forget(provider)


def stack_of(up: Up) -> str:
    return up.endpoint.replace(" ", "-")


def test_settings_choose_it_by_its_section_with_its_own_rules(up: Up) -> None:
    (tenant,) = load_stack(up.sections).clusters
    assert isinstance(tenant, fictional.FictionalClusterSettings), "the section is its name"
    wrong = {**up.sections, "fictional": {"planet": "pluto"}}
    wrong["workerPools"] = [
        {
            "name": "a",
            "machineType": "c3",
            "bootstrap": {"commands": ["echo <<x"], "kubeletExtraArgs": {"hostname-override": "y"}},
        }
    ]
    with pytest.raises(SettingsError) as error:
        load_stack(wrong)
    report = str(error.value)
    for expected in (
        'fictional.planet is "pluto": is no planet',
        "machineType: unknown key",
        "holds '<<', which the fictional templating would run",
        "hostname-override",
    ):
        assert expected in report, f"{expected!r} is a rule of the provider's, or about it:\n{report}"
    with pytest.raises(SettingsError, match="one infrastructure provider"):
        load_stack({**up.sections, "metal": {"metro": "da"}})
    warnings = [str(warning) for warning in load_stack({**up.sections, "fictional": {"planet": "venus"}}).warnings]
    assert any("is hot" in warning for warning in warnings), f"its warnings, too: {warnings}"


def test_defaults_beside_clusters_may_name_another_provider(up: Up) -> None:
    raw = {
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "clusters": [{"cluster": {"name": "a"}}, {"cluster": {"name": "b"}, "fictional": {"planet": "mars"}}],
    }
    assert [tenant.provider for tenant in load_stack(raw).clusters] == ["metal", "fictional"], "each has its own"


def test_it_is_rendered(up: Up) -> None:
    text = render(load_stack(up.sections))
    assert "# Of no cloud that there is." in text, "with its remark"
    kinds = [document["kind"] for document in yaml.safe_load_all(text) if document]
    expected = {"FictionalData", "FictionalMachineTemplate", "MachineDeployment", "Cluster"}
    assert expected <= set(kinds), "all its objects"
    assert ("FictionalCluster" in kinds) == (up.endpoint == "patched"), (
        "one that is created last can't be applied before"
    )
    assert kinds.index("FictionalData") < kinds.index("FictionalMachineTemplate"), "what is referred to comes first"
    assert "fictional.example/planet=mars" in text, "the node's label"


def test_the_hand_off_comes_about(up: Up) -> None:
    cluster = up.fleet.http.get(f"{FICTIONAL.format(up.fleet.namespace)}/one").raise_for_status().json()
    endpoint = up.fleet.read(CONTROL_PLANES, "one-control-plane")["spec"]["controlPlaneEndpoint"]
    assert cluster["spec"]["controlPlaneEndpoint"] == endpoint, "where the control plane answers"
    assert up.fleet.early == (up.endpoint == "patched"), "one that is created last is made once that has answered"
    steps = [line for line in up.output.splitlines() if re.search(r"ControlPlane(Answer|Endpoint) .*created \(", line)]
    assert len(steps) == (2 if up.endpoint == "created last" else 1), f"a step of its own before it: {up.output}"


def test_a_second_run_and_a_refresh_change_nothing(up: Up) -> None:
    stack = stack_of(up)
    result = up.project.up(stack, "--expect-no-changes")
    assert result.code == 0, result.output
    up.project.pulumi("refresh", "--yes", "--skip-preview", "--stack", stack).ok()
    result = up.project.up(stack, "--expect-no-changes")
    assert result.code == 0, f"what was refreshed is what was stored:\n{result.output}"


def test_the_status_tree_shows_it(up: Up) -> None:
    status_tree = tree.describe(up.reader(), up.fleet.namespace, "one")
    assert any("FictionalCluster" in row for row in map(str, tree.rows(status_tree))), "whatever its kind"
    blocker = tree.first_blocker(status_tree)
    assert blocker is None or "FictionalCluster" not in blocker.subject, f"it is ready by its contract: {blocker}"


def test_what_never_changes_is_refused(up: Up) -> None:
    stack = stack_of(up)
    up.project.configure(stack, **{**up.sections, "fictional": {"planet": "venus"}})
    result = up.project.up(stack)
    assert result.code != 0, result.output
    assert "a planet can't be left" in " ".join(result.output.split()), result.output
    up.project.configure(stack, **up.sections)


def test_destroy_deletes_the_cluster_alone(up: Up) -> None:
    stack = stack_of(up)
    up.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack).ok()
    answer = up.fleet.http.get(f"{CLUSTERS.format(up.fleet.namespace)}/one")
    assert answer.status_code == httpx.codes.NOT_FOUND, "the Cluster is gone"
    obj = up.fleet.http.get(f"{FICTIONAL.format(up.fleet.namespace)}/one").raise_for_status().json()
    assert obj["metadata"]["ownerReferences"][0]["kind"] == "Cluster", "Cluster API, or the collector, takes the rest"
    export = json.loads(up.project.pulumi("stack", "export", "--stack", stack).ok())
    assert not export["deployment"].get("resources"), "nothing is left in the state"
