"""Configurations for tests: a small one that is right, and changes of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).parents[1] / "data" / "settings_mistakes.yaml"
DELETE = "DELETE"
"""In a change: leave the key out."""

RIGHT: dict[str, Any] = {
    "cluster": {"name": "prod"},
    "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
    "workerPools": [{"name": "worker-a", "replicas": 3}],
    # Without one there would be a warning.
    "network": {"plugin": "cilium"},
}


def configuration(**changes: Any) -> dict[str, Any]:
    """A right configuration with changes: maps merge, anything else replaces."""
    return merge(copy.deepcopy(RIGHT), changes)


def merge(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with changes, in place."""
    for key, value in changes.items():
        if value == DELETE:
            base.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
    return base


def mistakes() -> list[dict[str, Any]]:
    """The table of wrong configurations: what it ``says``, what to ``set``, the lines of the ``report``."""
    table: list[dict[str, Any]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


FULL: dict[str, Any] = {
    "cluster": {
        "name": "full",
        "namespace": "full",
        "createNamespace": True,
        "kubernetesVersion": "1.33.0",
        "podCidrs": ["192.168.0.0/16"],
        "serviceCidrs": ["172.26.0.0/16"],
        "serviceDomain": "cluster.example",
        "apiServerPort": 6443,
        "labels": {"team": "a"},
        "paused": True,
        "protect": True,
    },
    "controlPlane": {
        "name": "full-plane",
        "replicas": 3,
        "version": "1.33.1",
        "dataStore": "default",
        "dataStoreSchema": "full_plane",
        "addons": {
            "coreDNS": {"imageRepository": "registry.example.org/coredns", "imageTag": "v1.12.1"},
            "kubeProxy": {"imageRepository": "registry.example.org/kube-proxy", "imageTag": "v1.33.0"},
            "konnectivity": {"port": 8132, "serverVersion": "v0.33.0", "agentVersion": "v0.33.0"},
        },
        "kubelet": {"cgroupfs": "systemd", "preferredAddressTypes": ["InternalIP", "ExternalIP"]},
        "network": {
            "serviceType": "LoadBalancer",
            "serviceAddress": "203.0.113.10",
            "serviceLabels": {"a": "b"},
            "serviceAnnotations": {"metallb.io/address-pool": "public"},
            "loadBalancerClass": "metallb.io/metallb",
            "loadBalancerSourceRanges": ["203.0.113.0/24"],
            "certSANs": ["api.example.org", "203.0.113.11"],
            "dnsServiceIPs": ["172.26.0.10"],
            "ingress": {
                "hostname": "api.example.org",
                "className": "nginx",
                "labels": {"a": "b"},
                "annotations": {"c": "d"},
            },
        },
        "deployment": {
            "nodeSelector": {"zone": "a"},
            "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "tenants", "effect": "NoSchedule"}],
            "spreadOver": ["topology.kubernetes.io/zone"],
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "runtimeClassName": "gvisor",
            "serviceAccountName": "tenants",
        },
        "apiServer": {"extraArgs": ["--v=2"], "requests": {"cpu": "500m"}, "limits": {"memory": "2Gi"}},
        "controllerManager": {"extraArgs": ["--v=2"], "requests": {"cpu": "100m"}},
        "scheduler": {"extraArgs": ["--v=2"], "limits": {"memory": "256Mi"}},
        "registry": "registry.example.org",
        "admissionControllers": ["NodeRestriction", "ResourceQuota"],
    },
    "metal": {
        "projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11",
        "metro": "da",
        "vipManager": "EMLB",
        "cloudController": "external",
        "sshKeys": [
            {
                "name": "a",
                "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE a@example.org",
            }
        ],
    },
    "workerPools": [
        {
            "name": "all",
            "min": 1,
            "max": 3,
            "machineType": "m3.large.x86",
            "os": "custom_ipxe",
            "ipxeUrl": "https://example.org/boot.ipxe",
            "billingCycle": "monthly",
            "facility": "da11",
            "tags": ["a", "b"],
            "hardwareReservationIds": ["0b8a6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "0b8a6a42-9c1f-4b6e-8a55-2f4f6f0d7c12"],
            "kubernetesVersion": "1.33.0",
            "labels": {"tier": "web", "node-role.kubernetes.io/web": ""},
            "taints": [{"key": "tier", "value": "web", "effect": "NoSchedule"}, {"key": "b", "effect": "NoExecute"}],
            "annotations": {"capacity.cluster-autoscaler.kubernetes.io/cpu": "24"},
            "rolloutAfter": "2026-03-09T09:00:00Z",
            "strategy": {"maxSurge": "10%", "maxUnavailable": 1, "deletePolicy": "Oldest"},
            "nodeDrainTimeoutSeconds": 600,
            "healthCheck": {"unhealthySeconds": 300, "nodeStartupSeconds": 3600, "maxUnhealthy": "34%"},
            "bootstrap": {
                "commands": ["echo {{ .kubernetesVersion }}", "echo {{ `{{ v1.instance_id }}` }}"],
                "postCommands": ["true"],
                "files": [
                    {
                        "path": "/etc/a",
                        "content": "a\nb\n",
                        "owner": "root:root",
                        "permissions": "0644",
                        "append": True,
                    },
                    {"path": "/etc/b", "contentFrom": {"secret": {"name": "s", "key": "k"}}, "encoding": "base64"},
                ],
                "users": [
                    {
                        "name": "alice",
                        "sshAuthorizedKeys": [
                            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE alice"
                        ],
                        "groups": "sudo",
                        "sudo": "ALL=(ALL) NOPASSWD:ALL",
                        "shell": "/bin/bash",
                    }
                ],
                "kubeletExtraArgs": {"max-pods": "200"},
            },
        },
        {"name": "deleted-by-hand", "metro": "fr", "strategy": {"type": "OnDelete"}, "replicas": 0},
        {"name": "one-unhealthy", "healthCheck": {"maxUnhealthy": 1}, "bootstrap": {"profile": "ubuntu-containerd"}},
    ],
    "network": {"plugin": "cilium", "version": "1.18.10", "mtu": 1450, "values": {"debug": {"enabled": True}}},
    "addons": [
        {
            "name": "private",
            "chart": "private",
            "repository": "https://charts.example.org",
            "version": "1.2.3",
            "username": "robot",
            "password": "token",
            "namespace": "private",
            "createNamespace": True,
            "values": {"replicas": 2, "key": "value"},
            "wait": False,
            "timeoutSeconds": 600,
        },
        {"name": "registry", "chart": "oci://registry.example.org/chart", "version": "1.2.3", "plainHttp": True},
        {
            "name": "manifests",
            "files": ["https://example.invalid/all.yaml"],
            "objects": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tools"}}],
        },
    ],
    "handoff": {"enabled": True, "timeoutSeconds": 600, "path": "/readyz", "verify": "ca", "force": False},
}
"""A right configuration in which nearly every key is given."""
