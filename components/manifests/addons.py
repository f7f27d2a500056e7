"""The add-ons of a tenant cluster, as Helm releases and plain objects. Pure.

The address of the API server may be values of the engine that are not known yet: they are passed on unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..providers import provider_of
from ..settings.addons import AddonSettings
from ..settings.load import merge
from ..settings.model import TenantClusterSettings
from .network_plugins import PLUGINS


@dataclass(frozen=True, kw_only=True)
class Addon:
    """An add-on of a tenant cluster: a chart, or manifests.

    Attributes:
        name: its name among the cluster's add-ons, and that of the chart's release.
        namespace: where it goes.
        create_namespace: whether the namespace is made, too.
        chart: name, folder or oci:// address; empty for manifests.
        repository: the chart's repository; empty where the chart needs none.
        version: the chart's version.
        username: user of the repository; for a registry it is not used (pulumi-kubernetes issue 1914).
        password: that user's password, a ``SecretStr`` or None.
        plain_http: whether the registry speaks no TLS.
        values: the chart's values, with ``SecretStr`` for secrets.
        files: manifests: files, folders, patterns and addresses.
        objects: manifests.
        waits: whether its workloads are waited for, which takes nodes.
        seconds: how long its objects are waited for.
        is_required: whether the cluster is ready only once its workloads run, though the engine may not wait for them.
    """

    name: str
    namespace: str = "default"
    create_namespace: bool = False
    chart: str = ""
    repository: str = ""
    version: str = ""
    username: str = ""
    password: Any = None
    plain_http: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    waits: bool = False
    seconds: int = 600
    is_required: bool = False

    @property
    def origin(self) -> str:
        """Its content and its source, in words."""
        content = f"chart {self.chart} {self.version}".rstrip() if self.chart else "manifests"
        return f"{content} of {self.repository}" if self.repository else content


def network_plugin(settings: TenantClusterSettings, host: Any, port: Any) -> Addon | None:
    """The network plugin; None where this program installs none.

    The run does not wait for it: its pods need nodes, which come later.

    Args:
        settings: the tenant cluster's settings.
        host: host of its API server, as nodes reach it.
        port: port of its API server, as text.
    """
    network = settings.network
    plugin = PLUGINS.get(network.plugin)
    if plugin is None:
        return None
    repository = network.repository or plugin.repository
    registry = repository.startswith("oci://")
    return Addon(
        name=network.plugin,
        namespace=plugin.namespace,
        create_namespace=plugin.namespace != "kube-system",
        chart=f"{repository.rstrip('/')}/{plugin.chart}" if registry else plugin.chart,
        repository="" if registry else repository,
        version=network.version or plugin.version,
        values=merge(plugin.values(settings, host, port), network.values),
        is_required=settings.least_machines > 0,
    )


def cloud_controller(settings: TenantClusterSettings, infrastructure: Mapping[str, Any]) -> Addon | None:
    """The cloud controller of the infrastructure's provider; None where this program installs none.

    Args:
        settings: the tenant cluster's settings.
        infrastructure: fields of the infrastructure cluster's spec that other resources give.
    """
    objects = provider_of(settings).cloud_controller(settings, infrastructure)
    if not objects:
        return None
    return Addon(name="cloud-controller", objects=tuple(objects), is_required=settings.least_machines > 0)


def addons_of(settings: TenantClusterSettings) -> list[Addon]:
    """The add-ons that the settings list, in their order."""
    return [of_settings(addon, settings.least_machines > 0) for addon in settings.addons]


def of_settings(addon: AddonSettings, machines: bool) -> Addon:
    """One add-on of the settings.

    Args:
        addon: its settings.
        machines: whether the stack asks for machines; without any, its workloads never run.
    """
    return Addon(
        name=addon.name,
        namespace=addon.namespace or "default",
        create_namespace=addon.create_namespace,
        chart=addon.chart or "",
        repository=addon.repository or "",
        version=addon.version or "",
        username=addon.username or "",
        password=addon.password,
        plain_http=addon.plain_http,
        values=addon.values,
        files=addon.files,
        objects=addon.objects,
        waits=addon.wait and machines,
        is_required=addon.wait and machines,
        seconds=addon.timeout_seconds,
    )
