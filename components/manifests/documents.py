"""All objects of a tenant cluster, as ``render`` prints them and the checks read them. Pure."""

from __future__ import annotations

from ..capi.manifest import Manifest
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from . import bootstrap, cluster, control_plane, workers


def documents(settings: TenantClusterSettings) -> list[Manifest]:
    """All manifests of a tenant cluster, in an order in which they can be applied."""
    provider = provider_of(settings)
    manifests = [
        cluster.namespace(settings),
        *provider.permanent_objects(settings),
        cluster.cluster(settings),
        provider.cluster(settings),
        control_plane.kamaji_control_plane(settings),
        *provider.shared_objects(settings),
    ]
    for pool in settings.worker_pools:
        manifests += [
            *provider.companions(settings, pool),
            provider.machine_template(settings, pool),
            bootstrap.bootstrap_secret(settings, pool),
            bootstrap.bootstrap_template(settings, pool),
            workers.machine_deployment(settings, pool),
            workers.machine_health_check(settings, pool),
        ]
    return [document for document in manifests if document is not None]
