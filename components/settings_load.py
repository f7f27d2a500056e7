"""From raw configuration values to settings: sections are checked one by one, so that one mistake hides no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import pydantic

from . import settings as model
from .settings_report import NOTHING, Problem, SettingsError, nearest, problems_of
from .settings_rules import cluster_problems, cluster_warnings, stack_problems

CLUSTER_KEYS = ("cluster", "controlPlane", "metal", "workerPools", "handoff", "capi")
STACK_KEYS = (*CLUSTER_KEYS, "clusters", "management")

SectionType = TypeVar("SectionType", bound=pydantic.BaseModel)


class Loader:
    """Collects problems while it reads."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def section(self, kind: type[SectionType], path: str, value: Any) -> SectionType | None:
        """One section, None where it has mistakes."""
        if not isinstance(value, Mapping):
            self.problems.append(Problem(path, "must be a map of settings", value))
            return None
        try:
            return kind.model_validate(dict(value))
        except pydantic.ValidationError as error:
            self.problems += problems_of(path, kind, error)
            return None

    def tenant(self, base: str, raw: Mapping[str, Any]) -> model.TenantClusterSettings | None:
        """One tenant cluster, None where it has mistakes; ``base`` is its path with a dot, or empty."""
        cluster = self.required(model.ClusterSettings, base, "cluster", raw)
        metal = self.required(model.MetalSettings, base, "metal", raw)
        control_plane = self.section(model.ControlPlaneSettings, f"{base}controlPlane", raw.get("controlPlane", {}))
        handoff = self.section(model.HandoffSettings, f"{base}handoff", raw.get("handoff", {}))
        capi = self.section(model.CapiSettings, f"{base}capi", raw.get("capi", {}))
        pools = self.pools(f"{base}workerPools", raw.get("workerPools", []))
        self.problems += cluster_problems(base, cluster, control_plane, metal, pools)
        whole = [pool for pool in pools if pool is not None]
        if not (cluster and metal and control_plane and handoff and capi) or len(whole) != len(pools):
            return None
        return model.TenantClusterSettings(
            cluster=cluster,
            control_plane=control_plane,
            metal=metal,
            worker_pools=tuple(whole),
            handoff=handoff,
            capi=capi,
        )

    def required(self, kind: type[SectionType], base: str, key: str, raw: Mapping[str, Any]) -> SectionType | None:
        """A section without which there is no cluster."""
        return self.section(kind, f"{base}{key}", raw.get(key, {}))

    def pools(self, path: str, value: Any) -> list[model.WorkerPoolSettings | None]:
        """The worker pools, None in the place of one with mistakes."""
        if not isinstance(value, list | tuple):
            self.problems.append(Problem(path, "must be a list of pools", value))
            return [None]
        return [self.section(model.WorkerPoolSettings, f"{path}[{index}]", pool) for index, pool in enumerate(value)]


def load(raw: Mapping[str, Any], secret_paths: Collection[str]) -> model.StackSettings:
    """See ``settings.load_stack``."""
    loader = Loader()
    for key in raw:
        if key not in STACK_KEYS:
            loader.problems.append(Problem(str(key), nearest(str(key), STACK_KEYS)))
    management = loader.section(model.ManagementSettings, "management", raw.get("management", {}))
    if management and management.kubeconfig and management.kubeconfig_path:
        loader.problems.append(Problem("management", "kubeconfig and kubeconfigPath exclude each other"))
    tenants = [loader.tenant(base, values) for base, values in tenant_values(loader, raw)]
    whole = tuple(tenant for tenant in tenants if tenant is not None)
    loader.problems += stack_problems(whole)
    if loader.problems or management is None:
        raise SettingsError(loader.problems)
    warnings = [warning for tenant in whole for warning in cluster_warnings(tenant)]
    if management.kubeconfig and "management" not in secret_paths:
        warnings.append(
            Problem(
                "management.kubeconfig",
                "is stored in clear; `pulumi config set --path --secret 'kamaji-equinix:management.kubeconfig' < FILE` "
                "stores it as a secret, and the old one should be replaced",
                NOTHING,
            )
        )
    return model.StackSettings(clusters=whole, management=management, warnings=tuple(warnings))


def tenant_values(loader: Loader, raw: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The values of each tenant cluster with the path that they lie at.

    In a stack with ``clusters``, the other keys are defaults of them all.
    """
    if "clusters" not in raw:
        return [("", raw)]
    items = raw["clusters"]
    if not isinstance(items, list | tuple) or not items:
        loader.problems.append(Problem("clusters", "must be a list of at least one cluster", items))
        return []
    defaults = {key: raw[key] for key in CLUSTER_KEYS if key in raw}
    found: list[tuple[str, Mapping[str, Any]]] = []
    for index, item in enumerate(items):
        base = f"clusters[{index}]"
        if not isinstance(item, Mapping):
            loader.problems.append(Problem(base, "must be a map with the keys of a cluster", item))
            continue
        for key in item:
            if key not in CLUSTER_KEYS:
                loader.problems.append(Problem(f"{base}.{key}", nearest(str(key), CLUSTER_KEYS)))
        found.append((f"{base}.", merged(defaults, item)))
    return found


def merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Own values over defaults: maps merge, anything else replaces."""
    result = dict(defaults)
    for key, value in own.items():
        inherited = result.get(key)
        both = isinstance(value, Mapping) and isinstance(inherited, Mapping)
        result[key] = merged(inherited, value) if both and inherited is not None else value
    return result
