"""The infrastructure providers of Cluster API that machines come from, each in its own module.

It chooses one of them by the section that a cluster's settings have. Their settings are in ``settings``, beside those of the
cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ..kube.objects import Kind
from ..settings.model import TenantClusterSettings
from ..settings.providers import PROVIDERS as SETTINGS
from .provider import EndpointOrigin, Provider

__all__ = [
    "EndpointOrigin",
    "Provider",
    "cluster_kinds",
    "dependents",
    "forget",
    "hosts",
    "identity",
    "provider_of",
    "register",
]

_providers: dict[str, Provider[Any, Any]] = {}


def register(provider: Provider[Any, Any]) -> None:
    """Let clusters choose a provider, by the section of its settings.

    Raises:
        ValueError: another one has its section.
    """
    SETTINGS.add(provider.settings)
    _providers[provider.settings.key] = provider


def forget(provider: Provider[Any, Any]) -> None:
    """Let no cluster choose a provider any longer."""
    SETTINGS.remove(provider.settings.key)
    _providers.pop(provider.settings.key, None)


def provider_of(tenant: TenantClusterSettings) -> Provider[Any, Any]:
    """The provider that a cluster's settings chose."""
    return _providers[tenant.provider]


def cluster_kinds() -> tuple[str, ...]:
    """The kinds of infrastructure clusters of all providers."""
    return tuple(provider.cluster_kind for provider in _providers.values())


def dependents(cluster_kind: str) -> list[Kind]:
    """The kinds of what goes with a Cluster whose infrastructure cluster is of a kind; none of an unknown one."""
    return [
        kind
        for provider in _providers.values()
        if provider.cluster_kind == cluster_kind
        for kind in provider.dependents
    ]


def hosts() -> dict[str, Provider[Any, Any]]:
    """The providers that have hosts, by the hosts' kind."""
    return {provider.host_kind.name: provider for provider in _providers.values() if provider.host_kind}


def identity(objects: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Values that can't change, or only with care, by the settings' keys, in a cluster's objects by kind."""
    values: dict[str, Any] = {}
    for provider in _providers.values():
        values |= provider.identity(objects.get(provider.cluster_kind, {}))
    return values


def _register_all() -> None:
    """Register the providers of this package: each module with ``PROVIDER`` is one."""
    for module in iter_modules(__path__, f"{__name__}."):
        if provider := getattr(import_module(module.name), "PROVIDER", None):
            register(provider)


_register_all()
