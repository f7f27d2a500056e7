"""Differences between a living cluster and the settings that are to adopt it, checked before anything is written.

The engine applies manifest by manifest, and would stop in the middle: with a part of a living cluster in its state, which a
destroy deletes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from ..capi.manifest import POOL_LABEL, Manifest, without
from ..kube.client import Api, ApiError
from ..kube.objects import APPLY, Kube, dig
from ..manifests.documents import documents
from ..manifests.templates import templates
from ..manifests.workers import machine_deployment
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from .living_cluster import of_cluster
from .template_names import comparisons, kind_of, names_of_equals

MANAGER = "kamaji-equinix-import"
"""Manager of no field, because dry-runs store nothing."""


def obstacles(api: Api, tenant: TenantClusterSettings) -> Iterator[str]:
    """Reasons why a stack can't adopt a cluster as it is: a line for each object.

    Raises:
        ApiError: the management cluster does not tell.
    """
    namespace = tenant.cluster.namespace
    answer = of_cluster(api, tenant.contract.core, namespace, tenant.cluster.name, "machinedeployments")
    if isinstance(answer, ApiError):
        raise answer
    deployments = {str(dig(item, "metadata", "name")): item for item in answer}
    for pool in tenant.worker_pools:
        name = machine_deployment(tenant, pool)["metadata"]["name"]
        pool_comparisons = list(comparisons(api, tenant, pool, deployments.get(name)))
        if differences := [line for comparison in pool_comparisons for line in comparison.differences]:
            yield (
                f"pool {pool.name}: its machines were made from other content than the settings make: "
                f"{'; '.join(differences)}"
            )
        else:
            yield from refusals(api, machine_deployment(tenant, pool, templates=names_of_equals(pool_comparisons)))
    provider = provider_of(tenant)
    for document in beside_pools(tenant):
        for path in provider.foreign_fields.get(document["kind"], ()):
            document = without(document, path)
        yield from refusals(api, document)


def beside_pools(tenant: TenantClusterSettings) -> Iterator[Manifest]:
    """A cluster's manifests without its namespace and the objects of its pools, which are compared by content."""
    pool_kinds = {"Namespace", "MachineDeployment"}
    for pool in tenant.worker_pools:
        pool_templates = templates(tenant, pool)
        pool_kinds |= {
            template["kind"]
            for template in (pool_templates.machines, pool_templates.bootstrap, *pool_templates.companions)
        }
    for document in documents(tenant):
        of_pool = POOL_LABEL in document["metadata"].get("labels", {})
        if document["kind"] not in pool_kinds and not (document["kind"] == "Secret" and of_pool):
            yield document


def refusals(api: Api, document: Manifest) -> Iterator[str]:
    """Why an object can't be applied as it is declared; nothing where it can.

    Raises:
        ApiError: the management cluster does not tell.
    """
    metadata, kind = document["metadata"], kind_of(document)
    path = kind.path(metadata["namespace"], metadata["name"])
    if Kube(api, metadata["namespace"]).find(kind, metadata["name"]) is None:
        return
    try:
        api.patch(f"{path}?{urlencode({'fieldManager': MANAGER, 'dryRun': 'All'})}", request_body(document), APPLY)
    except ApiError as error:
        if error.code not in (409, 422) and "admission webhook" not in error.message:
            raise
        yield f"{kind.name} {metadata['namespace']}/{metadata['name']}: {' '.join(error.message.split())}"


def request_body(document: Manifest) -> Any:
    """A manifest as JSON, a Secret as an API server takes it: its refusals name fields, but no values."""
    body = document
    if document["kind"] == "Secret":
        texts = {key: text.get_secret_value() for key, text in document["data"].items()}
        body = {**document, "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}}
    return json.loads(json.dumps(body))
