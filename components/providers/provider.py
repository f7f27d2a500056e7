"""The interface of an infrastructure provider of Cluster API.

A new provider is a section of the settings (``settings.provider``), an implementation of :class:`Provider`, and where it has
resources of its own beside Cluster API's a function in ``resources``. Nothing else names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from ..capi.kinds import InfrastructureReference
from ..capi.manifest import Manifest
from ..kube.objects import Kind
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from ..settings.provider import ProviderSettings

Tenant = TypeVar("Tenant", bound=TenantClusterSettings, contravariant=True)
Pool = TypeVar("Pool", bound=WorkerPoolSettings, contravariant=True)

Look = Callable[[str, Kind], Sequence[Mapping[str, Any]]]
"""The objects of a namespace and kind."""

EndpointOrigin = Literal["patched", "created last"]
"""How the infrastructure cluster gets the control plane's endpoint.

``patched``: the object is created first; Kamaji's Cluster API provider, or this program, writes the endpoint into it and
marks it ready. ``created last``: the object must hold the right endpoint at its first write, so it is created once the
control plane has answered, and its own controller marks it ready.
"""


class Provider(Protocol[Tenant, Pool]):
    """An infrastructure provider. All methods are pure; only what :meth:`shortages` is given makes requests.

    Attributes:
        settings: its section of the settings, with rules and warnings.
        cluster_kind: kind of its infrastructure cluster.
        install: the command that installs it.
        endpoint: how the endpoint comes into its infrastructure cluster.
        remarks: explanations for a reader of rendered manifests, by kind.
        resources: dotted name of a function in ``resources`` that declares with Pulumi what the infrastructure cluster needs
            beforehand. It takes the component's name, the settings and the component, and returns fields of the
            infrastructure cluster's spec. A name, because only ``resources`` knows Pulumi; empty where nothing is needed.
        installs: the commands that install kinds which come from elsewhere, by kind.
        relies_on: kinds that its controllers need although a stack may declare none of them.
        dependents: kinds of its objects, and of what its controllers make for machines, that have the Cluster's label and go
            with it: a destroy waits for their end.
        host_kind: kind of the objects of :meth:`permanent_objects` that machines are on; None where it has none.
        foreign_fields: fields of its objects that a controller changes later, by kind: written once, then left alone.
        node_name: name that a node registers with, as user data has it; empty for that of the machine's operating system.
    """

    settings: ProviderSettings
    cluster_kind: str
    install: str
    endpoint: EndpointOrigin = "patched"
    remarks: Mapping[str, str] = {}
    resources: str = ""
    installs: Mapping[str, str] = {}
    relies_on: Sequence[Kind] = ()
    dependents: Sequence[Kind] = ()
    host_kind: Kind | None = None
    foreign_fields: Mapping[str, Sequence[str]] = {}
    node_name: str = ""

    def reference(self, tenant: Tenant) -> InfrastructureReference:
        """Where the infrastructure cluster is."""
        ...

    def cluster(self, tenant: Tenant) -> Manifest:
        """The infrastructure cluster, without ``spec.controlPlaneEndpoint``."""
        ...

    def machine_template(self, tenant: Tenant, pool: Pool) -> Manifest:
        """The machine template of a pool, named by its content."""
        ...

    def permanent_objects(self, tenant: Tenant) -> Sequence[Manifest]:
        """Objects that exist before the Cluster and outlive it: the hosts that machines are on, and their Secrets."""
        return ()

    def shared_objects(self, tenant: Tenant) -> Sequence[Manifest]:
        """Objects of the Cluster that the companions of its pools refer to."""
        return ()

    def credentials_of(self, host: Mapping[str, Any]) -> str:
        """Name of the Secret with the credentials of a host, which must outlive the host; empty where there is none."""
        return ""

    def in_use(self, host: Mapping[str, Any]) -> str:
        """The consumer of an object of ``host_kind``, in words; empty where it has none, so that it may be deleted."""
        return ""

    def use_of(self, host: Mapping[str, Any]) -> str:
        """What an object of ``host_kind`` does, in words: whether it is on, and for whom; empty where it is off and free."""
        return ""

    def companions(self, tenant: Tenant, pool: Pool) -> Sequence[Manifest]:
        """The objects that a pool's machine template refers to: created before it, and removed after it."""
        return ()

    def kubelet_arguments(self, tenant: Tenant) -> Mapping[str, str]:
        """Arguments of the kubelet that tie a node to its machine."""
        ...

    def node_labels(self, tenant: Tenant) -> Mapping[str, str]:
        """Labels that a node must register with, so that its controller recognises its machine."""
        return {}

    def root_keys(self, tenant: Tenant) -> Sequence[str]:
        """Public keys that may log in as root, where the provider does not install them itself."""
        return ()

    def identity(self, infrastructure_cluster: Mapping[str, Any]) -> Mapping[str, Any]:
        """Values of settings that can't change, or only with care, in a living infrastructure cluster, by key."""
        return {}

    def cloud_controller(self, tenant: Tenant, infrastructure: Mapping[str, Any]) -> Sequence[Manifest]:
        """Objects of the cloud controller in the tenant cluster, secrets as ``SecretStr``; none where the settings name none.

        Args:
            tenant: the cluster's settings.
            infrastructure: fields of the infrastructure cluster's spec that other resources give, perhaps not known yet.
        """
        return ()

    def shortages(self, tenants: Sequence[Tenant], look: Look) -> Sequence[str]:
        """What living objects that clusters refer to lack, a line for each; such objects may belong to somebody else.

        Args:
            tenants: the settings of all clusters of a stack that have this provider.
            look: reads the management cluster.

        Raises:
            ApiError: an object could not be read.
        """
        return ()

    def render_obstacle(self, tenant: Tenant) -> str:
        """Why the manifests can't be rendered from the settings alone; empty where they can."""
        return ""
