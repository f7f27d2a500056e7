"""Changes of the settings that would break a living cluster: refused before anything is touched.

``settings/effects.py`` alone defines which setting can't change, and why; here the settings are compared with live objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import providers
from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.manifest import NETWORK_PLUGIN
from ..kube.objects import dig
from ..manifests.control_plane import KIND as CONTROL_PLANE_KIND
from ..manifests.documents import documents
from ..settings.effects import effect
from ..settings.model import TenantClusterSettings
from ..settings.report import NOTHING, Problem
from . import upgrades
from .upgrades import Versions

ANOTHER = "make a new cluster instead, under another cluster.name"

ADDRESS = (
    "cluster.apiServerPort",
    "controlPlane.network.serviceType",
    "controlPlane.network.serviceAddress",
    "controlPlane.network.ingress.hostname",
)
"""Settings that the control plane's address comes from: they may change until the Cluster has an address."""

API_SERVER_PORT = 6443
"""Kamaji's default."""

BALANCER = ("spec", "network", "loadBalancerConfig")

UNSET = (
    "controlPlane.network.loadBalancerClass",
    "controlPlane.network.ingress.hostname",
)
"""Settings that no controller fills in: to set them, or to leave them out, is a change, too."""


@dataclass(frozen=True)
class Identity:
    """The values of one cluster that can't change, or not freely.

    Attributes:
        name: the Cluster's name.
        values: by the settings' keys; None where a value is not known, or is left to a controller.
        versions: Kubernetes versions of the control plane.
        kubelets: Kubernetes versions of the machines by their pool.
        endpoint: host of the endpoint that the Cluster has taken over; empty where it has none.
        infrastructure: kind of its infrastructure cluster.
    """

    name: str
    values: Mapping[str, Any]
    versions: Versions = field(default_factory=Versions)
    kubelets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    endpoint: str = ""
    infrastructure: str = ""


def of_settings(settings: TenantClusterSettings) -> Identity:
    """The values of settings, as if they had been applied."""
    version = settings.control_plane_version
    address = settings.control_plane.network.service_address or "an address"
    return replace(of_objects(documents(settings)), versions=Versions(version, version), endpoint=address)


def of_objects(objects: Sequence[Mapping[str, Any]]) -> Identity:
    """The values of live objects: the Cluster, its infrastructure cluster, its KamajiControlPlane, and the TenantControlPlane
    that Kamaji made of that.

    Raises:
        ValueError: no Cluster is among them.
    """
    by_kind = {item["kind"]: item for item in objects}
    if "Cluster" not in by_kind:
        raise ValueError("a living cluster has a Cluster object")
    cluster, plane, tenant = by_kind["Cluster"], by_kind.get(CONTROL_PLANE_KIND), by_kind.get(TENANT_CONTROL_PLANE.name)
    network = dig(cluster, "spec", "clusterNetwork")
    values = {
        "cluster.podCidrs": dig(network, "pods", "cidrBlocks"),
        "cluster.serviceCidrs": dig(network, "services", "cidrBlocks"),
        "cluster.serviceDomain": dig(network, "serviceDomain"),
        "cluster.paused": bool(dig(cluster, "spec", "paused")),
        # A control plane that gets a new name was read under that name, so only the reference has the old one.
        "controlPlane.name": dig(cluster, "spec", "controlPlaneRef", "name") or dig(plane, "metadata", "name"),
        "controlPlane.dataStore": dig(plane, "spec", "dataStoreName"),
        # Kamaji chooses one where none is declared.
        "controlPlane.dataStoreSchema": dig(tenant, "spec", "dataStoreSchema") or dig(plane, "spec", "dataStoreSchema"),
        "controlPlane.kubelet.cgroupfs": dig(plane, "spec", "kubelet", "cgroupfs"),
        "controlPlane.network.dnsServiceIPs": dig(plane, "spec", "network", "dnsServiceIPs"),
        "controlPlane.network.loadBalancerClass": dig(plane, *BALANCER, "loadBalancerClass"),
        "controlPlane.network.loadBalancerSourceRanges": dig(plane, *BALANCER, "loadBalancerSourceRanges"),
        "cluster.apiServerPort": dig(tenant, "spec", "networkProfile", "port") or dig(network, "apiServerPort"),
        "controlPlane.network.serviceType": dig(plane, "spec", "network", "serviceType"),
        "controlPlane.network.serviceAddress": dig(plane, "spec", "network", "serviceAddress"),
        "controlPlane.network.ingress.hostname": dig(plane, "spec", "network", "ingress", "hostname"),
        "network.plugin": dig(cluster, "metadata", "annotations", NETWORK_PLUGIN) or "none",
        **providers.identity(by_kind),
    }
    endpoint = str(dig(cluster, "spec", "controlPlaneEndpoint", "host") or "")
    kind = str(dig(cluster, "spec", "infrastructureRef", "kind") or "")
    versions = upgrades.versions_of(plane, tenant)
    return Identity(cluster["metadata"]["name"], values, versions, endpoint=endpoint, infrastructure=kind)


