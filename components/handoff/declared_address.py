"""An address that the settings declare, and the one that the load balancer assigned.

Kamaji publishes a declared ``serviceAddress`` even if the Service got another one: it neither asks the load balancer for it
nor compares. It keeps what it published first, even if the declaration is removed or changed, because it looks at the Service
again only when that changes (ShouldStatusBeUpdated in Kamaji's internal/resources/k8s_service_resource.go). An infrastructure
cluster that is created last would keep the wrong address for ever.
"""

from __future__ import annotations

from ..capi.endpoint import Endpoint
from ..kube.client import ApiError
from ..kube.objects import SERVICE, dig
from . import reachability
from .patience import Wait

LASTS_SECONDS = 5.0
"""Seconds for which the control plane must answer at another address only: a load balancer may still move it."""


class Elsewhere:
    """Whether the control plane answers at the load balancer's address, while nothing has the declared one."""

    def __init__(self, wait: Wait) -> None:
        self.wait, self._since = wait, 0.0

    def look(self, address: Endpoint, answer: reachability.Answer) -> None:
        """Compare the declared address with the one that answers.

        Args:
            address: the one that Kamaji published.
            answer: the result of the last attempt there.

        Raises:
            HandoffError: for some seconds the control plane has answered at another address alone; names both.
        """
        order, now = self.wait.order, self.wait.progress.elapsed
        if order.linking != "none" or answer.stage != "dial":
            self._since = 0.0
            return
        balancer_address = self.balancer_address(address)
        self._since = (self._since or now) if balancer_address else 0.0
        if balancer_address and now - self._since >= LASTS_SECONDS:
            name, namespace = order.control_plane, self.wait.kube.namespace
            raise self.wait.failure(
                "dial",
                str(address),
                expectation=f"the control plane at {address.host}, which Kamaji publishes because "
                "controlPlane.network.serviceAddress declares it, or did so when the control plane was created",
                observation=f"{answer.text}; it answers at {balancer_address.host}, which the load balancer gave "
                f"Service {name}",
                advice=f"Let the load balancer give {address.host} (by `controlPlane.network.serviceAnnotations`, such "
                "as metallb.io/loadBalancerIPs). Otherwise run `kamaji-equinix destroy`, take "
                "`controlPlane.network.serviceAddress` out or set it to "
                f"{balancer_address.host}, and run `up`: Kamaji keeps the address that it published first, and no server is "
                f"installed yet. See `kubectl -n {namespace} get service {name}`.",
            )

    def balancer_address(self, address: Endpoint) -> Endpoint | None:
        """Another address of the load balancer at which something answers; None where there is no such address."""
        kube, order = self.wait.kube, self.wait.order
        try:
            service = kube.find(SERVICE, order.control_plane)
        except ApiError:
            return None
        hosts = [
            entry.get("ip") or entry.get("hostname")
            for entry in dig(service, "status", "loadBalancer", "ingress") or ()
        ]
        endpoints = [Endpoint(str(host), address.port) for host in hosts if host]
        if address in endpoints:
            return None
        for endpoint in endpoints:
            target = reachability.Target(endpoint.host, endpoint.port, None, order.path)
            if reachability.attempt(target, 1.0).stage != "dial":
                return endpoint
        return None
