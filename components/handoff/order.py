"""The order of a hand-off, its outcome, and the state of its objects. Nothing waits here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..capi.contract import CONTRACTS
from ..capi.endpoint import Endpoint, endpoint_of
from ..capi.kinds import CLUSTER, CONTROL_PLANE
from ..capi.reading import is_provisioned
from ..kube.objects import FIELD_MANAGER, Json, Kind, Kube, dig


@dataclass(frozen=True)
class Order:
    """A request for a hand-off.

    Attributes:
        cluster: name of the Cluster.
        cluster_uid: its UID, where the caller knows it: the credentials must lead to the same management cluster.
        control_plane: name of the KamajiControlPlane.
        infrastructure: kind of the infrastructure cluster.
        infrastructure_name: its name.
        enabled: False only reports what Kamaji wrote.
        path: path of the tenant's API server that must answer.
        verify: verify its certificate against the tenant's authority.
        force: overwrite a different endpoint.
        handed_off: the endpoint that an earlier hand-off of this order established: another one now is drift.
        contract: of Cluster API, ``v1beta1`` or ``v1beta2``.
        linking: how the infrastructure cluster gets the endpoint. ``patch``: it exists, and is patched where it lacks
            something; ``verify``: it was created with the endpoint, and its own controller marks it ready; ``none``: it does
            not exist yet, because this hand-off determines its endpoint.
    """

    cluster: str
    cluster_uid: str | None
    control_plane: str
    infrastructure: Kind
    infrastructure_name: str
    enabled: bool = True
    path: str = "/readyz"
    verify: bool = True
    force: bool = False
    handed_off: str | None = None
    contract: str = "v1beta1"
    linking: str = "patch"

    @property
    def cluster_kind(self) -> Kind:
        """The Cluster's kind."""
        return Kind(CONTRACTS[self.contract].core, CLUSTER.name, CLUSTER.plural)

    @property
    def control_plane_kind(self) -> Kind:
        """The KamajiControlPlane's kind; Kamaji's provider serves only one of its two versions."""
        return Kind(CONTRACTS[self.contract].control_plane, CONTROL_PLANE.name, CONTROL_PLANE.plural)


@dataclass(frozen=True)
class Outcome:
    """The result of a hand-off, or its state at a later read.

    Attributes:
        address: the address that Kamaji published; None where there is none.
        live: the address that the infrastructure cluster holds.
        ready: whether the infrastructure cluster is ready, by its contract.
        set_by: ``pulumi`` or ``kamaji``, whoever wrote the endpoint; empty where there is none.
        cluster_uid: UID of the Cluster; empty where there is none.
        kubeconfig: namespace and name of the Secret with the tenant's kubeconfig.
        control_plane_uid: UID of the KamajiControlPlane; empty where there is none.
    """

    address: Endpoint | None
    live: Endpoint | None
    ready: bool
    set_by: str
    cluster_uid: str
    kubeconfig: str
    control_plane_uid: str = ""


def look(kube: Kube, order: Order) -> Outcome | None:
    """The state now; None where the infrastructure cluster does not exist.

    Raises:
        ApiError: the management cluster could not be read.
    """
    infrastructure = kube.find(order.infrastructure, order.infrastructure_name)
    if infrastructure is None:
        return None
    control_plane = kube.find(order.control_plane_kind, order.control_plane)
    cluster = kube.find(order.cluster_kind, order.cluster)
    live = endpoint_of(infrastructure)
    return Outcome(
        address=endpoint_of(control_plane) if control_plane else None,
        live=live,
        ready=is_provisioned(infrastructure),
        set_by=("pulumi" if order.linking == "verify" or writer(infrastructure) == FIELD_MANAGER else "kamaji")
        if live
        else "",
        cluster_uid=str(dig(cluster, "metadata", "uid") or ""),
        kubeconfig=f"{kube.namespace}/{secret_name(order.cluster)}",
        control_plane_uid=str(dig(control_plane, "metadata", "uid") or ""),
    )


def may_replace(order: Order, infrastructure: Json, address: Endpoint) -> bool:
    """Whether a different endpoint in the infrastructure cluster may be overwritten.

    It may where the settings say so; where this program alone wrote it; and where it has drifted since an earlier hand-off:
    either it was changed while the address stayed, or it is still the old one while the address moved.
    """
    live = endpoint_of(infrastructure)
    return (
        order.force
        or live is None
        or writer(infrastructure) == FIELD_MANAGER
        or (order.handed_off is not None and order.handed_off in (str(live), str(address)))
    )


def secret_name(cluster: str) -> str:
    """Name of the Secret with a cluster's kubeconfig, by Cluster API's convention."""
    return f"{cluster}-kubeconfig"


def writer(obj: Json) -> str:
    """Field manager that owns an object's endpoint; of several one other than this program, so that runs say the same."""
    managers = owners(obj, lambda fields: "f:host" in fields) or owners(obj, lambda fields: not fields)
    foreign_managers = [manager for manager in managers if manager != FIELD_MANAGER]
    return foreign_managers[0] if foreign_managers else managers[0] if managers else "an unknown manager"


def owners(obj: Json, matches: Callable[[Json], bool]) -> list[str]:
    """Field managers that own an object's endpoint with matching fields.

    ``{}`` in ``managedFields`` is a manager that wrote the endpoint as a whole, or one whose host and port were overwritten
    by force: it counts only where nobody owns the host.
    """
    entries = [
        (str(entry.get("manager")), dig(entry, "fieldsV1", "f:spec", "f:controlPlaneEndpoint"))
        for entry in dig(obj, "metadata", "managedFields") or []
    ]
    return [manager for manager, fields in entries if isinstance(fields, dict) and matches(fields)]
