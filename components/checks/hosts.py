"""Hosts that a stack declares and that a run would delete although a machine is on them.

The engine deletes what the settings no longer name. A host that goes takes the machine on it along, without a drain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kube.client import Api, ApiError
from ..kube.objects import Kube
from ..providers import Provider, provider_of
from ..settings.model import StackSettings
from ..settings.report import Problem
from .departures import base_of

OWNER = "app.kubernetes.io/instance"
"""Label with the cluster that declares a host."""


def problems(api: Api, settings: StackSettings, before: Mapping[str, Any]) -> Iterator[Problem]:
    """Hosts in use that the settings no longer name, and hosts that would move from one cluster's settings to another's.

    Args:
        api: the management cluster's.
        settings: the stack's settings.
        before: the resources of the stack's last state by URN.
    """
    places = {
        (tenant.cluster.name, name): base_of(index, settings)
        for index, tenant in enumerate(settings.clusters)
        for name in names_of(provider_of(tenant), tenant)
    }
    for index, tenant in enumerate(settings.clusters):
        provider, cluster_settings = provider_of(tenant), tenant.cluster
        if provider.host_kind is None:
            continue
        path = f"{base_of(index, settings)}{provider.settings.key}.hosts"
        for name in hosts_in_state(provider, before, cluster_settings.name, cluster_settings.namespace):
            if (cluster_settings.name, name) in places:
                continue
            new_owners = [cluster for cluster, host in places if host == name]
            if new_owners:
                rule = (
                    f"lacks {name}, which {new_owners[0]} has now: the engine would delete the one host that both name. Take "
                    "it out of both, run `up`, then give it to the other"
                )
                yield Problem(path, rule, example=None)
            elif what := busy(api, provider, cluster_settings.namespace, name):
                yield Problem(
                    path,
                    f"lacks {name}, which {what}: its server would be wiped and switched off under the machine. Take the "
                    "machine away first (fewer replicas, or `kubectl delete machine`), or put the host back",
                    example=None,
                )


def names_of(provider: Provider[Any, Any], tenant: Any) -> Iterator[str]:
    """Names of the hosts that a cluster's settings declare."""
    for manifest in provider.outliving(tenant):
        if provider.host_kind and manifest["kind"] == provider.host_kind.name:
            yield str(manifest["metadata"]["name"])


def hosts_in_state(
    provider: Provider[Any, Any], before: Mapping[str, Any], cluster: str, namespace: str
) -> Iterator[str]:
    """Names of the hosts that a cluster's settings declared in the last state."""
    kind = provider.host_kind
    for urn, resource in before.items():
        metadata = (resource.get("outputs") or {}).get("metadata") or {}
        labels = metadata.get("labels") or {}
        if (
            kind
            and f"$kubernetes:{kind.api_version}:{kind.name}::" in urn
            and labels.get(OWNER) == cluster
            and metadata.get("namespace") == namespace
        ):
            yield str(metadata["name"])


def busy(api: Api, provider: Provider[Any, Any], namespace: str, name: str) -> str:
    """What is on a host, in words; empty where nothing is, or it is gone."""
    if provider.host_kind is None:
        return ""
    try:
        host = Kube(api, namespace).find(provider.host_kind, name)
    except ApiError as error:
        return f"can't be looked at ({error}), so a machine may be on it"
    what = provider.in_use(host) if host else ""
    return f"{what} is on" if what else ""
