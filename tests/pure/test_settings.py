"""Settings: defaults, shared defaults, warnings, and what is generated from the models."""

from __future__ import annotations

import doctest
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kamaji_equinix.automation
import kamaji_equinix.components
import pytest
import yaml
from kamaji_equinix.components.settings import schema
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from kamaji_equinix.components.settings.section import Section

import toolchain
from tests.support.seed import ROOT
from tests.support.settings_cases import configuration


def sections(kind: type[Section] = Section) -> Iterator[type[Section]]:
    """All groups of settings of the program; tests of another module may have declared some of their own."""
    for inner in kind.__subclasses__():
        if not inner.__module__.startswith("kamaji_equinix."):
            continue
        yield inner
        yield from sections(inner)


def test_each_setting_is_described_and_has_a_valid_example() -> None:
    for section in sections():
        if section.__name__ in (
            "StackSettings",
            "TenantClusterSettings",
            "MetalClusterSettings",
            "Metal3ClusterSettings",
        ):
            continue
        for name, field in section.model_fields.items():
            assert field.description, f"{section.__name__}.{name} has a description"
            if name in ("kubeconfig", "password"):
                continue
            assert field.examples, f"{section.__name__}.{name} has an example"
            values = {field.alias: field.examples[0]}
            others = {
                other.alias: other.examples[0]
                for key, other in section.model_fields.items()
                if other.is_required() and key != name and other.examples
            }
            section.model_validate(others | values, by_alias=True, by_name=False)


def test_the_smallest_configuration_gets_the_documented_defaults() -> None:
    (cluster,) = load_stack(configuration(workerPools=[{"name": "a"}])).clusters
    (pool,) = cluster.worker_pools
    assert cluster.cluster.kubernetes_version == "1.33.0", "version"
    assert cluster.cluster.pod_cidrs == ("192.168.0.0/16",), "pods"
    assert cluster.cluster.service_cidrs == ("172.26.0.0/16",), "Services"
    assert cluster.metal.vip_manager == "EMLB", "the only virtual IP manager that leaves workers alone"
    assert (pool.os, pool.machine_type, pool.billing_cycle) == ("ubuntu_24_04", "c3.medium.x86", "hourly"), "machines"
    assert cluster.control_plane_name == "prod-control-plane", "control plane"
    assert (cluster.handoff.timeout_seconds, cluster.handoff.path, cluster.handoff.verify) == (900, "/readyz", "ca"), (
        "hand-off"
    )


def test_a_leading_v_of_a_version_is_taken_off() -> None:
    (cluster,) = load_stack(configuration(cluster={"kubernetesVersion": "v1.33.0"})).clusters
    assert cluster.control_plane_version == "1.33.0", "both spellings mean the same"


