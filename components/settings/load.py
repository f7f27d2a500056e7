"""From raw configuration values to settings. All mistakes are collected first; nothing is decided on half of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from . import model as model
from .addons import AddonSettings, NetworkPluginSettings
from .cluster import ClusterSettings
from .control_plane import ControlPlaneSettings
from .namespace import key_hint, misspelt, stack_key_hint
from .parse import ParseResult, SectionType, field_at, parse, plain
from .providers import PROVIDERS
from .report import NOTHING, Problem, SettingsError, below, steps_of
from .rules import cluster_problems, stack_problems
from .secrets import refusal, seal, secret_value_paths, whole_keys
from .text import USER_DATA
from .warnings import cluster_warnings, secret_warnings


def cluster_keys() -> tuple[str, ...]:
    """The keys of a cluster's settings, those of all infrastructure providers among them."""
    fields = model.TenantClusterSettings.model_fields.values()
    return (*(str(field.alias) for field in fields), *PROVIDERS.keys())


def stack_keys() -> tuple[str, ...]:
    """The keys of a stack's configuration."""
    return (*cluster_keys(), "clusters", "management")


class Loader:
    """Collects problems while it reads."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.wrong: set[str] = set()

    def section(
        self, kind: type[SectionType], path: str, value: Any, context: Mapping[str, Any] | None = None
    ) -> SectionType:
        """One section, with examples in the place of wrong values."""
        result = parse(kind, path, value, context)
        self.problems += [with_example(problem) if problem.path == path else problem for problem in result.problems]
        self.wrong |= result.wrong
        if result.model is None:
            # Every required field has a valid example, so this is the model's fault, not the user's.
            raise SettingsError([*self.problems, Problem(path, "can't be read")])
        return result.model

    def add(self, problems: Collection[Problem]) -> None:
        """Add the problems of rules between settings, except those of rules that used replaced values."""
        for problem in problems:
            looked_at = (problem.path, *problem.about)
            if not any(below(path, wrong) or below(wrong, path) for path in looked_at for wrong in self.wrong):
                self.problems.append(with_example(problem))

    def tenant(self, base: str, raw: Mapping[str, Any]) -> model.TenantClusterSettings:
        """One tenant cluster; ``base`` is its path with a dot, or empty."""
        provider = PROVIDERS.choose(raw.keys())
        tenant = provider.tenant(
            cluster=self.section(ClusterSettings, f"{base}cluster", raw.get("cluster", {})),
            control_plane=self.section(ControlPlaneSettings, f"{base}controlPlane", raw.get("controlPlane", {})),
            **{provider.key: self.section(provider.section, f"{base}{provider.key}", raw.get(provider.key, {}))},
            worker_pools=self.several(
                provider.pool,
                f"{base}workerPools",
                raw.get("workerPools", []),
                "pools",
                {USER_DATA: provider.user_data},
            ),
            network=self.section(NetworkPluginSettings, f"{base}network", raw.get("network", {})),
            addons=self.several(AddonSettings, f"{base}addons", raw.get("addons", []), "add-ons"),
            handoff=self.section(model.HandoffSettings, f"{base}handoff", raw.get("handoff", {})),
            capi=self.section(model.CapiSettings, f"{base}capi", raw.get("capi", {})),
        )
        for key in raw.keys() & {*PROVIDERS.keys()} - {provider.key}:
            rule = (
                f"can't be set beside {provider.key}: all machines of a cluster come from one infrastructure provider; "
                "leave one out"
            )
            self.add([Problem(f"{base}{key}", rule, example=None, about=(f"{base}{provider.key}",))])
        self.add(list(cluster_problems(base, tenant, provider)))
        return tenant

    def several(
        self, kind: type[SectionType], path: str, value: Any, noun: str, context: Mapping[str, Any] | None = None
    ) -> tuple[SectionType, ...]:
        """A list of sections, such as the worker pools."""
        if not isinstance(value, list | tuple):
            if isinstance(value, SecretStr):
                self.problems.append(Problem(path, refusal(path), example=None))
            else:
                self.problems.append(with_example(Problem(path, f"must be a list of {noun}", value)))
            self.wrong.add(path)
            return ()
        return tuple(self.section(kind, f"{path}[{index}]", item, context) for index, item in enumerate(value))


def load_stack(
    raw: Mapping[str, Any], secret_paths: Collection[str] = frozenset(), foreign_keys: Collection[str] = ()
) -> model.StackSettings:
    """Check a stack's configuration.

    Args:
        raw: decoded values by key, without the keys' namespace.
        secret_paths: paths of the values that are stored as secrets: a key such as ``management`` means all below it. Values
            that are pydantic's ``SecretStr`` are secrets anyway.
        foreign_keys: the configuration's keys of other namespaces, each with its namespace.

    Raises:
        SettingsError: with every mistake that was found.
    """
    if not isinstance(raw, Mapping):
        raise SettingsError([Problem("", "must be a map of sections such as cluster", raw)])
    for name, paths in (("secret_paths", secret_paths), ("foreign_keys", foreign_keys)):
        # A text is a collection of its letters, too: then nothing would be a secret.
        if (
            isinstance(paths, str)
            or not isinstance(paths, Collection)
            or not all(isinstance(text, str) for text in paths)
        ):
            raise SettingsError([Problem(f"argument {name}", "must be a collection of texts", example=None)])
    loader = Loader()
    keys_of_stack = stack_keys()
    # First, because a misspelt key causes other mistakes.
    loader.problems += misspelt(foreign_keys, keys_of_stack)
    result: ParseResult[Any] = ParseResult(None)
    values: dict[str, Any] = seal(plain(raw, "", result), "", secret_value_paths(secret_paths))
    whole = list(whole_keys(raw, secret_paths))
    loader.problems += result.problems + whole
    loader.problems += [Problem(key, stack_key_hint(key, keys_of_stack)) for key in values if key not in keys_of_stack]
    management = loader.section(model.ManagementSettings, "management", values.get("management", {}))
    if management.kubeconfig and management.kubeconfig_path:
        rule = "can't be set beside management.kubeconfig; leave one out"
        loader.add([Problem("management.kubeconfigPath", rule, example=None)])
    tenants, bases = [], []
    for base, item, tenant_raw in tenant_values(loader, values):
        bases.append(base)
        before = len(loader.problems)
        tenants.append(loader.tenant(base, tenant_raw))
        loader.problems[before:] = [at_origin(problem, base, item, values) for problem in loader.problems[before:]]
    loader.add(list(stack_problems(tenants)))
    for provider in PROVIDERS.all():
        members = [pair for pair in zip(bases, tenants, strict=True) if PROVIDERS.of(pair[1]) is provider]
        loader.add(list(provider.stack_problems(members)))
    # A problem of a whole key is not repeated for each value below it.
    keys = [problem.path for problem in whole]
    loader.problems = [
        problem for problem in loader.problems if problem in whole or not any(below(problem.path, key) for key in keys)
    ]
    if loader.problems:
        # Shared defaults are checked once for each cluster, and reported once.
        raise SettingsError({str(problem): problem for problem in loader.problems}.values())
    warnings = [warning for index, tenant in enumerate(tenants) for warning in warnings_of(values, index, tenant)]
    section = values.get("management")
    warnings += secret_warnings(section.get("kubeconfig") if isinstance(section, dict) else None)
    return model.StackSettings(clusters=tuple(tenants), management=management, warnings=tuple(warnings))


def warnings_of(raw: Mapping[str, Any], index: int, tenant: model.TenantClusterSettings) -> list[Problem]:
    """The warnings of one cluster, with their paths in the configuration."""
    provider = PROVIDERS.of(tenant)
    if "clusters" not in raw:
        return list(cluster_warnings("", tenant, provider))
    base = f"clusters[{index}]."
    return [
        at_origin(warning, base, raw["clusters"][index], raw) for warning in cluster_warnings(base, tenant, provider)
    ]


def tenant_values(loader: Loader, raw: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The path of each tenant cluster, its own values, and these merged over the shared defaults.

    In a stack with ``clusters``, the other keys are defaults of them all.
    """
    if "clusters" not in raw:
        return [("", raw, raw)]
    items = raw["clusters"]
    if not isinstance(items, list) or not items:
        loader.problems.append(
            Problem(
                "clusters", "must be a list of at least one cluster", items, [{"cluster": {"name": "capi-quickstart"}}]
            )
        )
        return []
    keys, providers = cluster_keys(), set(PROVIDERS.keys())
    defaults = {key: raw[key] for key in keys if key in raw}
    tenants: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
    for index, item in enumerate(items):
        base = f"clusters[{index}]"
        if not isinstance(item, dict):
            loader.problems.append(
                Problem(
                    base, "must be a map with the keys of a cluster", item, {"cluster": {"name": "capi-quickstart"}}
                )
            )
            loader.wrong.add(base)
            continue
        loader.problems += [Problem(f"{base}.{key}", key_hint(key, keys)) for key in item if key not in keys]
        # The section of another provider in the defaults is not for a cluster that has its own.
        foreign_sections = providers - item.keys() if providers & item.keys() else set()
        mine = {key: value for key, value in defaults.items() if key not in foreign_sections}
        tenants.append((f"{base}.", item, merge(mine, item)))
    return tenants


