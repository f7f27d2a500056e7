"""The preflight against a real API server: what is missing is named, with the command that mends it."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from kamaji_equinix.automation import cli
from kamaji_equinix.automation.cli import operations
from kamaji_equinix.automation.errors import PreflightFailed
from kamaji_equinix.components.checks import preflight
from kamaji_equinix.components.checks.needs import RequiredKind, Requirements, Right
from kamaji_equinix.components.checks.requirements import requirements
from kamaji_equinix.components.kube.objects import Kind
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import StackSettings
from pydantic import SecretStr

from lab.plane import ManagementPlane
from tests.support.settings_cases import configuration

CLUSTER = {
    "apiVersion": "cluster.x-k8s.io/v1beta1",
    "kind": "Cluster",
    "metadata": {"name": "c1", "namespace": "default"},
}
CONTROL_PLANE = {
    "apiVersion": "controlplane.cluster.x-k8s.io/v1alpha1",
    "kind": "KamajiControlPlane",
    "metadata": {"name": "cp", "namespace": "default"},
}
INFRASTRUCTURE = {
    "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
    "kind": "PacketCluster",
    "metadata": {"name": "c1", "namespace": "default"},
}
REQUIREMENTS = requirements([CLUSTER, CONTROL_PLANE, INFRASTRUCTURE], contract="v1beta1", data_stores=["preflight"])
DATA_STORE = {
    "apiVersion": "kamaji.clastix.io/v1alpha1",
    "kind": "DataStore",
    "metadata": {"name": "preflight"},
    "spec": {
        "driver": "etcd",
        "endpoints": ["etcd.example:2379"],
        "tlsConfig": {
            "certificateAuthority": {
                "certificate": {"secretReference": {"name": "ca", "namespace": "default", "keyPath": "ca.crt"}},
                "privateKey": {"secretReference": {"name": "ca", "namespace": "default", "keyPath": "ca.key"}},
            },
            "clientCertificate": {
                "certificate": {"secretReference": {"name": "client", "namespace": "default", "keyPath": "tls.crt"}},
                "privateKey": {"secretReference": {"name": "client", "namespace": "default", "keyPath": "tls.key"}},
            },
        },
    },
}


@dataclass
class Management:
    """The settings of `management`."""

    kubeconfig: str | None = None
    kubeconfig_path: str | None = None
    context: str | None = None


@pytest.fixture
def data_store(http: httpx.Client) -> Iterator[None]:
    path = "/apis/kamaji.clastix.io/v1alpha1/datastores"
    answer = http.post(path, json=DATA_STORE)
    assert answer.status_code == 201, answer.text
    yield
    http.delete(f"{path}/preflight")


def settings_with(management: ManagementPlane, tmp_path: Path, **cluster: object) -> Management:
    """Settings whose kubeconfig differs in some fields of its cluster."""
    document = yaml.safe_load(management.kubeconfig.read_text())
    document["clusters"][0]["cluster"].update(cluster)
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return Management(kubeconfig_path=str(path))


def of(management: ManagementPlane) -> Management:
    return Management(kubeconfig_path=str(management.kubeconfig))


@pytest.mark.usefixtures("data_store")
def test_a_cluster_with_all_that_is_needed_has_no_problem(management: ManagementPlane) -> None:
    report = preflight.check(of(management), REQUIREMENTS)
    assert report.obstacles == (), str(report)
    assert report.server == management.url, "the cluster is named"


@pytest.mark.usefixtures("data_store")
def test_the_kubeconfig_may_be_given_as_text(management: ManagementPlane) -> None:
    report = preflight.check(Management(kubeconfig=management.kubeconfig.read_text()), REQUIREMENTS)
    assert report.obstacles == (), str(report)


def test_a_missing_data_store_is_named_with_its_setting(management: ManagementPlane) -> None:
    (problem,) = preflight.check(of(management), REQUIREMENTS).obstacles
    assert "DataStore preflight does not exist" in problem.text, "what is missing"
    assert "controlPlane.dataStore" in problem.remedy, "the setting that names it"


@pytest.mark.usefixtures("data_store")
def test_a_version_that_is_not_served_names_both_and_the_setting(management: ManagementPlane) -> None:
    newer = {**CONTROL_PLANE, "apiVersion": "controlplane.cluster.x-k8s.io/v1alpha2"}
    needs = requirements(
        [CLUSTER, newer, INFRASTRUCTURE],
        contract="v1beta2",
        alternate_contracts={"v1beta1": {"kamajicontrolplanes.controlplane.cluster.x-k8s.io": "v1alpha1"}},
    )
    (problem,) = preflight.check(of(management), needs).obstacles
    assert problem.text == (
        "CRD kamajicontrolplanes.controlplane.cluster.x-k8s.io serves v1alpha1, but the stack asks for v1alpha2 "
        "(capi.contract: v1beta2)"
    ), "which CRD, what it serves, what is asked, by which setting"
    assert "set `capi.contract: v1beta1`" in problem.remedy, "the setting that fits this cluster"
    assert "clusterctl init --control-plane kamaji" in problem.remedy, "or what to install"


@pytest.mark.usefixtures("data_store")
def test_missing_crds_are_named_together_with_the_command_that_installs_them(management: ManagementPlane) -> None:
    needs = Requirements(
        kinds=(
            RequiredKind(
                Kind("infrastructure.example.io/v1", "OtherCluster", "otherclusters"),
                install="clusterctl init -i other",
            ),
            RequiredKind(
                Kind("infrastructure.example.io/v1", "OtherMachine", "othermachines"),
                install="clusterctl init -i other",
            ),
        ),
    )
    (problem,) = preflight.check(of(management), needs).obstacles
    assert str(problem) == (
        "CRDs otherclusters.infrastructure.example.io, othermachines.infrastructure.example.io are not installed; "
        "install with `clusterctl init -i other`"
    ), "one line for what one command mends"


@pytest.mark.usefixtures("data_store")
def test_a_missing_namespace_is_named_unless_the_stack_creates_it(management: ManagementPlane) -> None:
    away = {**CLUSTER, "metadata": {"name": "c1", "namespace": "nowhere"}}
    (problem,) = preflight.check(of(management), requirements([away], contract="v1beta1")).obstacles
    assert str(problem) == "namespace nowhere does not exist; `kubectl create namespace nowhere`", "with the command"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nowhere"}}
    report = preflight.check(of(management), requirements([namespace, away], contract="v1beta1"))
    assert report.obstacles == (), "the stack makes it"
    kubectl = [Path(sys.executable).parent / "kubectl", "--kubeconfig", management.kubeconfig]
    subprocess.run([*kubectl, *problem.remedy.strip("`").split()[1:]], check=True, timeout=60)
    report = preflight.check(of(management), requirements([away], contract="v1beta1"))
    assert report.obstacles == (), "the command, run to the letter, made it"


@pytest.mark.usefixtures("data_store")
def test_missing_rights_are_named_and_the_printed_commands_grant_exactly_them(
    management: ManagementPlane, http: httpx.Client
) -> None:
    user = Management(kubeconfig_path=str(management.user("preflight-user")))
    (problem,) = preflight.check(user, REQUIREMENTS).obstacles
    assert problem.text.startswith("user preflight-user may not, in namespace default: "), "who, and where"
    assert "patch packetclusters.infrastructure.cluster.x-k8s.io/status" in problem.text, "what"
    rules = []
    for line in problem.remedy.splitlines():
        if " create role " not in line:
            continue
        verbs, resources = (
            line.partition(f"--{flag}=")[2].partition(" ")[0].split(",") for flag in ("verb", "resource")
        )
        for resource in resources:
            name, _, subresource = resource.partition("/")
            plural, _, group = name.partition(".")
            rules.append(
                {
                    "apiGroups": [group],
                    "resources": [f"{plural}/{subresource}" if subresource else plural],
                    "verbs": verbs,
                }
            )
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    http.post(f"{rbac}/roles", json={"metadata": {"name": "preflight"}, "rules": rules}).raise_for_status()
    binding = {
        "metadata": {"name": "preflight"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "preflight"},
        "subjects": [{"kind": "User", "name": "preflight-user", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    http.post(f"{rbac}/rolebindings", json=binding).raise_for_status()
    deadline = time.monotonic() + 10
    while (report := preflight.check(user, REQUIREMENTS)).obstacles and time.monotonic() < deadline:
        time.sleep(0.1)
    assert report.obstacles == (), f"nothing is lacking after it: {report}"


@pytest.mark.usefixtures("data_store")
def test_a_right_on_one_named_object_is_not_taken_for_one_on_all(
    management: ManagementPlane, http: httpx.Client
) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["only-this"]}
    http.post(f"{rbac}/roles", json={"metadata": {"name": "one-secret"}, "rules": [rule]}).raise_for_status()
    binding = {
        "metadata": {"name": "one-secret"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one-secret"},
        "subjects": [{"kind": "User", "name": "one-secret-user", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    http.post(f"{rbac}/rolebindings", json=binding).raise_for_status()
    user = Management(kubeconfig_path=str(management.user("one-secret-user")))
    needs = Requirements(namespaces={"default": False}, rights=(Right("get", "", "secrets"),))
    (problem,) = preflight.check(user, needs).obstacles
    assert "get secrets" in problem.text, "the Secret that Kamaji will make has another name"


def test_a_management_cluster_that_refuses_connections_is_unreachable(
    management: ManagementPlane, tmp_path: Path
) -> None:
    report = preflight.check(settings_with(management, tmp_path, server="https://127.0.0.1:1"), REQUIREMENTS)
    assert report.unreachable, "nothing is known about it"
    assert "https://127.0.0.1:1" in str(report), "where"
    assert "refuses connections" in str(report), "what"
    assert len(report.obstacles) == 1, "one message, however many questions went unanswered"


def test_a_management_cluster_that_never_answers_is_given_up_within_seconds(
    management: ManagementPlane, tmp_path: Path
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        start = time.monotonic()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        report = preflight.check(settings_with(management, tmp_path, server=url), REQUIREMENTS)
    assert report.unreachable, "it accepts connections and says nothing"
    assert time.monotonic() - start < 9, "one time-out of five seconds, not one for each question"
    assert "did not answer in time" in str(report), "what happened"


def test_something_that_is_no_kubernetes_is_told_apart(management: ManagementPlane, tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

    threading.Thread(target=serve, daemon=True).start()
    try:
        settings = settings_with(management, tmp_path, server=f"http://127.0.0.1:{listener.getsockname()[1]}")
        report = preflight.check(settings, REQUIREMENTS)
    finally:
        listener.close()
    assert "not with JSON objects" in str(report), "what answered"
    assert not report.unreachable, "it did answer"


def test_a_certificate_of_another_cluster_is_named_with_the_kubeconfig(
    management: ManagementPlane, tmp_path: Path
) -> None:
    other = ManagementPlane(tmp_path / "other")
    pem = base64.b64encode(other.ca_pem.encode()).decode()
    report = preflight.check(settings_with(management, tmp_path, **{"certificate-authority-data": pem}), REQUIREMENTS)
    assert "its certificate is not accepted" in str(report), "what"
    assert str(tmp_path / "kubeconfig") in str(report), "whose credentials don't fit"


def test_credentials_that_are_not_accepted_are_named_by_their_source(
    management: ManagementPlane, tmp_path: Path
) -> None:
    document = yaml.safe_load(management.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": "of-yesterday"}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    report = preflight.check(Management(kubeconfig_path=str(path)), REQUIREMENTS)
    assert "does not accept the credentials (401)" in str(report), "what"
    assert str(path) in str(report), "which"
    assert "of-yesterday" not in str(report), "but not the credentials themselves"


def test_the_preflight_costs_little(management: ManagementPlane) -> None:
    preflight.check(of(management), REQUIREMENTS)
    start = time.process_time()
    for _ in range(5):
        preflight.check(of(management), REQUIREMENTS)
    assert (time.process_time() - start) / 5 < 1.0, "it is part of every run, also of one that changes nothing"


def test_check_tells_what_is_there_and_what_is_missing_with_its_remedy(
    management: ManagementPlane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = configuration(
        controlPlane={"dataStore": "checked"}, management={"kubeconfig": SecretStr(management.kubeconfig.read_text())}
    )

    class Stack:
        def __init__(self, _name: str, **_: object) -> None: ...

        def settings(self) -> StackSettings:
            return load_stack(raw)

    monkeypatch.setattr(operations, "ClusterStack", Stack)
    with management.client() as client:
        client.delete("/apis/kamaji.clastix.io/v1alpha1/datastores/checked")
        assert cli.main(["check"]) == PreflightFailed.exit_code, "the DataStore is not there"
        output = capsys.readouterr()
        assert "there    KubeadmConfigTemplate bootstrap.cluster.x-k8s.io/v1beta1" in output.out, output.out
        assert "missing  " in output.out, output.out
        assert "checked" in output.out, "it is named"
        assert cli.main(["check", "--json"]) == PreflightFailed.exit_code, "the same for programs"
        report = json.loads(capsys.readouterr().out)
        assert (report["ready"], len(report["missing"])) == (False, 1), f"one thing is missing: {report}"
        store = {**DATA_STORE, "metadata": {"name": "checked"}}
        client.post("/apis/kamaji.clastix.io/v1alpha1/datastores", json=store).raise_for_status()
    assert cli.main(["check", "--json"]) == 0, "all is there"
    report = json.loads(capsys.readouterr().out)
    assert report["ready"], f"and said so: {report}"
    assert "DataStore checked" in report["there"], f"by name: {report}"
