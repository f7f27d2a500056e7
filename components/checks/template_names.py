"""Templates of a living pool that have the content of its settings under another name, as in a cluster that ``kubectl`` made.

Templates are named by their content, so another name means another content, which rolls the pool's machines. Where a live
MachineDeployment names a template of the very same content, that template is declared under its name instead. The objects
that a machine template refers to belong to its content, and are kept or created again with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..kube.client import Api
from ..kube.objects import Json, Kind, Kube, dig, plural
from ..manifests.templates import Templates, counterparts, templates
from ..manifests.workers import machine_deployment
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings

MACHINES, BOOTSTRAP = ("infrastructureRef",), ("bootstrap", "configRef")
"""Where a MachineDeployment's machines name their templates."""


@dataclass(frozen=True)
class Comparison:
    """A live template under another name than the settings give it, with what it refers to, compared with the settings.

    Attributes:
        names: names of the live objects, by kind.
        differences: a line for each object that differs, with its fields.
    """

    names: Mapping[str, str]
    differences: tuple[str, ...]


def template_names(
    api: Api, tenant: TenantClusterSettings, deployments: Mapping[str, Json]
) -> dict[str, dict[str, str]]:
    """Names of the templates to keep, by kind, by the name of each MachineDeployment that has any.

    Args:
        api: the management cluster's.
        tenant: the cluster's settings.
        deployments: its live MachineDeployments by name.

    Raises:
        ApiError: the management cluster does not tell; to go on would roll machines of a pool that has such templates.
    """
    names: dict[str, dict[str, str]] = {}
    for pool in tenant.worker_pools:
        name = str(machine_deployment(tenant, pool)["metadata"]["name"])
        if pool_names := names_of_equals(comparisons(api, tenant, pool, deployments.get(name))):
            names[name] = pool_names
    return names


def names_of_equals(pool_comparisons: Iterable[Comparison]) -> dict[str, str]:
    """Names of templates to keep, by kind."""
    return {
        kind: name
        for comparison in pool_comparisons
        if not comparison.differences
        for kind, name in comparison.names.items()
    }


def comparisons(
    api: Api, tenant: TenantClusterSettings, pool: WorkerPoolSettings, deployment: Json | None
) -> Iterator[Comparison]:
    """Compare the templates of a pool that have other names in the live MachineDeployment.

    Args:
        api: the management cluster's.
        tenant: the cluster's settings.
        pool: the pool's.
        deployment: its live MachineDeployment; nothing is compared where there is none.

    Raises:
        ApiError: the management cluster does not tell.
    """
    wish = templates(tenant, pool)
    for template, path in ((wish.machines, MACHINES), (wish.bootstrap, BOOTSTRAP)):
        reference = dig(deployment, "spec", "template", "spec", *path)
        name = str(dig(reference, "name") or "")
        if not name or dig(reference, "kind") != template["kind"] or name == template["metadata"]["name"]:
            continue
        kube = Kube(api, template["metadata"]["namespace"])
        names = {template["kind"]: name, **(companions_of(kube, wish, name) if template is wish.machines else {})}
        under = wish.under(names)
        manifests = (*under.companions, under.machines) if template is wish.machines else (under.bootstrap,)
        fields = [(manifest, template_differences(kube, manifest)) for manifest in manifests]
        lines = (
            f"{manifest['kind']} {kube.namespace}/{manifest['metadata']['name']} ({', '.join(differences)})"
            for manifest, differences in fields
            if differences
        )
        yield Comparison(names, tuple(lines))


def companions_of(kube: Kube, wish: Templates, name: str) -> dict[str, str]:
    """Names of the objects that a live machine template refers to, by kind.

    Raises:
        ApiError: the management cluster does not tell.
    """
    kinds = {str(manifest["metadata"]["name"]): str(manifest["kind"]) for manifest in wish.companions}
    if not kinds:
        return {}
    machine_template = kube.find(kind_of(wish.machines), name)
    live_names = counterparts(wish.machines["spec"], dig(machine_template, "spec"), frozenset(kinds))
    return {kinds[new_name]: live_name for new_name, live_name in live_names.items()}


def template_differences(kube: Kube, wish: Mapping[str, Any]) -> list[str]:
    """Where a live template differs from its manifest, as paths; empty where it does not.

    A dry-run returns what the API server would make of the manifest, because webhooks and schemas fill in defaults.

    Args:
        kube: the template's namespace.
        wish: the template's manifest.

    Raises:
        ApiError: the management cluster does not tell.
    """
    kind, metadata = kind_of(wish), wish["metadata"]
    template = kube.find(kind, metadata["name"])
    if template is None:
        return ["it does not exist"]
    # A dry-run creates a new object, so it needs another name than the live one.
    sample = {**wish, "metadata": {**metadata, "name": f"{metadata['name']}-sample"}}
    result = kube.api.post(f"{kind.path(kube.namespace)}?dryRun=All", sample)
    return list(paths(template.get("spec"), result.get("spec"), "spec"))


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of a manifest."""
    return Kind(manifest["apiVersion"], manifest["kind"], plural(manifest["kind"]))


def paths(first: Any, second: Any, path: str) -> Iterator[str]:
    """Where two values differ. The values themselves are not shown: they may be secret."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in sorted({*first, *second}):
            yield from paths(first.get(key), second.get(key), f"{path}.{key}")
    elif first != second:
        yield path