def merge(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Own values over defaults: maps merge, anything else replaces.

    >>> merge({"a": {"x": 1, "y": 1}, "b": [1]}, {"a": {"y": 2}, "b": [2]})
    {'a': {'x': 1, 'y': 2}, 'b': [2]}
    """
    result = dict(defaults)
    for key, value in values.items():
        default = result.get(key)
        are_maps = isinstance(value, Mapping) and isinstance(default, Mapping)
        result[key] = merge(default, value) if are_maps and default is not None else value
    return result


def at_origin(problem: Problem, base: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Problem:
    """The problem at the shared key that its value comes from, where the cluster itself doesn't give it."""
    if not base or not problem.path.startswith(base):
        return problem
    path = problem.path.removeprefix(base)
    mine: Any = values
    common: Any = defaults
    for step in steps_of(path):
        mine, common = child(mine, step), child(common, step)
    return replace(problem, path=path) if mine is NOTHING and common is not NOTHING else problem


def with_example(problem: Problem) -> Problem:
    """The problem with its field's example, if it has no better one and the example isn't the present value."""
    if problem.example is not NOTHING:
        return problem
    if problem.path == "management":
        return replace(problem, example={"kubeconfigPath": "kubeconfig"})
    steps = tuple(steps_of(problem.path))
    if steps[:1] == ("clusters",):
        steps = steps[2:]
    place = tuple(step for step in steps if not step.isdigit())
    fields = (field_at(provider.tenant, place) for provider in PROVIDERS.all())
    _, field = max(fields, key=lambda pair: len(pair[0]))
    if field is None or not field.examples or field.examples[0] == problem.value:
        return problem
    example = field.examples[0]
    example = example[0] if isinstance(example, list) and problem.path.endswith("]") else example
    return problem if example == problem.value else replace(problem, example=example)


def child(value: Any, step: str) -> Any:
    """The value one step deeper, NOTHING where there is none."""
    if isinstance(value, Mapping):
        return value.get(step, NOTHING)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return NOTHING
