"""Cloud Provider Equinix Metal, the cloud controller of Equinix Metal's machines, as objects of the tenant cluster. Pure.

It follows upstream's deployment.yaml of v3.8.1 with two differences. Upstream has a DaemonSet for nodes of the control plane,
which a tenant of Kamaji does not have: here it is a Deployment that runs on any node. And its configuration comes from the
environment (``metal/config.go``) instead of a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ..capi.manifest import Manifest
from ..settings.metal.section import CpemSettings

NAME = "cloud-provider-equinix-metal"
NAMESPACE = "kube-system"
SECRET = "metal-cloud-config"  # noqa: S105 - a name
IMAGE = "quay.io/equinix-oss/cloud-provider-equinix-metal"
VERSION = "v3.8.1"

DIGEST = "kamaji-equinix.io/token"
"""Annotation of its pods."""

READ, WRITE = ["get", "list", "watch"], ["create", "get", "list", "watch", "update", "patch"]

RULES: tuple[tuple[str, list[str], list[str]], ...] = (
    ("", ["namespaces"], ["get"]),
    ("", ["endpoints", "configmaps", "events"], WRITE),
    ("", ["nodes"], ["*"]),
    ("", ["nodes/status"], ["patch"]),
    ("", ["services"], WRITE),
    ("", ["services/status"], ["list", "patch", "update", "watch"]),
    ("coordination.k8s.io", ["leases"], WRITE),
)
"""Its ClusterRole, without the kinds of MetalLB: it makes no load balancers here."""

TOLERATIONS: tuple[Mapping[str, str], ...] = (
    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "operator": "Exists", "effect": "NoSchedule"},
    # Cluster API's own, until it recognises the node by the id that the kubelet has registered with.
    {"key": "node.cluster.x-k8s.io/uninitialized", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
)


def objects(settings: CpemSettings, project: Any, metro: str | None) -> list[Manifest]:
    """Its objects.

    Args:
        settings: its settings.
        project: id of the project whose devices are the nodes.
        metro: where they are; None where a facility is given.
    """
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": NAME}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    rules = [{"apiGroups": [name], "resources": resources, "verbs": verbs} for name, resources, verbs in RULES]
    environment = [
        reference("METAL_API_KEY", "apiKey"),
        reference("METAL_PROJECT_ID", "projectID"),
        *([{"name": "METAL_METRO_NAME", "value": metro}] if metro else []),
    ]
    image = f"{settings.image_repository or IMAGE}:{settings.image_tag or VERSION}"
    command = [
        f"./{NAME}",
        "--cloud-provider=equinixmetal",
        "--leader-elect=true",
        "--authentication-skip-lookup=true",
    ]
    resources = {"requests": {"cpu": "100m", "memory": "50Mi"}}
    container = {"name": NAME, "image": image, "command": command, "env": environment, "resources": resources}
    spec = {
        "dnsPolicy": "Default",
        "hostNetwork": True,
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": NAME,
        "tolerations": [dict(toleration) for toleration in TOLERATIONS],
        "containers": [container],
    }
    labels = {"app": NAME}
    return [
        tenant_object(
            "v1", "Secret", SECRET, NAMESPACE, stringData={"apiKey": settings.api_token, "projectID": project}
        ),
        tenant_object("v1", "ServiceAccount", NAME, NAMESPACE),
        tenant_object(f"{group}/v1", "ClusterRole", role["name"], rules=rules),
        tenant_object(f"{group}/v1", "ClusterRoleBinding", role["name"], roleRef=role, subjects=[account]),
        tenant_object(
            "apps/v1",
            "Deployment",
            NAME,
            NAMESPACE,
            spec={
                "replicas": 1,
                # Two at a time would need the same port.
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels, "annotations": {DIGEST: digest(settings)}}, "spec": spec},
            },
        ),
    ]


def digest(settings: CpemSettings) -> str:
    """A digest of the token: another token needs new pods, because a program reads its environment when it starts."""
    return hashlib.sha256(settings.api_token.get_secret_value().encode()).hexdigest()[:12]


def reference(name: str, key: str) -> dict[str, Any]:
    """An environment variable with a value of the Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": key}}}


def tenant_object(version: str, kind: str, name: str, namespace: str = "", **body: Any) -> Manifest:
    """An object of the tenant cluster."""
    metadata = {"name": name, "labels": {"app": NAME}, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
