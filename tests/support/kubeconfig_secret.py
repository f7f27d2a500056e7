"""The Secret with a tenant's kubeconfig, as Kamaji's provider writes it or takes it over (its CreateOrUpdate, v0.15.2)."""

from __future__ import annotations

import base64
from typing import Any

import httpx

Json = dict[str, Any]

SECRETS = "/api/v1/namespaces/{}/secrets"


def keep(client: httpx.Client, control_plane: Json, cluster: str, value: str) -> None:
    """Write the Secret, or take over the one that is there; a conflict is for the next round, as in a controller.

    Args:
        client: of the management cluster.
        control_plane: the KamajiControlPlane, which becomes the controller.
        cluster: name of the Cluster.
        value: the kubeconfig.
    """
    namespace, name = control_plane["metadata"]["namespace"], f"{cluster}-kubeconfig"
    path = SECRETS.format(namespace)
    answer = client.get(f"{path}/{name}")
    missing = answer.status_code == httpx.codes.NOT_FOUND
    secret: Json = {"metadata": {"name": name}} if missing else answer.raise_for_status().json()
    labels = {**(secret["metadata"].get("labels") or {}), "cluster.x-k8s.io/cluster-name": cluster}
    owner = {key: control_plane[key] for key in ("apiVersion", "kind")}
    owner |= {key: control_plane["metadata"][key] for key in ("name", "uid")}
    secret["metadata"] |= {
        "labels": {**labels, "kamaji.clastix.io/component": "capi"},
        "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
    }
    secret |= {"type": "cluster.x-k8s.io/secret", "data": {"value": base64.b64encode(value.encode()).decode()}}
    manager = {"fieldManager": "manager"}
    if missing:
        client.post(path, json=secret, params=manager).raise_for_status()
    else:
        client.put(f"{path}/{name}", json=secret, params=manager).raise_for_status()
