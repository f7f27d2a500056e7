"""The Pulumi program: settings, manifests, component resources, the hand-off and the status tree.

The names for other programs are loaded on first use, so that the import of the package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .endpoint import ControlPlaneEndpoint, ControlPlaneEndpointArgs
    from .manifests.addons import Addon
    from .resources.addons import AddOn, AddOnArgs
    from .resources.infrastructure import InfrastructureCluster, InfrastructureClusterArgs
    from .resources.tenant_cluster import TenantCluster, TenantClusterArgs
    from .resources.tenant_control_plane import TenantControlPlane, TenantControlPlaneArgs
    from .resources.worker_pool import WorkerPool, WorkerPoolArgs
    from .settings.load import load_stack
    from .settings.model import StackSettings, TenantClusterSettings
    from .settings.report import SettingsError

__all__ = [
    "AddOn",
    "AddOnArgs",
    "Addon",
    "ControlPlaneEndpoint",
    "ControlPlaneEndpointArgs",
    "InfrastructureCluster",
    "InfrastructureClusterArgs",
    "SettingsError",
    "StackSettings",
    "TenantCluster",
    "TenantClusterArgs",
    "TenantClusterSettings",
    "TenantControlPlane",
    "TenantControlPlaneArgs",
    "WorkerPool",
    "WorkerPoolArgs",
    "load_stack",
]

_MODULES = {
    "endpoint": ("ControlPlaneEndpoint", "ControlPlaneEndpointArgs"),
    "manifests.addons": ("Addon",),
    "resources.addons": ("AddOn", "AddOnArgs"),
    "resources.infrastructure": ("InfrastructureCluster", "InfrastructureClusterArgs"),
    "resources.tenant_cluster": ("TenantCluster", "TenantClusterArgs"),
    "resources.tenant_control_plane": ("TenantControlPlane", "TenantControlPlaneArgs"),
    "resources.worker_pool": ("WorkerPool", "WorkerPoolArgs"),
    "settings.load": ("load_stack",),
    "settings.model": ("StackSettings", "TenantClusterSettings"),
    "settings.report": ("SettingsError",),
}


def __getattr__(name: str) -> Any:
    """Load the module that holds a public name."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