def test_clusters_share_what_stands_beside_them() -> None:
    raw = configuration(
        cluster={"namespace": "tenants"},
        clusters=[
            {"cluster": {"name": "a"}},
            {"cluster": {"name": "b", "namespace": "own"}, "metal": {"metro": "sv"}, "workerPools": []},
        ],
    )
    first, second = load_stack(raw).clusters
    assert (first.cluster.namespace, second.cluster.namespace) == ("tenants", "own"), "own values win"
    assert (first.metal.metro, second.metal.metro) == ("da", "sv"), "maps merge"
    assert first.metal.project_id == second.metal.project_id, "so that the rest is shared"
    assert (len(first.worker_pools), len(second.worker_pools)) == (1, 0), "lists replace"


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (
            {"management": {"kubeconfig": "apiVersion: v1"}},
            "management.kubeconfig: is stored in clear; `pulumi config set ",
        ),
        ({"workerPools": [{"name": "a", "tags": ["x"]}]}, "workerPools[0].tags: has no effect: capp 0.9"),
        (
            {"workerPools": [{"name": "a", "hardwareReservationIds": ["next-available"]}]},
            "workerPools[0].hardwareReservationIds: capp 0.9 ignores a single entry",
        ),
        (
            {"workerPools": [{"name": "a", "kubernetesVersion": "1.32.4"}]},
            "workerPools[0].kubernetesVersion: 1.32.4 has another minor version than the control plane, 1.33.0",
        ),
        ({"cluster": {"kubernetesVersion": "1.34.0"}}, 'cluster.kubernetesVersion is "1.34.0": is newer than 1.33'),
        ({"cluster": {"podCidrs": ["10.0.0.0/16", "fd00::/64"]}}, "cluster.podCidrs is "),
        ({"handoff": {"verify": "none"}}, "handoff.verify: none"),
        ({"handoff": {"enabled": False}}, "handoff.enabled: false: machines are bought without a test"),
        (
            {"controlPlane": {"kubelet": {"cgroupfs": "cgroupfs"}}},
            "controlPlane.kubelet.cgroupfs: cgroupfs: profile ubuntu-containerd sets containerd to systemd",
        ),
        ({"metal": {"vipManager": "KUBE_VIP"}}, "metal.vipManager: KUBE_VIP makes capp open a BGP session"),
        (
            {"workerPools": [{"name": "a", "os": "ubuntu_20_04"}]},
            "workerPools[0].os: ubuntu_20_04 gets no security updates any more",
        ),
        (
            {"workerPools": [{"name": "a", "wait": True, "strategy": {"type": "OnDelete"}}]},
            "workerPools[0].wait: true: with strategy OnDelete a run",
        ),
        ({"workerPools": [{"name": "a", "min": 0, "max": 2}]}, "workerPools[0].min: 0: the cluster autoscaler can't"),
        (
            {"controlPlane": {"network": {"serviceType": "ClusterIP"}}},
            "controlPlane.network.serviceType: ClusterIP: workers",
        ),
        ({"cluster": {"name": "a" * 30}, "workerPools": [{"name": "b" * 25}]}, "workerPools[0].name is "),
        ({"cluster": {"protect": True, "allowReplacement": True}}, "cluster.allowReplacement: has no effect"),
    ],
)
def test_what_is_allowed_but_better_known_is_warned_of(change: dict[str, Any], warning: str) -> None:
    warnings = [str(item) for item in load_stack(configuration(**change)).warnings]
    assert len(warnings) == 1, f"one warning, not {warnings}"
    assert warnings[0].startswith(warning), "with its key and what follows"


@pytest.mark.parametrize("secret", ["management", "management.kubeconfig"])
def test_a_kubeconfig_that_is_stored_as_a_secret_is_no_warning(secret: str) -> None:
    raw = configuration(management={"kubeconfig": "apiVersion: v1"})
    stack = load_stack(raw, frozenset({secret}))
    assert stack.warnings == (), "the engine tells the key, a file the path"
    assert "apiVersion" not in repr(stack), "and it is not printed by accident"


def test_warnings_of_shared_settings_carry_the_shared_key() -> None:
    raw = configuration(handoff={"verify": "none"}, clusters=[{"cluster": {"name": "a"}}])
    assert [item.path for item in load_stack(raw).warnings] == ["handoff.verify"], "where the value stands"


def test_the_generated_pages_are_current() -> None:
    for name, text in schema.files().items():
        content = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert content == text, f"docs/{name} is old: run `python -m kamaji_equinix.components.settings.schema`"


def test_the_table_holds_every_setting() -> None:
    table = schema.table()
    for section in sections():
        if section.__name__ in (
            "StackSettings",
            "TenantClusterSettings",
            "MetalClusterSettings",
            "Metal3ClusterSettings",
        ):
            continue
        for field in section.model_fields.values():
            assert f".{field.alias}`" in table or f".{field.alias}[]`" in table, f"{section.__name__}.{field.alias}"


def test_the_json_schema_knows_the_keys_of_each_example() -> None:
    whole = schema.json_schema()
    keys = whole["properties"]["config"]["properties"]
    for path in sorted(ROOT.glob("Pulumi.*.yaml")):
        for key in yaml.safe_load(path.read_text())["config"]:
            assert key in keys, f"{path.name}: {key}"
    json.dumps(whole)


def test_only_right_names_are_read_from_yaml() -> None:
    with pytest.raises(SettingsError, match="did you mean 'kubernetesVersion'"):
        load_stack(configuration(cluster={"kubernetes_version": "1.33.0"}))


def test_examples_in_docstrings_are_true() -> None:
    count = 0
    for package in (kamaji_equinix.components, kamaji_equinix.automation, toolchain):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            if ">>> " not in path.read_text():
                continue
            name = ".".join((package.__name__, *path.relative_to(package.__path__[0]).with_suffix("").parts))
            result = doctest.testmod(importlib.import_module(name))
            assert result.failed == 0, f"{name}: see the output"
            assert result.attempted, f"{name}: the example is run"
            count += 1
    assert count >= 12, "each module that holds examples"
