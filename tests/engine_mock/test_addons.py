"""What add-ons ask the engine for: where they go, after what, and with what they go away."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from kamaji_equinix.components import stack
from kamaji_equinix.components.capi.manifest import ADD_ON
from kamaji_equinix.components.manifests.addons import Addon
from kamaji_equinix.components.resources.addon_objects import SKIP_AWAIT, Owners, adjust
from kamaji_equinix.components.settings.load import load_stack

from tests.engine_mock.test_tenant_cluster import RAW
from tests.support.mock_engine import Recorder, record

ADDONS: dict[str, Any] = {
    "network": {"plugin": "cilium"},
    "addons": [{"name": "one", "chart": "one"}, {"name": "two", "files": ["two.yaml"]}],
}
CHART, GROUP = "kubernetes:helm.sh/v4:Chart", "kubernetes:yaml/v2:ConfigGroup"


def record_stack(**extra: Any) -> Recorder:
    return record(lambda: stack.declare(load_stack({**RAW, **ADDONS, **extra}, frozenset({"management"}))))


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return record_stack()


def test_each_goes_to_the_tenant_and_away_with_the_cluster(recorder: Recorder) -> None:
    (cluster,) = (resource.urn for resource in recorder.of("Cluster"))
    addons = [*recorder.of(CHART), *recorder.of(GROUP)]
    assert [resource.name for resource in addons] == ["one-cilium", "one-one", "one-two"], (
        "in the order of the settings"
    )
    for resource in addons:
        assert resource.deleted_with == cluster, f"{resource.name}: a destroy would ask a tenant that may be down"


def test_cilium_is_told_the_address_that_the_kubeconfig_leads_to(recorder: Recorder) -> None:
    values = recorder.of(CHART)[0].inputs["values"]
    assert (values["k8sServiceHost"], values["k8sServicePort"]) == ("192.0.2.5", "6443"), "as nodes reach it"


def test_machines_are_asked_for_first_and_wait_for_no_add_on(recorder: Recorder) -> None:
    addons = {resource.urn for resource in (*recorder.of(CHART), *recorder.of(GROUP), *recorder.of("AddOn"))}
    pools = {resource.urn for resource in recorder.of("MachineDeployment")}
    for resource in (*recorder.of(CHART), *recorder.of(GROUP)):
        assert pools <= set(resource.dependencies), "the first resource that fails ends a run: pools come before"
    assert addons, "there are add-ons"
    assert pools, "and pools"
    for kind in ("MachineDeployment", "WorkerPoolRollout", "ControlPlaneEndpoint", "PacketCluster"):
        assert recorder.of(kind), f"there is a {kind}"
        for resource in recorder.of(kind):
            assert not addons & set(resource.dependencies), f"{resource.name} would fail with an add-on"


def test_a_stack_without_add_ons_starts_no_provider_for_its_tenant() -> None:
    recorder = record(lambda: stack.declare(load_stack(RAW, frozenset({"management"}))))
    assert [resource.name for resource in recorder.of("pulumi:providers:kubernetes")] == ["management"], (
        "each provider is a process"
    )


def of_kind(kind: str, **props: Any) -> pulumi.ResourceTransformArgs:
    return pulumi.ResourceTransformArgs(
        custom=True, type_=f"kubernetes:{kind}", name="a", props=props, opts=pulumi.ResourceOptions()
    )


def test_only_what_needs_nodes_is_not_waited_for() -> None:
    for waits, kind, skips in (
        (False, "apps/v1:DaemonSet", True),
        (False, "apps/v1:Deployment", True),
        (False, "apiextensions.k8s.io/v1:CustomResourceDefinition", False),
        (True, "apps/v1:Deployment", False),
    ):
        result = adjust(Addon(name="a", waits=waits, seconds=90), (), of_kind(kind, metadata={"name": "a"}))
        assert result, "each object is looked at"
        annotations = result.props["metadata"].get("annotations") or {}
        assert (annotations.get(SKIP_AWAIT) == "true") is skips, f"{kind} of one that waits: {waits}"
        assert result.opts.custom_timeouts, "and has the add-on's patience"
        assert result.opts.custom_timeouts.create == "90s", "in seconds"


def test_a_text_that_holds_a_secret_is_one() -> None:
    args = of_kind("core/v1:ConfigMap", data={"a": "word = hunter2\n", "b": "plain"}, metadata={"name": "a"})
    result = adjust(Addon(name="a"), ("hunter2",), args)
    assert result, "it is looked at"
    assert isinstance(result.props["data"]["a"], pulumi.Output), "the rendered text would lie in the state in clear"
    assert result.props["data"]["b"] == "plain", "all else is as it was"


def test_the_workloads_of_an_add_on_that_the_cluster_needs_have_its_name_for_the_status() -> None:
    for awaited, kind, labels in (
        (True, "apps/v1:DaemonSet", {"own": "a", ADD_ON: "plugin"}),
        (True, "core/v1:ConfigMap", {"own": "a"}),
        (False, "apps/v1:DaemonSet", {"own": "a"}),
    ):
        args = of_kind(kind, metadata={"name": "a", "labels": {"own": "a"}})
        result = adjust(Addon(name="plugin", is_required=awaited), (), args)
        assert result, "it is looked at"
        assert result.props["metadata"]["labels"] == labels, f"{kind} of one that is awaited: {awaited}"


def test_an_object_keeps_its_name_in_the_engine_whichever_add_on_has_it() -> None:
    owners = Owners("c1")
    args = of_kind("core/v1:ConfigMap", metadata={"name": "a"})
    args.name = "c1:default/a"
    result = owners.alias_former("new", "c1-new", args)
    assert result, "it is looked at"
    assert [alias.name for alias in result.opts.aliases or []] == ["c1-new:default/a"], "as it was called once"
    assert owners.alias_former("new", "c1-new", args), "a chart that is rendered again has it still"
    with pytest.raises(pulumi.RunError, match="add-ons new and other both have ConfigMap default/a"):
        owners.alias_former("other", "c1-other", args)
