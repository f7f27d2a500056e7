"""The manifests made from settings: what the controllers need, and nothing that they own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from kamaji_equinix.components.capi import naming
from kamaji_equinix.components.manifests import bootstrap
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.providers.packet import Packet
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import TenantClusterSettings
from kamaji_equinix.components.settings.report import SettingsError
from kamaji_equinix.components.settings.stack_file import read_stack_file

from tests.support.seed import ABSENT, DIFFERENCES, ROOT, differences, seed_documents, table
from tests.support.settings_cases import configuration

CONTRACTS = ["v1beta1", "v1beta2"]


def tenant(**changes: Any) -> TenantClusterSettings:
    """A tenant cluster's settings."""
    return load_stack(configuration(**changes)).clusters[0]


def of_kind(settings: TenantClusterSettings, kind: str) -> dict[str, Any]:
    """The one manifest of a kind."""
    (manifest,) = (document for document in documents(settings) if document["kind"] == kind)
    return manifest


def keys_in(value: Any) -> Iterator[str]:
    """All keys anywhere in a manifest."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_in(item)


def test_the_seeds_stack_differs_from_its_document_exactly_as_the_table_says() -> None:
    stack = load_stack(*read_stack_file(ROOT / "Pulumi.seed.yaml"))
    manifests = {document["kind"]: document for document in documents(stack.clusters[0])}
    changes = {
        f"{kind} {path}": (before, after)
        for kind, document in seed_documents().items()
        for path, before, after in differences(document, manifests[kind])
    }
    assert set(manifests) == set(seed_documents()), "the same six objects"
    assert set(changes) == set(DIFFERENCES), "no difference but those that the table gives a reason for"
    for field, (before, after) in changes.items():
        old_text, new_text, reason = DIFFERENCES[field]
        assert reason, f"{field} has a reason"
        if field.endswith("metadata.labels"):
            assert before == ABSENT or before.items() <= after.items(), f"{field}: labels are only added"
            assert all(part.strip() for part in new_text.split(",")), f"{field} is described"
            continue
        assert before == old_text, f"{field}: the table quotes the document"
        pattern = re.escape(str(new_text)).replace(re.escape("<8 hex digits>"), "[0-9a-f]{8}")
        assert re.fullmatch(pattern, str(after)), f"{field}: the table quotes what is rendered"


def test_the_page_on_the_seed_holds_the_table() -> None:
    assert table() in (ROOT / "docs/seed-differences.md").read_text(), "run `python -m tests.support.seed`"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_manifest_holds_an_endpoint(contract: str) -> None:
    for document in documents(tenant(capi={"contract": contract})):
        assert "controlPlaneEndpoint" not in set(keys_in(document)), "Kamaji and the hand-off are its writers"


def test_the_infrastructure_cluster_is_externally_managed_from_the_first_create() -> None:
    document = Packet().cluster(tenant())
    assert document["metadata"]["annotations"] == {"cluster.x-k8s.io/managed-by": "kamaji"}, (
        "else capp reserves an address"
    )
    assert document["spec"]["vipManager"] == "EMLB", "capp's own default crashes it"


def test_references_carry_versions_in_one_generation_and_groups_in_the_other() -> None:
    old, new = (of_kind(tenant(capi={"contract": contract}), "Cluster")["spec"] for contract in CONTRACTS)
    assert old["controlPlaneRef"] == {
        "apiVersion": "controlplane.cluster.x-k8s.io/v1alpha1",
        "kind": "KamajiControlPlane",
        "name": "prod-control-plane",
        "namespace": "default",
    }, "KamajiControlPlane's own version, which Cluster API leaves alone"
    assert new["controlPlaneRef"] == {
        "apiGroup": "controlplane.cluster.x-k8s.io",
        "kind": "KamajiControlPlane",
        "name": "prod-control-plane",
    }, "v1beta2 refers by group"


def test_another_generation_gives_the_templates_the_same_names() -> None:
    names = [
        [document["metadata"]["name"] for document in documents(tenant(capi={"contract": contract}))]
        for contract in CONTRACTS
    ]
    assert names[0] == names[1], "the same content in another API version must not roll a machine"


def test_kubelet_arguments_are_a_map_in_one_generation_and_a_list_in_the_other() -> None:
    arguments = []
    for contract in CONTRACTS:
        settings = tenant(capi={"contract": contract})
        template = bootstrap.bootstrap_template(settings, settings.worker_pools[0])
        registration = template["spec"]["template"]["spec"]["joinConfiguration"]["nodeRegistration"]
        arguments.append(registration["kubeletExtraArgs"])
    provider = "equinixmetal://{{ `{{ v1.instance_id }}` }}"
    assert arguments == [{"provider-id": provider}, [{"name": "provider-id", "value": provider}]], (
        "as the schemas want them"
    )


@pytest.mark.parametrize(("controller", "expected"), [("none", None), ("external", "external")])
def test_kubelets_wait_for_a_cloud_controller_only_where_there_is_one(controller: str, expected: str | None) -> None:
    arguments = Packet().kubelet_arguments(tenant(metal={"cloudController": controller}))
    assert arguments.get("cloud-provider") == expected, "without a controller the uninitialized taint never goes"


def test_an_autoscaled_pool_has_bounds_and_no_number() -> None:
    document = of_kind(tenant(workerPools=[{"name": "a", "min": 2, "max": 5}]), "MachineDeployment")
    assert "replicas" not in document["spec"], "each run would undo what the autoscaler set"
    assert document["metadata"]["annotations"] == {
        "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size": "2",
        "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size": "5",
    }, "the autoscaler's bounds"


def test_labels_reach_nodes_by_the_way_that_each_can_take() -> None:
    pool = {
        "name": "a",
        "labels": {"tier": "web", "node-role.kubernetes.io/gpu": "", "node.cluster.x-k8s.io/zone": "1"},
    }
    settings = tenant(workerPools=[pool])
    arguments = bootstrap.kubelet_arguments(settings, settings.worker_pools[0])
    template = of_kind(settings, "MachineDeployment")["spec"]["template"]["metadata"]["labels"]
    assert arguments["node-labels"] == "tier=web", "the kubelet sets what it may"
    assert template == {
        "cluster.x-k8s.io/cluster-name": "prod",
        "pool": "a",
        "node-role.kubernetes.io/gpu": "",
        "node.cluster.x-k8s.io/zone": "1",
    }, "Cluster API copies what a node may not set itself"


@pytest.mark.parametrize(
    ("change", "machines", "bootstraps"),
    [
        ({"machineType": "m3.large.x86"}, True, False),
        ({"labels": {"tier": "web"}}, False, True),
        ({"replicas": 5}, False, False),
        ({"healthCheck": {}}, False, False),
        ({"taints": [{"key": "a", "effect": "NoSchedule"}]}, False, True),
    ],
)
def test_a_template_is_renamed_by_its_content_alone(change: dict[str, Any], machines: bool, bootstraps: bool) -> None:
    before, after = tenant(), tenant(workerPools=[{"name": "worker-a", "replicas": 3, **change}])
    for kind, expected in (("PacketMachineTemplate", machines), ("KubeadmConfigTemplate", bootstraps)):
        has_new_name = of_kind(before, kind)["metadata"]["name"] != of_kind(after, kind)["metadata"]["name"]
        assert has_new_name is expected, f"{kind}: a new name rolls machines, an old one must keep its content"


def test_labels_of_the_stack_do_not_roll_machines() -> None:
    names = [
        {document["kind"]: document["metadata"]["name"] for document in documents(settings)}
        for settings in (tenant(), tenant(cluster={"labels": {"team": "a"}}))
    ]
    assert names[0] == names[1], "metadata is no content"


def test_all_objects_carry_the_recommended_labels() -> None:
    settings = tenant(cluster={"labels": {"team": "a"}}, workerPools=[{"name": "a", "healthCheck": {}}])
    for document in documents(settings):
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "kamaji-equinix", document["kind"]
        assert labels["app.kubernetes.io/instance"] == "prod", document["kind"]
        assert labels["team"] == "a", document["kind"]
    keys = {key for document in documents(settings) for key in document["metadata"]["labels"]} - {"team"}
    assert keys == naming.IDENTITY_LABELS, "the settings refuse these, which would be overwritten without a word"


def test_a_health_check_has_a_time_out_fit_for_metal_in_both_generations() -> None:
    checks = []
    for contract in CONTRACTS:
        settings = tenant(workerPools=[{"name": "a", "healthCheck": {}}], capi={"contract": contract})
        checks.append(of_kind(settings, "MachineHealthCheck")["spec"])
    old, new = checks
    assert old["nodeStartupTimeout"] == "40m0s", "as Kubernetes writes it back"
    assert old["unhealthyConditions"][0] == {"type": "Ready", "status": "Unknown", "timeout": "5m0s"}, "same"
    assert new["checks"]["nodeStartupTimeoutSeconds"] == 2400, "seconds in v1beta2"
    assert new["remediation"] == {"triggerIf": {"unhealthyLessThanOrEqualTo": "40%"}}, "the share moved"


def test_own_commands_arrive_exactly_as_written() -> None:
    commands = ["  echo one \n\n", "kubeadm version {{ .kubernetesVersion }}"]
    settings = tenant(workerPools=[{"name": "a", "bootstrap": {"commands": commands}}])
    template = of_kind(settings, "KubeadmConfigTemplate")
    assert template["spec"]["template"]["spec"]["preKubeadmCommands"] == commands, "nothing is added or trimmed"


def test_ssh_keys_go_to_the_users_because_capp_never_sends_them() -> None:
    settings = tenant(
        metal={
            "sshKeys": [
                {
                    "name": "a",
                    "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE a",
                }
            ]
        },
        workerPools=[{"name": "a", "bootstrap": {"users": [{"name": "root", "shell": "/bin/zsh"}, {"name": "bob"}]}}],
    )
    users = of_kind(settings, "KubeadmConfigTemplate")["spec"]["template"]["spec"]["users"]
    assert users == [
        {
            "name": "root",
            "lockPassword": False,
            "sshAuthorizedKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE a"],
            "shell": "/bin/zsh",
        },
        {"name": "bob"},
    ], "root gets the keys, once, and keeps its password for the rescue console"


def test_secret_content_is_only_named() -> None:
    file = {"path": "/etc/a", "contentFrom": {"secret": {"name": "s", "key": "k"}}, "permissions": "0600"}
    settings = tenant(workerPools=[{"name": "a", "bootstrap": {"files": [file]}}])
    files = of_kind(settings, "KubeadmConfigTemplate")["spec"]["template"]["spec"]["files"]
    assert files == [file], "the Secret's content stays in the Secret"


def test_documents_come_in_an_order_that_can_be_applied() -> None:
    settings = tenant(
        cluster={"namespace": "prod", "createNamespace": True}, workerPools=[{"name": "a", "healthCheck": {}}]
    )
    assert [document["kind"] for document in documents(settings)] == [
        "Namespace",
        "Cluster",
        "PacketCluster",
        "KamajiControlPlane",
        "PacketMachineTemplate",
        "KubeadmConfigTemplate",
        "MachineDeployment",
        "MachineHealthCheck",
    ], "what is referred to comes first"


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-09T09:00:00Z",
        "2026-03-09T10:00:00+01:00",
        "2026-03-09T09:00:00.999999Z",
        # What the engine makes of a moment without quotes.
        "2026-03-09 09:00:00 +0000 UTC",
        "2026-03-09 10:00:00 +0100 +0100",
        datetime(2026, 3, 9, 9, tzinfo=timezone.utc),
    ],
)
@pytest.mark.parametrize("contract", ["v1beta1", "v1beta2"])
def test_a_roll_on_demand_is_asked_for_in_the_form_that_kubernetes_keeps(moment: Any, contract: str) -> None:
    pools = [{"name": "a", "rolloutAfter": moment, "strategy": {"maxSurge": 0, "maxUnavailable": 1}}]
    (tenant,) = load_stack(configuration(workerPools=pools, capi={"contract": contract})).clusters
    (deployment,) = (item for item in documents(tenant) if item["kind"] == "MachineDeployment")
    spec = deployment["spec"]
    after = spec["rolloutAfter"] if contract == "v1beta1" else spec["rollout"]["after"]
    assert after == "2026-03-09T09:00:00Z", "a later run sees no change"
    strategy = spec["strategy"] if contract == "v1beta1" else spec["rollout"]["strategy"]
    assert strategy["rollingUpdate"]["maxSurge"] == 0, "beside the strategy"


@pytest.mark.parametrize("moment", ["2026-03-09", "tomorrow", "2026-02-30T09:00:00Z", "2026-03-09T09:00:00", 5])
def test_what_is_no_moment_is_refused(moment: Any) -> None:
    with pytest.raises(SettingsError, match="rolloutAfter"):
        load_stack(configuration(workerPools=[{"name": "a", "rolloutAfter": moment}]))
