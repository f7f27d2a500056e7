"""Hosts that a stack declares and that a run would delete although a machine is on them.

The engine deletes what the settings no longer name. With a host goes the machine on it, without a drain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kube.client import Api, ApiError
from ..kube.objects import Kind, Kube
from ..providers import Provider, provider_of
from ..settings.model import StackSettings
from ..settings.report import Problem
from .departures import base_of

OWNER = "app.kubernetes.io/instance"
"""Label with the cluster that declares a host."""

SECRET = Kind("v1", "Secret", "secrets")


def problems(api: Api, settings: StackSettings, before: Mapping[str, Any]) -> Iterator[Problem]:
    """Hosts in use that the settings no longer name, and hosts that would move from one cluster's settings to another's.

    The engine deletes the hosts of a cluster that leaves the settings after it, so no other cluster may declare them.

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
    clusters = {tenant.cluster.name for tenant in settings.clusters}
    for index, tenant in enumerate(settings.clusters):
        provider, cluster_settings = provider_of(tenant), tenant.cluster
        if provider.host_kind is None:
            continue
        path = f"{base_of(index, settings)}{provider.settings.key}.hosts"
        for owner, name, _ in objects_in_state(provider.host_kind, before, cluster_settings.namespace):
            if owner not in clusters and (cluster_settings.name, name) in places:
                rule = (
                    f"declares {name}, which cluster {owner} declared before, and this run removes that cluster and "
                    "its hosts. Leave the host out of this run, and declare it in the next"
                )
                yield Problem(path, rule, example=None)
        yield from credentials_in_use(path, provider, tenant, before)
        for name in hosts_in_state(provider, before, cluster_settings.name, cluster_settings.namespace):
            if (cluster_settings.name, name) in places:
                continue
            new_owners = [cluster for cluster, host in places if host == name]
            if new_owners:
                rule = (
                    f"lacks {name}, which cluster {new_owners[0]} declares now: the engine would delete the host that "
                    "both name. Take it out of both, run `up`, then declare it in the other"
                )
                yield Problem(path, rule, example=None)
            elif usage := busy(api, provider, cluster_settings.namespace, name):
                yield Problem(
                    path,
                    f"lacks {name}, which {usage}: its server would be wiped and switched off while the machine runs. "
                    "Remove the machine first (fewer replicas, or `kubectl delete machine`), or declare the host again",
                    example=None,
                )


def credentials_in_use(
    path: str, provider: Provider[Any, Any], tenant: Any, before: Mapping[str, Any]
) -> Iterator[Problem]:
    """Credentials that the stack has made and would delete while their host stays: that deletion never ends."""
    cluster, namespace = tenant.cluster.name, tenant.cluster.namespace
    manifests = provider.permanent_objects(tenant)
    secrets = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == SECRET.name}
    hosts = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] != SECRET.name}
    losses = {name for owner, name, _ in objects_in_state(SECRET, before, namespace) if owner == cluster} - secrets
    for owner, name, host in objects_in_state(provider.host_kind, before, namespace):
        secret = provider.credentials_of(host)
        if owner == cluster and name in hosts and secret in losses:
            rule = (
                f"host {name} can't change from username and password to another Secret: its operator would keep "
                f"Secret {secret} for ever. Keep the two, or take the host out, run `up`, and declare it again"
            )
            yield Problem(path, rule, example=None)


def names_of(provider: Provider[Any, Any], tenant: Any) -> Iterator[str]:
    """Names of the hosts that a cluster's settings declare."""
    for manifest in provider.permanent_objects(tenant):
        if provider.host_kind and manifest["kind"] == provider.host_kind.name:
            yield str(manifest["metadata"]["name"])


def hosts_in_state(
    provider: Provider[Any, Any], before: Mapping[str, Any], cluster: str, namespace: str
) -> Iterator[str]:
    """Names of the hosts that a cluster's settings declared in the last state."""
    return (name for owner, name, _ in objects_in_state(provider.host_kind, before, namespace) if owner == cluster)


def objects_in_state(
    kind: Kind | None, before: Mapping[str, Any], namespace: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Objects of a namespace in the last state: the cluster whose settings declared each, its name, and its outputs."""
    version = (kind.api_version if "/" in kind.api_version else f"core/{kind.api_version}") if kind else ""
    for urn, resource in before.items():
        outputs = resource.get("outputs") or {}
        metadata = outputs.get("metadata") or {}
        owner = (metadata.get("labels") or {}).get(OWNER)
        if kind and f"$kubernetes:{version}:{kind.name}::" in urn and owner and metadata.get("namespace") == namespace:
            yield str(owner), str(metadata["name"]), outputs


def foreign_fields(api: Api, settings: StackSettings) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Fields of living hosts that a controller writes, by kind, namespace and name of each host.

    A stack sets them on a host that it creates. On a host that it adopts they belong to the controller: another value would
    be a conflict with it, and without a conflict would switch a server off under its machine.

    Args:
        api: the management cluster's.
        settings: the stack's settings.
    """
    fields_by_host: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for tenant in settings.clusters:
        provider, namespace = provider_of(tenant), tenant.cluster.namespace
        for name in names_of(provider, tenant):
            kind = provider.host_kind
            if kind and (fields := provider.foreign_fields.get(kind.name)) and lives(api, kind, namespace, name):
                fields_by_host[kind.name, namespace, name] = tuple(fields)
    return fields_by_host


def lives(api: Api, kind: Kind, namespace: str, name: str) -> bool:
    """Whether an object exists; True where it can't be read, since an API server refuses to create a part of it."""
    try:
        return Kube(api, namespace).find(kind, name) is not None
    except ApiError:
        return True


def busy(api: Api, provider: Provider[Any, Any], namespace: str, name: str) -> str:
    """The use of a host, in words; empty where it has none, or does not exist."""
    if provider.host_kind is None:
        return ""
    try:
        host = Kube(api, namespace).find(provider.host_kind, name)
    except ApiError as error:
        return f"can't be read ({error}), so a machine may be on it"
    occupant = provider.in_use(host) if host else ""
    return f"{occupant} is on" if occupant else ""
