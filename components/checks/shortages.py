"""What living objects lack that a stack's settings refer to, and that belong to somebody else."""

from __future__ import annotations

from collections.abc import Sequence

from ..kube.client import Api, ApiError
from ..kube.objects import Json, Kind, Kube
from ..providers import provider_of
from ..settings.model import TenantClusterSettings


def shortages(api: Api, clusters: Sequence[TenantClusterSettings]) -> list[str]:
    """A line for each shortage; one that says so where an object could not be read.

    Args:
        api: the management cluster's.
        clusters: the settings of all clusters of a stack.
    """

    def look(namespace: str, kind: Kind) -> Sequence[Json]:
        return Kube(api, namespace).items(kind, {})

    lines: list[str] = []
    for provider in {id(provider): provider for provider in map(provider_of, clusters)}.values():
        tenants = [tenant for tenant in clusters if provider_of(tenant) is provider]
        try:
            lines += provider.shortages(tenants, look)
        except ApiError as error:
            lines.append(f"it is not known whether the settings refer to objects that lack something: {error}")
    return lines
