"""What of a living cluster differs from the settings that are to take it into a stack, asked for before anything is written.

The engine applies manifest by manifest, and would stop amid them: with a part of a living cluster in its state, which a
destroy deletes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

from ..kube.client import Api, ApiError
from ..kube.objects import APPLY, Kind, Kube, dig, plural
from ..manifests.bootstrap import KIND as BOOTSTRAP
from ..manifests.documents import documents
from ..manifests.workers import machine_deployment
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from .living_cluster import of_cluster
from .template_names import template_differences, template_names, templates_of_other_names

MANAGER = "kamaji-equinix-import"
"""Manager of no field: what is asked is not kept."""


def obstacles(api: Api, tenant: TenantClusterSettings) -> Iterator[str]:
    """What keeps a cluster from being taken into a stack as it is: a line for each object.

    Raises:
        ApiError: the management cluster does not tell.
    """
    namespace = tenant.cluster.namespace
    answer = of_cluster(api, tenant.contract.core, namespace, tenant.cluster.name, "machinedeployments")
    if isinstance(answer, ApiError):
        raise answer
    deployments = {str(dig(one, "metadata", "name")): one for one in answer}
    keep = template_names(api, tenant, deployments)
    for pool in tenant.worker_pools:
        wish = machine_deployment(tenant, pool)
        name = str(wish["metadata"]["name"])
        others = [
            f"{template['kind']} {namespace}/{living} ({', '.join(template_differences(api, template, living))})"
            for template, living in templates_of_other_names(tenant, pool, deployments.get(name))
            if template["kind"] not in keep.get(name, {})
        ]
        if others:
            yield f"pool {pool.name}: its machines were made from other content than the settings make: {'; '.join(others)}"
        else:
            yield from refusals(api, machine_deployment(tenant, pool, templates=keep.get(name, {})))
    templates = {
        BOOTSTRAP,
        *(provider_of(tenant).machine_template(tenant, pool)["kind"] for pool in tenant.worker_pools),
    }
    for document in documents(tenant):
        if document["kind"] not in {"Namespace", "Secret", "MachineDeployment", *templates}:
            yield from refusals(api, document)


def refusals(api: Api, document: dict[str, object]) -> Iterator[str]:
    """Why an object can't be applied as it is declared; nothing where it can.

    Raises:
        ApiError: the management cluster does not tell.
    """
    metadata = dict(document["metadata"])  # type: ignore[call-overload]
    kind = Kind(str(document["apiVersion"]), str(document["kind"]), plural(str(document["kind"])))
    path = kind.path(metadata["namespace"], metadata["name"])
    kube = Kube(api, metadata["namespace"])
    if kube.find(kind, metadata["name"]) is None:
        return
    try:
        api.patch(
            f"{path}?{urlencode({'fieldManager': MANAGER, 'dryRun': 'All'})}", json.loads(json.dumps(document)), APPLY
        )
    except ApiError as error:
        if error.code not in (409, 422) and "admission webhook" not in error.message:
            raise
        yield f"{kind.name} {metadata['namespace']}/{metadata['name']}: {' '.join(error.message.split())}"
