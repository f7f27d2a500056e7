"""Templates of a living pool that hold what its settings ask for, under another name: as in a cluster that ``kubectl`` made.

Templates are named by their content, so another name is another content, which rolls the pool's machines. Where a living
MachineDeployment names a template whose content is the very same, that one is declared under its own name instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kube.client import Api, ApiError
from ..kube.objects import Json, Kind, Kube, dig, plural
from ..manifests.bootstrap import bootstrap_template
from ..manifests.workers import machine_deployment
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings

REFERENCES = (("infrastructureRef",), ("bootstrap", "configRef"))


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
        for wish, living in templates_of_other_names(tenant, pool, deployments.get(name)):
            if not template_differences(api, wish, living):
                names.setdefault(name, {})[wish["kind"]] = living
    return names


def templates_of_other_names(
    tenant: TenantClusterSettings, pool: WorkerPoolSettings, deployment: Json | None
) -> Iterator[tuple[dict[str, Any], str]]:
    """A pool's templates whose names are not those of the living MachineDeployment, each with that name."""
    wishes = provider_of(tenant).machine_template(tenant, pool), bootstrap_template(tenant, pool)
    for wish, path in zip(wishes, REFERENCES, strict=True):
        reference = dig(deployment, "spec", "template", "spec", *path)
        name = dig(reference, "name")
        if name and dig(reference, "kind") == wish["kind"] and name != wish["metadata"]["name"]:
            yield wish, str(name)


def template_differences(api: Api, wish: Mapping[str, Any], name: str) -> list[str]:
    """Where a living template differs from one that is asked for, as paths; empty where it does not.

    The API server is asked what it would make of the latter, because webhooks and schemas fill in what was left out.

    Args:
        api: the management cluster's.
        wish: the template's manifest, under a name of its own.
        name: of the living one.

    Raises:
        ApiError: the management cluster does not tell.
    """
    kube = Kube(api, wish["metadata"]["namespace"])
    kind = Kind(wish["apiVersion"], wish["kind"], plural(wish["kind"]))
    living = kube.find(kind, name)
    if living is None:
        return ["it does not exist"]
    try:
        result = api.post(f"{kind.path(kube.namespace)}?dryRun=All", wish)
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
        result = kube.get(kind, wish["metadata"]["name"])
    return list(paths(living.get("spec"), result.get("spec"), "spec"))


def paths(one: Any, other: Any, path: str) -> Iterator[str]:
    """Where two values differ. What is there is not told: it may be a secret."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from paths(one.get(key), other.get(key), f"{path}.{key}")
    elif one != other:
        yield path
