"""Whether a stack can adopt living clusters, checked before the engine writes anything."""

from __future__ import annotations

from ..components.checks.adoption import obstacles
from ..components.kube.client import Api, ApiError
from ..components.kube.objects import Kind, Kube
from ..components.settings.model import StackSettings
from .errors import ConfigurationError, PreflightFailed


def require_alike(settings: StackSettings, api: Api, stack: str) -> None:
    """Check that the clusters exist, and that they match the settings.

    Args:
        settings: the stack's settings.
        api: the management cluster's.
        stack: the stack's name.

    Raises:
        ConfigurationError: a cluster does not exist, or differs.
        PreflightFailed: they can't be read.
    """
    for tenant in settings.clusters:
        name, namespace = tenant.cluster.name, tenant.cluster.namespace
        try:
            cluster_object = Kube(api, namespace).find(Kind(tenant.contract.core, "Cluster", "clusters"), name)
        except ApiError as error:
            raise PreflightFailed(f"Cluster {namespace}/{name} can't be read: {error}", stack=stack) from error
        if cluster_object is None:
            raise ConfigurationError(
                f"there is no Cluster {namespace}/{name} to import in {api.access.server}; `up` creates it", stack=stack
            )
    try:
        differences = [line for tenant in settings.clusters for line in obstacles(api, tenant)]
    except ApiError as error:
        raise PreflightFailed(
            f"the living objects can't be compared with the settings: {error}", stack=stack
        ) from error
    if differences:
        raise ConfigurationError(
            "the living objects differ from the settings, so nothing was imported or changed:\n- "
            + "\n- ".join(differences)
            + "\nWrite the living values into the configuration, or change the living objects; then import again",
            problems=differences,
            stack=stack,
        )