def check_cluster(current: Identity, tenant: TenantClusterSettings, base: str = "") -> list[Problem]:
    """The changes of one cluster that are impossible.

    Args:
        current: the cluster as it is.
        tenant: its new settings.
        base: path of the cluster in the configuration, with a dot, or empty.
    """
    after = of_settings(tenant)
    if current.infrastructure and current.infrastructure != after.infrastructure:
        rule = (
            f"can't take the place of the living cluster's {current.infrastructure}, without which its machines could "
            f"not be given back; {ANOTHER}"
        )
        return [Problem(f"{base}{tenant.provider}", rule, example=None)]
    problems = [*immutable_values(base, current, after), *ranges(base, current, after)]
    return [*problems, *upgrades.problems(base, current.versions, tenant, current.kubelets)]


def immutable_values(base: str, current: Identity, after: Identity) -> Iterator[Problem]:
    """Values that would have to change although they can't."""
    for key, before, value in differences(current, after, "never"):
        text = f"is {quote(before)} in the living cluster, and {effect(key).why}; {ANOTHER}"
        yield Problem(f"{base}{key}", text, NOTHING if value is None else value)


def ranges(base: str, current: Identity, after: Identity) -> Iterator[Problem]:
    """Source ranges that can't be added or removed.

    A rule of the KamajiControlPlane's CRD fails where there was no ``loadBalancerConfig`` before (``oldSelf`` of
    ``kamajicontrolplane_types.go``), and the provider leaves the old ranges where there is none any more.
    """
    key = "controlPlane.network.loadBalancerSourceRanges"
    before, value = (bool(identity.values.get(key)) for identity in (current, after))
    if value and not before and current.values.get("controlPlane.network.loadBalancerClass") is None:
        yield Problem(
            f"{base}{key}",
            f"can't be added to a living control plane, whose CRD refuses it; {ANOTHER}",
            after.values[key],
        )
    elif before and not value:
        yield Problem(
            f"{base}{key}",
            "can't be taken out of a living cluster: Kamaji's provider would keep the old ranges; set the range of all "
            "addresses",
            example=["0.0.0.0/0"],
        )


def careful(base: str, current: Identity, after: Identity) -> Iterator[str]:
    """Possible changes that have a consequence: a line for each."""
    for key, before, value in differences(current, after, "with care"):
        yield f"{base}{key} changes from {quote(before)} to {quote(value)}: {effect(key).why}"


def differences(current: Identity, after: Identity, how: str) -> Iterator[tuple[str, Any, Any]]:
    """The settings that change and whose change has this effect, with both values."""
    for key, value in after.values.items():
        before = current.values.get(key)
        if effect(key).how != how or before == value:
            continue
        if key in ADDRESS:
            if not current.endpoint or (key == ADDRESS[2] and value == current.endpoint):
                continue
            before = before if before is not None or key in UNSET else default(key, current)
        # A controller may have filled in what the settings leave to it.
        if before == value or (key not in UNSET and (before is None or (value is None and key != ADDRESS[2]))):
            continue
        yield key, before, value


def default(key: str, current: Identity) -> Any:
    """The effective value of an address setting that is left out."""
    return {"cluster.apiServerPort": API_SERVER_PORT, "controlPlane.network.serviceAddress": current.endpoint}.get(key)


def quote(value: Any) -> str:
    """A value in a sentence."""
    if value is None or value == []:
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
