"""The network plugins that have a preset: their charts, and the values that a Kamaji cluster on bare metal needs.

Keys and defaults of the charts' own values files, by version: tests/data/network_charts.yaml. All values assume bare metal
nodes in any network: pods go through VXLAN without BGP, and the ranges of the nodes' pods come from Kubernetes (Kamaji lets
kube-controller-manager allocate them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..capi.manifest import drop_empty
from ..settings.model import TenantClusterSettings

Values = Mapping[str, Any]


class NetworkPlugin(NamedTuple):
    """A network plugin's chart.

    Attributes:
        chart: its name in the repository.
        repository: the repository's address.
        version: the chart's version that is installed where the settings name none.
        namespace: where it goes.
        values: takes the settings, and the API server's host and port.
    """

    chart: str
    repository: str
    version: str
    namespace: str
    values: Callable[[TenantClusterSettings, Any, Any], Values]


def cilium(settings: TenantClusterSettings, host: Any, port: Any) -> Values:
    """Values of Cilium's chart.

    Without kube-proxy Cilium serves Services itself, so it must not look for the API server behind one: it always gets the
    address. Hubble is off, because the chart makes new certificates for it at each rendering, which would be a change in
    every run.
    """
    ipv6 = ranges(settings)["ipv6"] is not None
    return {
        "k8sServiceHost": host,
        "k8sServicePort": port,
        "kubeProxyReplacement": "false" if settings.control_plane.addons.kube_proxy else "true",
        "ipam": {"mode": "kubernetes"},
        "k8s": {"requireIPv6PodCIDR" if ipv6 else "requireIPv4PodCIDR": True},
        "ipv4": {"enabled": not ipv6},
        "ipv6": {"enabled": ipv6},
        "routingMode": "tunnel",
        "tunnelProtocol": "vxlan",
        # Two of its pods never share a node.
        "operator": {"replicas": 2 if settings.least_machines > 1 else 1},
        "hubble": {"enabled": False},
        **drop_empty(MTU=settings.network.mtu),
    }


def calico(settings: TenantClusterSettings, host: Any, port: Any) -> Values:
    """Values of the chart of Calico's operator.

    Calico's own API server is an extension that kube-apiserver calls at a pod's address. Kamaji's runs outside of the pod
    network, so that works through konnectivity alone; without it each discovery of the API would find a group that is down.
    """
    pool = {
        "cidr": settings.cluster.pod_cidrs[0],
        "encapsulation": "VXLAN",
        "natOutgoing": "Enabled",
        "nodeSelector": "all()",
    }
    network = {"bgp": "Disabled", "ipPools": [pool], **drop_empty(mtu=settings.network.mtu)}
    return {
        "installation": {"enabled": True, "cni": {"type": "Calico"}, "calicoNetwork": network},
        "kubernetesServiceEndpoint": {"host": host, "port": port},
        "apiServer": {"enabled": settings.control_plane.addons.konnectivity is not None},
        "goldmane": {"enabled": False},
        "whisker": {"enabled": False},
    }


def flannel(settings: TenantClusterSettings, _host: Any, _port: Any) -> Values:
    """Values of Flannel's chart. It finds the API server through kube-proxy."""
    pods = ranges(settings)
    return {
        "podCidr": pods["ipv4"] or "",
        "podCidrv6": pods["ipv6"] or "",
        "flannel": {"backend": "vxlan", **drop_empty(mtu=settings.network.mtu)},
    }


def ranges(settings: TenantClusterSettings) -> dict[str, str | None]:
    """The range of the pods by its family: Kamaji's Cluster API provider uses only the first."""
    first = settings.cluster.pod_cidrs[0]
    return {"ipv4": None, "ipv6": first} if ":" in first else {"ipv4": first, "ipv6": None}


PLUGINS: Mapping[str, NetworkPlugin] = {
    "cilium": NetworkPlugin("cilium", "https://helm.cilium.io", "1.18.10", "kube-system", cilium),
    "calico": NetworkPlugin(
        "tigera-operator", "https://docs.tigera.io/calico/charts", "v3.31.6", "tigera-operator", calico
    ),
    "flannel": NetworkPlugin("flannel", "https://flannel-io.github.io/flannel", "v0.27.4", "kube-flannel", flannel),
}
"""By the setting ``network.plugin``."""
