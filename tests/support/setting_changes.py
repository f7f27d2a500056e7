"""A change of every setting: a value before and one after, in settings in which all else stays the same."""

from __future__ import annotations

import copy
from typing import Any

from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import StackSettings, TenantClusterSettings

Json = dict[str, Any]

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE"
USER = {"name": "alice", "sshAuthorizedKeys": [KEY]}
FILE = {"path": "/etc/a", "content": "a"}
SECRET = {"path": "/etc/a", "contentFrom": {"secret": {"name": "s", "key": "k"}}}
TOLERATION = {"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}
TAINT = {"key": "a", "value": "b", "effect": "NoSchedule"}

BASE: Json = {
    "cluster": {"name": "effects", "namespace": "effects", "kubernetesVersion": "1.32.2"},
    "controlPlane": {"replicas": 2},
    "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
    "workerPools": [{"name": "a", "replicas": 2}],
}


def at(path: str, value: Any) -> Json:
    """A value below sections."""
    for step in reversed(path.split(".")):
        value = {step: value}
    return value  # type: ignore[no-any-return]


def plane(path: str, before: Any, after: Any) -> tuple[str, Json, Json]:
    """A change of the control plane's settings; None leaves a key out."""
    return (
        f"controlPlane.{path}",
        *({} if value is None else at(f"controlPlane.{path}", value) for value in (before, after)),
    )


def pool(path: str, before: Json, after: Json) -> tuple[str, Json, Json]:
    """A change of a pool's settings."""
    return f"workerPools[].{path}", {"workerPools": [before]}, {"workerPools": [after]}


def pool_change(path: str, before: Any, after: Any) -> tuple[str, Json, Json]:
    """A change of a pool's key; None leaves it out."""
    return pool(path, *({} if value is None else {path: value} for value in (before, after)))


def section_change(path: str, before: Json, after: Json, at_: str) -> tuple[str, Json, Json]:
    """A change within a pool's section."""
    return pool(path, {at_: before}, {at_: after})


def addon(key: str, before: Json, after: Json) -> tuple[str, Json, Json]:
    """A change of an add-on."""
    return f"addons[].{key}", {"addons": [before]}, {"addons": [after]}


CHART = {"name": "a", "chart": "a", "repository": "https://charts.example.org", "version": "1.0.0"}
REGISTRY = {"name": "a", "chart": "oci://registry.example.org/a", "version": "1.0.0"}
MANIFESTS = {"name": "a", "files": ["a.yaml"]}
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
CPEM = {"cloudController": "cpem", "cpem": {"apiToken": "a"}}


def bootstrap(path: str, before: Json, after: Json) -> tuple[str, Json, Json]:
    """A change within a pool's bootstrap."""
    return section_change(f"bootstrap.{path}", before, after, "bootstrap")


CHANGES: list[tuple[str, Json, Json]] = [
    ("cluster.name", {}, at("cluster.name", "other")),
    ("cluster.namespace", {}, at("cluster.namespace", "elsewhere")),
    ("cluster.createNamespace", {}, at("cluster.createNamespace", True)),
    ("cluster.kubernetesVersion", {}, at("cluster.kubernetesVersion", "1.33.0")),
    ("cluster.podCidrs", {}, at("cluster.podCidrs", ["10.1.0.0/16"])),
    ("cluster.serviceCidrs", {}, at("cluster.serviceCidrs", ["10.2.0.0/16"])),
    ("cluster.serviceDomain", at("cluster.serviceDomain", "a.example"), at("cluster.serviceDomain", "b.example")),
    ("cluster.apiServerPort", {}, at("cluster.apiServerPort", 7443)),
    ("cluster.labels", {}, at("cluster.labels", {"team": "a"})),
    ("cluster.paused", {}, at("cluster.paused", True)),
    ("cluster.protect", {}, at("cluster.protect", True)),
    ("cluster.allowReplacement", {}, at("cluster.allowReplacement", True)),
    plane("name", None, "another-plane"),
    plane("replicas", 2, 3),
    ("controlPlane.version", {}, at("controlPlane.version", "1.32.3")),
    plane("dataStore", "default", "second"),
    plane("dataStoreSchema", "one", "other"),
    plane("addons.coreDNS", True, False),
    plane("addons.coreDNS.imageRepository", None, "registry.example.org"),
    plane("addons.coreDNS.imageTag", None, "v1.12.1"),
    plane("addons.kubeProxy", True, False),
    plane("addons.kubeProxy.imageRepository", None, "registry.example.org"),
    plane("addons.kubeProxy.imageTag", None, "v1.33.0"),
    plane("addons.konnectivity", False, True),
    plane("addons.konnectivity.port", 8132, 8140),
    plane("addons.konnectivity.serverVersion", "v0.31.0", "v0.32.0"),
    plane("addons.konnectivity.agentVersion", "v0.31.0", "v0.32.0"),
    plane("kubelet.cgroupfs", "systemd", "cgroupfs"),
    plane("kubelet.preferredAddressTypes", ["InternalIP"], ["ExternalIP", "InternalIP"]),
    (
        "controlPlane.network.serviceType",
        *(
            {
                "cluster": {"apiServerPort": 30443},
                "controlPlane": {"network": {"serviceType": kind, "serviceAddress": "198.51.100.1"}},
            }
            for kind in ("LoadBalancer", "NodePort")
        ),
    ),
    plane("network.serviceAddress", None, "203.0.113.10"),
    plane("network.serviceLabels", None, {"a": "b"}),
    plane("network.serviceAnnotations", None, {"a": "b"}),
    plane("network.loadBalancerClass", "example.org/one", "example.org/other"),
    plane("network.loadBalancerSourceRanges", ["203.0.113.0/24"], ["198.51.100.0/24"]),
    plane("network.certSANs", None, ["api.example.org"]),
    plane("network.dnsServiceIPs", ["172.26.0.10"], ["172.26.0.53"]),
    plane("network.ingress.hostname", None, "api.example.org"),
    (
        "controlPlane.network.ingress.className",
        *(
            at("controlPlane.network.ingress", {"hostname": "api.example.org", "className": name})
            for name in ("a", "b")
        ),
    ),
    (
        "controlPlane.network.ingress.labels",
        *(
            at("controlPlane.network.ingress", {"hostname": "api.example.org", "labels": {"a": name}})
            for name in ("a", "b")
        ),
    ),
    (
        "controlPlane.network.ingress.annotations",
        *(
            at("controlPlane.network.ingress", {"hostname": "api.example.org", "annotations": {"a": name}})
            for name in "ab"
        ),
    ),
    plane("deployment.nodeSelector", None, {"a": "b"}),
    *(
        (
            f"controlPlane.deployment.tolerations[].{key}",
            *(at("controlPlane.deployment.tolerations", [toleration]) for toleration in (TOLERATION, after)),
        )
        for key, after in (
            ("key", {**TOLERATION, "key": "c"}),
            ("operator", {"key": "a", "operator": "Exists", "effect": "NoSchedule"}),
            ("value", {**TOLERATION, "value": "c"}),
            ("effect", {**TOLERATION, "effect": "NoExecute"}),
        )
    ),
    plane("deployment.spreadOver", None, ["topology.kubernetes.io/zone"]),
    plane("deployment.labels", None, {"a": "b"}),
    plane("deployment.annotations", None, {"a": "b"}),
    plane("deployment.runtimeClassName", None, "gvisor"),
    plane("deployment.serviceAccountName", None, "tenants"),
    *(
        change
        for part in ("apiServer", "controllerManager", "scheduler")
        for change in (
            plane(f"{part}.extraArgs", None, ["--v=2"]),
            plane(f"{part}.requests", None, {"cpu": "100m"}),
            plane(f"{part}.limits", None, {"memory": "1Gi"}),
        )
    ),
    plane("registry", None, "registry.example.org"),
    plane("admissionControllers", None, ["NodeRestriction", "ResourceQuota"]),
    ("metal.projectId", {}, at("metal.projectId", "0b8a6a42-9c1f-4b6e-8a55-2f4f6f0d7c11")),
    ("metal.metro", {}, at("metal.metro", "sv")),
    ("metal.facility", *({"metal": {"metro": "DELETE", "facility": name}} for name in ("da11", "sv15"))),
    ("metal.vipManager", {}, at("metal.vipManager", "KUBE_VIP")),
    ("metal.cloudController", {}, at("metal.cloudController", "external")),
    ("metal.sshKeys[].publicKey", {}, at("metal.sshKeys", [{"name": "a", "publicKey": f"{KEY} a"}])),
    *(
        (f"metal.cpem.{key}", {"metal": CPEM}, {"metal": {**CPEM, "cpem": {"apiToken": "a", key: value}}})
        for key, value in (("apiToken", "b"), ("imageRepository", "registry.example.org/a"), ("imageTag", "v3.8.0"))
    ),
    ("network.plugin", at("network.plugin", "cilium"), at("network.plugin", "calico")),
    *(
        (f"network.{key}", at("network.plugin", "cilium"), {"network": {"plugin": "cilium", key: value}})
        for key, value in (
            ("version", "1.17.12"),
            ("repository", "oci://registry.example.org/charts"),
            ("mtu", 1400),
            ("values", {"debug": {"enabled": True}}),
        )
    ),
    addon("name", CHART, {**CHART, "name": "b"}),
    addon("chart", CHART, {**CHART, "chart": "b"}),
    addon("repository", CHART, {**CHART, "repository": "https://charts.example.com"}),
    addon("version", CHART, {**CHART, "version": "1.0.1"}),
    *(
        addon(key, {**CHART, "username": "a", "password": "a"}, {**CHART, "username": "a", "password": "a", key: "b"})
        for key in ("username", "password")
    ),
    addon("plainHttp", REGISTRY, {**REGISTRY, "plainHttp": True}),
    addon("namespace", CHART, {**CHART, "namespace": "b"}),
    addon("createNamespace", {**CHART, "namespace": "b"}, {**CHART, "namespace": "b", "createNamespace": True}),
    addon("values", CHART, {**CHART, "values": {"a": "b"}}),
    addon("files", MANIFESTS, {**MANIFESTS, "files": ["b.yaml"]}),
    addon("objects", {"name": "a", "objects": [OBJECT]}, {"name": "a", "objects": [{**OBJECT, "data": {"a": "b"}}]}),
    addon("wait", CHART, {**CHART, "wait": False}),
    addon("timeoutSeconds", CHART, {**CHART, "timeoutSeconds": 60}),
    pool_change("name", "a", "b"),
    pool_change("replicas", 2, 1),
    pool("min", {"replicas": "DELETE", "min": 1, "max": 3}, {"replicas": "DELETE", "min": 2, "max": 3}),
    pool("max", {"replicas": "DELETE", "min": 1, "max": 3}, {"replicas": "DELETE", "min": 1, "max": 4}),
    pool_change("machineType", None, "m3.large.x86"),
    pool_change("os", None, "ubuntu_22_04"),
    pool_change("billingCycle", None, "daily"),
    pool_change("metro", None, "sv"),
    pool_change("facility", None, "da11"),
    pool(
        "ipxeUrl",
        *(
            {"os": "custom_ipxe", "ipxeUrl": f"https://example.org/{name}", "bootstrap": {"commands": ["true"]}}
            for name in "ab"
        ),
    ),
    pool_change("tags", None, ["a"]),
    pool_change("hardwareReservationIds", None, ["0b8a6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"]),
    pool_change("kubernetesVersion", None, "1.32.3"),
    pool_change("labels", None, {"tier": "web"}),
    *(
        pool(f"taints[].{key}", {"taints": [TAINT]}, {"taints": [{**TAINT, key: value}]})
        for key, value in (("key", "c"), ("value", "c"), ("effect", "NoExecute"))
    ),
    pool_change("annotations", None, {"a": "b"}),
    pool_change("rolloutAfter", None, "2099-01-01T00:00:00Z"),
    section_change("strategy.type", {"type": "RollingUpdate"}, {"type": "OnDelete"}, "strategy"),
    section_change("strategy.maxSurge", {"maxSurge": 1}, {"maxSurge": 2}, "strategy"),
    section_change("strategy.maxUnavailable", {"maxUnavailable": 0}, {"maxUnavailable": 1}, "strategy"),
    section_change("strategy.deletePolicy", {}, {"deletePolicy": "Oldest"}, "strategy"),
    pool_change("nodeDrainTimeoutSeconds", None, 600),
    bootstrap("commands", {}, {"commands": ["true"]}),
    bootstrap("postCommands", {}, {"postCommands": ["true"]}),
    *(
        bootstrap(f"files[].{key}", {"files": [FILE]}, {"files": [{**FILE, key: value}]})
        for key, value in (
            ("path", "/etc/b"),
            ("content", "b"),
            ("owner", "root:root"),
            ("permissions", "0600"),
            ("encoding", "base64"),
            ("append", True),
        )
        if key != "encoding"
    ),
    bootstrap(
        "files[].encoding",
        {"files": [{**FILE, "content": "YQ=="}]},
        {"files": [{**FILE, "content": "YQ==", "encoding": "base64"}]},
    ),
    *(
        bootstrap(
            f"files[].contentFrom.secret.{key}",
            {"files": [SECRET]},
            {"files": [{"path": "/etc/a", "contentFrom": {"secret": {"name": "s", "key": "k", key: "other"}}}]},
        )
        for key in ("name", "key")
    ),
    *(
        bootstrap(f"users[].{key}", {"users": [USER]}, {"users": [{**USER, key: value}]})
        for key, value in (
            ("name", "bob"),
            ("sshAuthorizedKeys", [f"{KEY} other"]),
            ("groups", "sudo"),
            ("sudo", "ALL=(ALL) NOPASSWD:ALL"),
            ("shell", "/bin/bash"),
        )
    ),
    bootstrap("kubeletExtraArgs", {}, {"kubeletExtraArgs": {"max-pods": "200"}}),
    section_change("healthCheck.unhealthySeconds", {}, {"unhealthySeconds": 600}, "healthCheck"),
    section_change("healthCheck.nodeStartupSeconds", {}, {"nodeStartupSeconds": 3600}, "healthCheck"),
    section_change("healthCheck.maxUnhealthy", {}, {"maxUnhealthy": "50%"}, "healthCheck"),
    pool_change("wait", None, True),
    ("handoff.enabled", {}, at("handoff.enabled", False)),
    ("handoff.timeoutSeconds", {}, at("handoff.timeoutSeconds", 60)),
    ("handoff.path", {}, at("handoff.path", "/livez")),
    ("handoff.verify", {}, at("handoff.verify", "none")),
    ("handoff.force", {}, at("handoff.force", True)),
    ("capi.contract", {}, at("capi.contract", "v1beta2")),
]
"""Key, what is added to ``BASE`` before, and what after."""

ELSEWHERE = (
    "management",
    "metal.project",
    "metal.sshKeys[].name",
    "workerPools[].bootstrap.profile",
    "metal3",
    *(f"workerPools[].{key}" for key in ("image", "hostSelector", "cleaning", "metaData", "networkData", "nodeReuse")),
)
"""Keys without a change here: they make no manifest, or (a profile) have one value only, or are Metal3's, which have tests of
their own."""


def stack(*changes: Json) -> StackSettings:
    """The settings of ``BASE`` with some changes, one after the other."""
    raw = copy.deepcopy(BASE)
    for change in changes:
        raw = merge(raw, copy.deepcopy(change))
    return load_stack(raw)


def tenant(*changes: Json) -> TenantClusterSettings:
    """The only cluster of :func:`stack`."""
    (only,) = stack(*changes).clusters
    return only


def merge(base: Any, change: Any) -> Any:
    """Maps merge, a pool merges into the pool, other values replace; DELETE leaves a key out."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    for key, value in change.items():
        if value == "DELETE":
            base.pop(key, None)
        elif key == "workerPools":
            base[key] = [merge(base[key][0], value[0])]
        else:
            base[key] = merge(base[key], value) if key in base else value
    return base
