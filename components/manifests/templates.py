"""The templates of a pool's machines, also under names that somebody else chose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..capi.manifest import Manifest
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from .bootstrap import bootstrap_template


@dataclass(frozen=True)
class Templates:
    """The templates of a pool.

    Attributes:
        machines: the infrastructure provider's.
        bootstrap: how a machine becomes a node.
        companions: the objects that the machine template refers to.
    """

    machines: Manifest
    bootstrap: Manifest
    companions: tuple[Manifest, ...] = ()

    def under(self, names: Mapping[str, str]) -> Templates:
        """The same templates under other names, by kind, also in the references to companions."""
        companion_names = {
            str(companion["metadata"]["name"]): names[companion["kind"]]
            for companion in self.companions
            if companion["kind"] in names
        }
        machines = {**self.machines, "spec": with_texts(self.machines["spec"], companion_names)}
        return Templates(
            with_name(machines, names),
            with_name(self.bootstrap, names),
            tuple(with_name(companion, names) for companion in self.companions),
        )


def templates(
    tenant: TenantClusterSettings,
    pool: WorkerPoolSettings,
    names: Mapping[str, str] = MappingProxyType({}),
) -> Templates:
    """The templates of a pool.

    Args:
        tenant: settings of its cluster.
        pool: its own.
        names: names of templates, by kind, that are not named by their content.
    """
    provider = provider_of(tenant)
    machines, companions = provider.machine_template(tenant, pool), tuple(provider.companions(tenant, pool))
    return Templates(machines, bootstrap_template(tenant, pool), companions).under(names)


def with_name(manifest: Manifest, names: Mapping[str, str]) -> Manifest:
    """A manifest under the name for its kind, where there is one."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "name": names.get(manifest["kind"], metadata["name"])}}


def with_texts(value: Any, texts: Mapping[str, str]) -> Any:
    """A value with whole texts replaced by others. A name with a digest equals no other text by chance."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, Mapping):
        return {key: with_texts(item, texts) for key, item in value.items()}
    return [with_texts(item, texts) for item in value] if isinstance(value, list) else value


def counterparts(wish: Any, live: Any, texts: frozenset[str]) -> dict[str, str]:
    """The names that a live template has in the places where its manifest has these texts.

    >>> counterparts({"a": {"name": "x"}}, {"a": {"name": "y"}}, frozenset({"x"}))
    {'x': 'y'}
    """
    if isinstance(wish, str) and wish in texts:
        return {wish: live} if isinstance(live, str) else {}
    pairs: list[tuple[Any, Any]] = []
    if isinstance(wish, Mapping) and isinstance(live, Mapping):
        pairs = [(item, live.get(key)) for key, item in wish.items()]
    elif isinstance(wish, list) and isinstance(live, list):
        pairs = list(zip(wish, live, strict=False))
    names: dict[str, str] = {}
    for wish_item, live_item in pairs:
        names |= counterparts(wish_item, live_item, texts)
    return names
