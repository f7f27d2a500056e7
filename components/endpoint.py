"""The hand-off as a Pulumi resource: glue between the engine and ``handoff``.

The provider is stored in the state by the path of its class, so ``kamaji_equinix.components.endpoint:EndpointProvider`` must
stay where it is. It has no attributes that would be stored with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from .dynamic import ManagementProvider, state_properties, tell
from .handoff.errors import HandoffError
from .handoff.inputs import mistakes
from .handoff.order import Order, Outcome, look
from .handoff.phases import Phase
from .handoff.state import complete, has_changed, order_of, outputs_of, replacement_keys
from .kube.access import AccessError
from .kube.failures import ApiError
from .kube.objects import Kube, dig

if TYPE_CHECKING:
    from .capi.kinds import InfrastructureReference
    from .handoff.run import Handoff
    from .kube.client import Api


class EndpointProvider(ManagementProvider):
    """The dynamic provider of ``ControlPlaneEndpoint``."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Judge the inputs that are known already."""
        failures = [CheckFailure(key, rule) for key, rule in mistakes(news)]
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare the stored inputs with the new ones, and the live endpoint with the one that was handed off."""
        replaces = replacement_keys(olds, news)
        return DiffResult(changes=has_changed(olds, news), replaces=replaces, delete_before_replace=bool(replaces))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Hand off; a run that follows an interrupted one starts again.

        Raises:
            HandoffError: the hand-off failed.
        """
        return CreateResult(f"{props['namespace']}/{props['cluster']}", self._hand_off(props, None))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Hand off again: what is right is only confirmed, what has drifted is corrected.

        Raises:
            HandoffError: the hand-off failed.
        """
        return UpdateResult(self._hand_off(news, olds.get("handedOff") or None))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the live properties.

        Raises:
            HandoffError: the management cluster does not answer, or is another one. That must never look like a deletion.
        """
        if not complete(props):
            tell(id_, "an earlier version stored this hand-off; the next `pulumi up` brings it up to date")
            return ReadResult(id_, props)
        order = order_of(props)
        try:
            kube = Kube(self._api(props), props["namespace"])
            outcome = look(kube, order)
            self._recognise(kube, order, outcome, str(props.get("server") or ""))
        except (ApiError, AccessError) as error:
            subject = f"{order.infrastructure.name} {props['namespace']}/{order.infrastructure_name}"
            raise no_answer("endpoint", subject, error) from None
        if outcome is None:
            return ReadResult("", {})
        outputs = outputs_of(outcome, kube.server)
        if outcome.control_plane_uid and "controlPlaneUid" not in props:
            # An earlier version stored none; to add it now would be a change that a refresh reports.
            del outputs["controlPlaneUid"]
        return ReadResult(id_, {**state_properties(props), **outputs})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Leave the fields: without them Cluster API could not tear the cluster down."""
        tell(
            id_, f"the endpoint {props.get('endpoint') or ''} stays in the infrastructure cluster until that is deleted"
        )

    def _hand_off(self, props: Mapping[str, Any], handed_off: str | None) -> dict[str, Any]:
        id_ = f"{props['namespace']}/{props['cluster']}"
        try:
            api = self._api(props)
        except AccessError as error:
            raise HandoffError(
                "address",
                f"Cluster {id_}",
                expectation="credentials of the management cluster",
                observation=str(error),
                elapsed=0,
                advice="Correct `management` in the stack's configuration.",
            ) from None
        # A run that changes nothing, and a program, need none of what a hand-off is made of.
        from .handoff.progress import Progress
        from .handoff.run import Handoff

        progress = Progress(float(props["timeoutSeconds"]), lambda step: tell(id_, str(step)))
        try:
            outputs = self._outputs(Handoff(Kube(api, props["namespace"]), order_of(props, handed_off), progress))
        finally:
            api.close()
        return {**state_properties(props), **outputs}

    def _outputs(self, handoff: Handoff) -> dict[str, Any]:
        """Hand off; the outputs to store."""
        outputs = outputs_of(handoff.run(), handoff.kube.server)
        return {**outputs, "handedOff": outputs["live"]}

    def _recognise(self, kube: Kube, order: Order, outcome: Outcome | None, server: str) -> None:
        """Raise where the credentials lead to another management cluster than that of the last hand-off."""
        uid = (
            outcome.cluster_uid
            if outcome
            else str(dig(kube.find(order.cluster_kind, order.cluster), "metadata", "uid") or "")
        )
        is_other_cluster = (order.cluster_uid and uid and uid != order.cluster_uid) or (
            outcome is None and not uid and server and server != kube.server
        )
        if is_other_cluster:
            raise HandoffError(
                "endpoint",
                f"Cluster {kube.namespace}/{order.cluster} in {kube.server}",
                expectation=f"the one with UID {order.cluster_uid}, which this stack made in {server or 'its cluster'}",
                observation=f"UID {uid}" if uid else "no such Cluster",
                elapsed=0,
                advice="The credentials lead to another management cluster: correct `management` in the stack's "
                "configuration. Nothing was changed in the stack's state.",
            )

    def _api(self, props: Mapping[str, Any]) -> Api:
        """The management cluster's API, without patience: the hand-off repeats requests itself, and reports why it waits.

        Raises:
            AccessError: the credentials can't be used.
        """
        return self.api(props, patience=0)


def no_answer(phase: Phase, subject: str, error: Exception) -> HandoffError:
    """The error for a management cluster that gives no answer. That must never look like a deletion."""
    return HandoffError(
        phase,
        subject,
        expectation="an answer of the management cluster",
        observation=str(error),
        elapsed=0,
        advice="Nothing was changed in the stack's state. Make the management cluster reachable and try again.",
    )


@dataclass(frozen=True, kw_only=True)
class ControlPlaneEndpointArgs:
    """Arguments of ``ControlPlaneEndpoint``.

    Attributes:
        namespace: namespace of all the objects.
        cluster: name of the Cluster.
        cluster_uid: its UID; the hand-off's credentials must lead to this very Cluster.
        control_plane: name of the KamajiControlPlane.
        infrastructure: the infrastructure cluster.
        control_plane_uid: UID of the KamajiControlPlane: after its replacement the hand-off is repeated.
        enabled: False reports what Kamaji wrote, without dialling it.
        timeout_seconds: one deadline for the whole hand-off.
        path: path of the tenant's API server that must answer 200.
        verify: ``ca`` verifies its certificate against the tenant's authority, ``none`` accepts any.
        force: overwrite a different endpoint.
        contract: of Cluster API, which tells the versions of the objects.
        linking: ``verify`` for an infrastructure cluster that is created with the endpoint; see ``handoff.order``.
        version: requested Kubernetes version of the control plane. After its change the hand-off is repeated, and ends once
            the control plane runs it.
        running_version: the version that it runs before this run; None if unknown.
        kubeconfig: credentials of the management cluster, a secret; by default those of the stack's configuration.
    """

    namespace: pulumi.Input[str]
    cluster: pulumi.Input[str]
    cluster_uid: pulumi.Input[str] | None = None
    control_plane: pulumi.Input[str]
    infrastructure: pulumi.Input[InfrastructureReference]
    control_plane_uid: pulumi.Input[str] | None = None
    enabled: bool = True
    timeout_seconds: float = 900
    path: str = "/readyz"
    verify: str = "ca"
    force: bool = False
    contract: str = "v1beta1"
    linking: str = "patch"
    version: str | None = None
    running_version: str | None = None
    kubeconfig: pulumi.Input[str] | None = None


class ControlPlaneEndpoint(Resource, module="kamaji-equinix", name="ControlPlaneEndpoint"):
    """The hand-off of one cluster: exists once its control plane answers and its infrastructure cluster says so.

    Attributes:
        host: host of the control plane.
        port: its port.
        endpoint: both, as ``host:port``.
        set_by: who wrote the endpoint into the infrastructure cluster, ``kamaji`` or ``pulumi``.
        kubeconfig_secret: namespace and name of the Secret with the tenant's kubeconfig, which is never in here itself.
        server: the management cluster that was asked.
    """

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    endpoint: pulumi.Output[str]
    server: pulumi.Output[str]
    setBy: pulumi.Output[str]  # noqa: N815 - set by the SDK under the stored name
    kubeconfigSecret: pulumi.Output[str]  # noqa: N815

    def __init__(self, name: str, args: ControlPlaneEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = inputs(args)
        # An output is an attribute only where its key is among the properties.
        placeholders = dict.fromkeys(("host", "port", "endpoint", "setBy", "kubeconfigSecret", "server"))
        super().__init__(EndpointProvider(), name, {**props, **placeholders}, opts)

    @property
    def set_by(self) -> pulumi.Output[str]:
        """Who wrote the endpoint into the infrastructure cluster."""
        return self.setBy

    @property
    def kubeconfig_secret(self) -> pulumi.Output[str]:
        """Where the tenant's kubeconfig is: an id for ``Secret.get``."""
        return self.kubeconfigSecret


def inputs(args: ControlPlaneEndpointArgs) -> dict[str, Any]:
    """The properties of a hand-off. The default ``linking`` is left out, as the first versions stored none."""
    props: dict[str, Any] = {
        "namespace": args.namespace,
        "cluster": args.cluster,
        "clusterUid": args.cluster_uid,
        "controlPlane": args.control_plane,
        "infrastructure": args.infrastructure,
        "enabled": args.enabled,
        "timeoutSeconds": args.timeout_seconds,
        "path": args.path,
        "verify": args.verify,
        "force": args.force,
        "contract": args.contract,
        "version": args.version,
        "runningVersion": args.running_version,
        "controlPlaneUid": args.control_plane_uid,
    }
    if args.kubeconfig is not None:
        props["kubeconfig"] = pulumi.Output.secret(args.kubeconfig)
    if args.linking != "patch":
        props["linking"] = args.linking
    return props
