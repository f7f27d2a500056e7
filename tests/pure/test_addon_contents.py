"""Which objects of add-ons a stack's state holds, and what is said of those that are lost."""

from __future__ import annotations

from typing import Any

from kamaji_equinix.automation.repair.addon_contents import addon_objects
from kamaji_equinix.components import tree
from kamaji_equinix.components.kube.objects import Kind
from kamaji_equinix.components.tree import AddonObject, Inside, Request

from tests.support.snapshots import snapshot

Json = dict[str, Any]

COMPONENT = "urn:pulumi:s::p::kamaji-equinix:index:TenantCluster$kamaji-equinix:index:AddOn::c1-tools"
CHART = "urn:pulumi:s::p::kamaji-equinix:index:AddOn$kubernetes:helm.sh/v4:Chart::c1-tools"
TENANT = "urn:pulumi:s::p::kamaji-equinix:index:TenantCluster$pulumi:providers:kubernetes::c1-tenant::id"
MANAGEMENT = "urn:pulumi:s::p::pulumi:providers:kubernetes::management::id"


def resource(kind: str, name: str, *, provider: str = TENANT, version: str = "v1", **more: Any) -> Json:
    """An object of the chart, as the engine stores it."""
    namespace = more.pop("namespace", "tools")
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more.pop("content", {})}
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "urn": f"{CHART}:{name}",
        "type": f"kubernetes:{version}:{kind}",
        "parent": CHART,
        "provider": provider,
        "custom": True,
        "inputs": manifest,
        "outputs": {"metadata": metadata},
        **more,
    }


def contents(*resources: Json) -> list[str]:
    state = [
        {
            "urn": COMPONENT,
            "type": "kamaji-equinix:index:AddOn",
            "inputs": {"addon": "tools", "cluster": "prod/c1"},
        },
        {"urn": CHART, "type": "kubernetes:helm.sh/v4:Chart", "parent": COMPONENT, "inputs": {"name": "tools"}},
        *resources,
    ]
    return [f"{item.addon}: {item}" for item in addon_objects(state).get("prod/c1", ())]


def test_each_object_of_a_chart_belongs_to_its_add_on_and_lies_where_the_api_server_has_put_it() -> None:
    assert contents(
        resource("ConfigMap", "words"),
        resource("ClusterRole", "reader", version="rbac.authorization.k8s.io/v1", namespace=""),
    ) == ["tools: ConfigMap tools/words", "tools: ClusterRole reader"], "with its namespace, where it has one"


def test_what_is_no_lasting_object_of_the_tenant_is_not_looked_for() -> None:
    assert (
        contents(
            resource("ConfigMap", "elsewhere", provider=MANAGEMENT),
            resource("ConfigMap", "leaving", delete=True),
            resource("Job", "once", version="batch/v1", content={"spec": {"ttlSecondsAfterFinished": 60}}),
        )
        == []
    ), "an object of the management cluster, one that is to be deleted, a Job that its controller removes"


def test_a_lost_object_is_told_without_calling_the_cluster_unready() -> None:
    loss = AddonObject("tools", Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"), "", "reader")
    assert loss.path == "/apis/rbac.authorization.k8s.io/v1/clusterroles/reader", "where it is looked for"
    status = tree.build(snapshot(inside=Inside(losses=(loss,))), Request("1.33.0", 2, addon_objects=(loss,)))
    (difference,) = tree.differences(status)
    assert difference.subject == "AddOn/tools", "by its add-on"
    assert difference.reason.startswith("ClusterRole reader, which it has installed, does not exist"), difference.reason
    assert "pulumi up --refresh" in difference.action, "`kamaji-equinix up` does not look there"
    assert tree.first_blocker(status) is None, "machines and control plane are ready nevertheless"
