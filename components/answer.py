"""The first half of a hand-off as a Pulumi resource, for an infrastructure cluster that is created last.

It is complete once the control plane answers, and outputs the address that the infrastructure cluster needs. The state holds
``kamaji_equinix.components.answer:AnswerProvider``, so it must stay where it is, like ``components/endpoint.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import ReadResult, Resource

from .capi.endpoint import endpoint_of
from .dynamic import state_properties
from .endpoint import ControlPlaneEndpointArgs, EndpointProvider, inputs, no_answer
from .handoff.state import answer_of, order_of
from .kube.access import AccessError
from .kube.failures import ApiError
from .kube.objects import Kube

if TYPE_CHECKING:
    from .handoff.run import Handoff


class AnswerProvider(EndpointProvider):
    """The dynamic provider of ``ControlPlaneAnswer``."""

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Where Kamaji says the control plane is now.

        Raises:
            HandoffError: the management cluster does not answer, or is another one. That must never look like a deletion.
        """
        order = order_of(props)
        try:
            kube = Kube(self._api(props), props["namespace"])
            control_plane = kube.find(order.control_plane_kind, order.control_plane)
            self._recognise(kube, order, None, str(props.get("server") or ""))
        except (ApiError, AccessError) as error:
            raise no_answer(
                "address", f"KamajiControlPlane {props['namespace']}/{order.control_plane}", error
            ) from None
        if control_plane is None:
            return ReadResult("", {})
        live = endpoint_of(control_plane)
        return ReadResult(
            id_, {**state_properties(props), **answer_of(live, live, kube.server), "endpoint": props.get("endpoint")}
        )

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """There is nothing to take back."""

    def _outputs(self, handoff: Handoff) -> dict[str, Any]:
        """Wait until the control plane answers; the outputs to store."""
        address = handoff.answer()
        return answer_of(address, address, handoff.kube.server)


class ControlPlaneAnswer(Resource, module="kamaji-equinix", name="ControlPlaneAnswer"):
    """Exists once a control plane answers, before there is an infrastructure cluster.

    Attributes:
        host: where it answers.
        port: its port.
        endpoint: both, as ``host:port``.
    """

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    endpoint: pulumi.Output[str]

    def __init__(self, name: str, args: ControlPlaneEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # An output is an attribute only where its key is among the properties.
        placeholders = dict.fromkeys(("host", "port", "endpoint"))
        super().__init__(AnswerProvider(), name, {**inputs(args), **placeholders}, opts)
