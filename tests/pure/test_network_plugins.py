"""The presets of network plugins: keys that the charts have, and values that fit Kamaji, the pods' ranges and bare metal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from kamaji_equinix.components.manifests.addons import Addon, addons_of, cloud_controller, network_plugin
from kamaji_equinix.components.manifests.network_plugins import PLUGINS
from kamaji_equinix.components.providers import cpem
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import TenantClusterSettings
from pydantic import SecretStr

from tests.support.project import ROOT
from tests.support.settings_cases import configuration

CHARTS = yaml.safe_load((ROOT / "tests" / "data" / "network_charts.yaml").read_text())
NEW = {"v3.29.7": {"goldmane.enabled", "whisker.enabled"}}
"""Keys that a chart's older version does not look at, because it lacks what they turn off."""

HOST, PORT = "203.0.113.10", "6443"


def tenant(**changes: Any) -> TenantClusterSettings:
    (only,) = load_stack(configuration(**changes)).clusters
    return only


def preset(plugin: str, **changes: Any) -> Addon:
    addon = network_plugin(tenant(network={"plugin": plugin, **changes.pop("network", {})}, **changes), HOST, PORT)
    assert addon, f"{plugin} has a preset"
    return addon


def keys(value: Any, table: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of values, as far down as the table of the chart goes."""
    if isinstance(value, Mapping) and path not in table:
        for key, item in value.items():
            yield from keys(item, table, f"{path}.{key}" if path else key)
    else:
        yield path


@pytest.mark.parametrize("plugin", sorted(PLUGINS))
@pytest.mark.parametrize("ranges", [["10.244.0.0/16"], ["fd00:10::/56"]])
@pytest.mark.parametrize("proxy", [True, False])
def test_each_key_of_a_preset_is_one_of_its_chart(plugin: str, ranges: list[str], proxy: bool) -> None:
    if not proxy and plugin != "cilium":
        return
    services = ["fd00:20::/112"] if ":" in ranges[0] else ["10.96.0.0/16"]
    addon = preset(
        plugin,
        network={"mtu": 1400},
        cluster={"podCidrs": ranges, "serviceCidrs": services},
        controlPlane={"addons": {"kubeProxy": proxy, "konnectivity": True}},
    )
    assert addon.version in CHARTS[plugin], "the version that is installed by itself is one whose keys were read"
    for version, table in CHARTS[plugin].items():
        unknown = {*keys(addon.values, table)} - table.keys() - NEW.get(version, set())
        assert not unknown, f"{plugin} {version} would not look at {unknown}"


def test_values_have_the_types_that_the_charts_own_have() -> None:
    for plugin in PLUGINS:
        addon = preset(plugin, network={"mtu": 1400})
        table = CHARTS[plugin][addon.version]
        for key in keys(addon.values, table):
            value: Any = addon.values
            for step in key.split("."):
                value = value[step]
            if isinstance(table[key], bool | str) and not str(table[key]).startswith(("(", "integer")):
                assert isinstance(value, type(table[key])), f"{plugin} {key}: {value!r}, not as {table[key]!r}"
            elif isinstance(table[key], list):
                assert value in table[key], f"{plugin} {key}: {value!r} is one of {table[key]}"


def test_cilium_is_told_where_the_api_server_is_and_whether_it_serves_services() -> None:
    values = preset("cilium").values
    assert (values["k8sServiceHost"], values["k8sServicePort"]) == (HOST, PORT), "nodes have none of their own"
    assert values["kubeProxyReplacement"] == "false", "Kamaji installs kube-proxy"
    without = preset("cilium", controlPlane={"addons": {"kubeProxy": False}}).values
    assert without["kubeProxyReplacement"] == "true", "nobody else serves Services"
    assert values["hubble"] == {"enabled": False}, "its new certificates would be a change in every run"


def test_a_second_operator_is_for_a_second_machine() -> None:
    for replicas, expected in ((1, 1), (3, 2)):
        values = preset("cilium", workerPools=[{"name": "a", "replicas": replicas}]).values
        assert values["operator"] == {"replicas": expected}, "two never share a node"


def test_pods_get_addresses_of_the_clusters_range_and_reach_each_other_in_any_network() -> None:
    ranges = {"podCidrs": ["10.1.0.0/16"]}
    calico = preset("calico", cluster=ranges).values["installation"]["calicoNetwork"]
    assert calico["ipPools"][0]["cidr"] == "10.1.0.0/16", "Calico has pools of its own"
    assert (calico["bgp"], calico["ipPools"][0]["encapsulation"]) == ("Disabled", "VXLAN"), "no router is told of pods"
    flannel = preset("flannel", cluster=ranges).values
    assert (flannel["podCidr"], flannel["flannel"]["backend"]) == ("10.1.0.0/16", "vxlan"), "nor by Flannel"
    cilium = preset("cilium", cluster=ranges).values
    assert cilium["ipam"] == {"mode": "kubernetes"}, "Kamaji's controller manager allocates ranges for nodes"
    assert (cilium["routingMode"], cilium["tunnelProtocol"]) == ("tunnel", "vxlan"), "nor by Cilium"


def test_calicos_own_api_server_needs_the_tunnel() -> None:
    assert preset("calico").values["apiServer"] == {"enabled": False}, "Kamaji's API server does not reach pods"
    through = preset("calico", controlPlane={"addons": {"konnectivity": True}}).values
    assert through["apiServer"] == {"enabled": True}, "but through konnectivity it does"


def test_the_mtu_goes_where_each_chart_looks() -> None:
    places = {"cilium": ("MTU",), "calico": ("installation", "calicoNetwork", "mtu"), "flannel": ("flannel", "mtu")}
    for plugin, path in places.items():
        value: Any = preset(plugin, network={"mtu": 1400}).values
        for step in path:
            value = value[step]
        assert value == 1400, f"{plugin} would take its own"


def test_a_mirror_of_the_repository_and_a_registry_serve_the_same_chart() -> None:
    for mirror, chart, repository in (
        ("https://charts.example.org/calico", "tigera-operator", "https://charts.example.org/calico"),
        ("oci://registry.example.org/charts/", "oci://registry.example.org/charts/tigera-operator", ""),
    ):
        addon = preset("calico", network={"repository": mirror})
        assert (addon.chart, addon.repository) == (chart, repository), "where machines have no way to upstream"
        assert addon.version == PLUGINS["calico"].version, "in the version whose keys were read"


def test_a_users_values_win_and_the_others_stay() -> None:
    addon = preset("cilium", network={"values": {"hubble": {"enabled": True, "relay": {"enabled": True}}, "debug": {}}})
    assert addon.values["hubble"] == {"enabled": True, "relay": {"enabled": True}}, "the user knows better"
    assert addon.values["routingMode"] == "tunnel", "what the user does not say stays"


def test_nothing_is_installed_where_nothing_is_asked_for() -> None:
    for plugin in ("custom", "none"):
        addons = [{"name": "mine", "chart": "mine"}] if plugin == "custom" else []
        settings = tenant(network={"plugin": plugin}, addons=addons)
        assert network_plugin(settings, HOST, PORT) is None, "somebody else does"
        assert cloud_controller(settings, {}) is None, "nor a cloud controller"


def test_workloads_are_waited_for_only_where_there_will_be_nodes() -> None:
    addons = [{"name": "a", "chart": "a"}, {"name": "b", "chart": "b", "wait": False}]
    for pools, expected in (
        ([{"name": "a"}], [True, False]),
        ([], [False, False]),
        ([{"name": "a", "replicas": 0}], [False, False]),
    ):
        result = addons_of(tenant(addons=addons, workerPools=pools))
        assert [addon.waits for addon in result] == expected, "without a node no workload ever runs"


def test_cpem_runs_on_nodes_that_wait_for_it_and_knows_the_project() -> None:
    settings = tenant(metal={"cloudController": "cpem", "cpem": {"apiToken": "token"}})
    addon = cloud_controller(settings, {})
    assert addon, "it is asked for"
    by_kind = {item["kind"]: item for item in addon.objects}
    assert by_kind["Secret"]["stringData"] == {"apiKey": SecretStr("token"), "projectID": settings.metal.project_id}  # type: ignore[attr-defined]
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    taints = {toleration["key"] for toleration in pod["tolerations"]}
    assert "node.cloudprovider.kubernetes.io/uninitialized" in taints, "the taint that it takes away"
    assert "node.kubernetes.io/not-ready" in taints, "it may come before the network"
    assert "affinity" not in pod, "a tenant has no nodes of a control plane"
    assert pod["hostNetwork"], "it works before pods have a network"
    variables = {variable["name"]: variable for variable in pod["containers"][0]["env"]}
    for name, key in (("METAL_API_KEY", "apiKey"), ("METAL_PROJECT_ID", "projectID")):
        assert variables[name]["valueFrom"]["secretKeyRef"] == {"name": cpem.SECRET, "key": key}, "as it reads them"
    text = repr(addon.objects).replace(cpem.DIGEST, "").replace("metal-cloud-config", "")
    assert "'token'" not in text, "the token is shown nowhere"
    other = cloud_controller(tenant(metal={"cloudController": "cpem", "cpem": {"apiToken": "other"}}), {})
    assert other, "it is asked for"
    templates = [entry.objects[-1]["spec"]["template"] for entry in (addon, other)]
    assert templates[0] != templates[1], "its pods read it when they start: another token needs others"


def test_cpem_is_told_the_project_that_the_stack_makes() -> None:
    settings = tenant(
        metal={"projectId": "DELETE", "project": {"name": "a"}, "cloudController": "cpem", "cpem": {"apiToken": "t"}}
    )
    addon = cloud_controller(settings, {"projectID": "made"})
    assert addon, "it is asked for"
    assert addon.objects[0]["stringData"]["projectID"] == "made", "its id is not in the settings"
