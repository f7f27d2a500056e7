"""The settings of an infrastructure provider: where the machines of a cluster come from.

A cluster names its provider by the section that it has. A provider adds that section, its own keys of a pool, and the rules
and warnings about both. The objects that it makes of them are in ``providers``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .effects import EFFECTS, Effect
from .model import TenantClusterSettings
from .pools import WorkerPoolSettings
from .report import Problem
from .section import Section
from .text import UserDataCheck


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """The parts that a provider adds to the settings.

    Attributes:
        key: of its section in a cluster's settings.
        section: that section.
        tenant: settings of a tenant cluster with that section, under the attribute ``key``.
        pool: settings of a worker pool with the provider's own keys.
        user_data: refuses text that does not reach a machine as it is meant.
        problems: mistakes in its section; takes the path before the section and the cluster's settings.
        pool_problems: mistakes in a pool; takes the pool's path, the path before the section, the cluster and the pool.
        warnings: allowed values with consequences to know; takes the path before the section and the cluster's settings.
        effects: the effect that a change of its settings has on a living cluster, by key.
        kubelet_arguments: arguments of the kubelet that it sets itself, each with the setting that decides it.
        stack_problems: mistakes between the clusters of a stack that have its section; takes the path before each cluster's
            section, with the cluster's settings.
    """

    key: str
    section: type[Section]
    tenant: type[TenantClusterSettings]
    pool: type[WorkerPoolSettings]
    user_data: UserDataCheck
    problems: Callable[[str, Any], Iterator[Problem]]
    pool_problems: Callable[[str, str, Any, Any], Iterator[Problem]]
    warnings: Callable[[str, Any], Iterator[Problem]]
    effects: Mapping[str, Effect]
    kubelet_arguments: Mapping[str, str] = field(default_factory=dict)
    stack_problems: Callable[[Sequence[tuple[str, Any]]], Iterator[Problem]] = lambda _tenants: iter(())


class Registry:
    """The providers whose sections settings may have; the first is required where there is none."""

    def __init__(self) -> None:
        self._providers: dict[str, ProviderSettings] = {}

    def add(self, provider: ProviderSettings) -> None:
        """Add a provider.

        Raises:
            ValueError: another one has its key.
        """
        if self._providers.setdefault(provider.key, provider) is not provider:
            raise ValueError(f"two infrastructure providers have the section {provider.key}")
        EFFECTS.update(provider.effects)

    def remove(self, key: str) -> None:
        """Remove a provider."""
        provider = self._providers.pop(key)
        for row in provider.effects:
            EFFECTS.pop(row, None)

    def all(self) -> tuple[ProviderSettings, ...]:
        """All of them."""
        return tuple(self._providers.values())

    def keys(self) -> tuple[str, ...]:
        """The keys of their sections."""
        return tuple(self._providers)

    def of(self, tenant: TenantClusterSettings) -> ProviderSettings:
        """The provider of checked settings."""
        return self._providers[tenant.provider]

    def choose(self, keys: Collection[str]) -> ProviderSettings:
        """The provider whose section is among the keys; the first one where none is."""
        return next((provider for key, provider in self._providers.items() if key in keys), self.all()[0])
