"""Templates of a living pool that hold what its settings ask for, under another name: as in a cluster that ``kubectl`` made.

Templates are named by their content, so another name is another content, which rolls the pool's machines. Where a living
MachineDeployment names a template whose content is the very same, that one is declared under its own name instead. What a
machine template refers to belongs to its content, and is kept or made anew with it.
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
    """A template under another name than the settings give it, with what it refers to, and what the settings make.

    Attributes:
        names: names of what lives, by kind.
        differences: what differs: an object for each line, with its fields.
    """

    names: Mapping[str, str]
    differences: tuple[str, ...]


def template_names(
    api: Api, tenant: TenantClusterSettings, deployments: Mapping[str, Json]
) -> dict[str, dict[str, str]]:
    """Names of the templates to keep, by kind, by the name of each pool's MachineDeployment that has such.

    Args:
        api: the management cluster's.
        tenant: the cluster's settings.
        deployments: its living MachineDeployments by name.

    Raises:
        ApiError: the management cluster does not tell; to go on would roll machines of a pool that has such templates.
    """
    names: dict[str, dict[str, str]] = {}
    for pool in tenant.worker_pools:
        name = str(machine_deployment(tenant, pool)["metadata"]["name"])
        if kept := names_of_equals(comparisons(api, tenant, pool, deployments.get(name))):
            names[name] = kept
    return names


def names_of_equals(compared: Iterable[Comparison]) -> dict[str, str]:
    """Names of templates to keep, by kind."""
    return {kind: name for one in compared if not one.differences for kind, name in one.names.items()}


def comparisons(
    api: Api, tenant: TenantClusterSettings, pool: WorkerPoolSettings, deployment: Json | None
) -> Iterator[Comparison]:
    """Compare the templates of a pool whose names are not those of the living MachineDeployment.

    Args:
        api: the management cluster's.
        tenant: the cluster's settings.
        pool: the pool's.
        deployment: its living MachineDeployment; nothing is compared where there is none.

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
        compared = (*under.companions, under.machines) if template is wish.machines else (under.bootstrap,)
        fields = [(one, template_differences(kube, one)) for one in compared]
        lines = (
            f"{one['kind']} {kube.namespace}/{one['metadata']['name']} ({', '.join(some)})"
            for one, some in fields
            if some
        )
        yield Comparison(names, tuple(lines))


def companions_of(kube: Kube, wish: Templates, name: str) -> dict[str, str]:
    """Names of what a living machine template refers to, by kind, in place of what the settings make.

    Raises:
        ApiError: the management cluster does not tell.
    """
    kinds = {str(one["metadata"]["name"]): str(one["kind"]) for one in wish.companions}
    if not kinds:
        return {}
    living = kube.find(kind_of(wish.machines), name)
    found = counterparts(wish.machines["spec"], dig(living, "spec"), frozenset(kinds))
    return {kinds[made]: other for made, other in found.items()}


def template_differences(kube: Kube, wish: Mapping[str, Any]) -> list[str]:
    """Where a living template differs from what is asked for under its name, as paths; empty where it does not.

    The API server is asked what it would make of the latter, because webhooks and schemas fill in what was left out.

    Args:
        kube: the template's namespace.
        wish: the template's manifest.

    Raises:
        ApiError: the management cluster does not tell.
    """
    kind, metadata = kind_of(wish), wish["metadata"]
    living = kube.find(kind, metadata["name"])
    if living is None:
        return ["it does not exist"]
    # A dry-run of a new object: under another name than the living one's.
    sample = {**wish, "metadata": {**metadata, "name": f"{metadata['name']}-sample"}}
    result = kube.api.post(f"{kind.path(kube.namespace)}?dryRun=All", sample)
    return list(paths(living.get("spec"), result.get("spec"), "spec"))


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of a manifest."""
    return Kind(manifest["apiVersion"], manifest["kind"], plural(manifest["kind"]))


def paths(one: Any, other: Any, path: str) -> Iterator[str]:
    """Where two values differ. What is there is not told: it may be a secret."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from paths(one.get(key), other.get(key), f"{path}.{key}")
    elif one != other:
        yield path
