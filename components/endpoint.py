"""The hand-off as a Pulumi resource: glue between the engine and ``handoff``.

The provider is stored in the state by the path of its class, so ``kamaji_equinix.components.endpoint:EndpointProvider`` must
stay where it is. It has no attributes that would be stored with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.runtime.rpc import UNKNOWN

from .access import AccessError
from .api import Api, ApiError
from .deadline import Progress
from .handoff import Handoff, Order, Outcome, look
from .handoff_errors import HandoffError
from .kube import Kind, Kube, connect

if TYPE_CHECKING:
    from .metal import InfrastructureReference

SCHEMA = 1
"""Of what is stored; a state with another number is brought up to date by an update that only looks."""

IDENTITY = ("namespace", "cluster", "controlPlane", "infrastructure")
"""Another one of these is another hand-off."""

INPUTS = (*IDENTITY, "clusterUid", "enabled", "timeoutSeconds", "path", "verify", "force")
"""``kubeconfig`` is no reason to do anything: credentials are used, not compared."""


@dataclass(frozen=True)
class Credentials:
    """The settings of ``management``, checked by the program already: importing its models would cost each run 0.2 s."""

    kubeconfig: str | None = field(default=None, repr=False)
    kubeconfig_path: str | None = None
    context: str | None = None

    @classmethod
    def of_config(cls, text: str | None) -> Credentials:
        """The credentials in the text of a stack's configuration value."""
        found = json.loads(text) if text else {}
        return cls(found.get("kubeconfig"), found.get("kubeconfigPath"), found.get("context"))


class EndpointProvider(ResourceProvider):
    """The dynamic provider of ``ControlPlaneEndpoint``."""

    serialize_as_secret_always = False
    _management: Credentials

    def configure(self, req: ConfigureRequest) -> None:
        """Take the credentials of this run's configuration, also for refresh and destroy."""
        self._management = Credentials.of_config(req.config.get("kamaji-equinix:management"))

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Judge the inputs that are known already."""
        failures = []
        seconds = news.get("timeoutSeconds")
        if isinstance(seconds, int | float) and seconds <= 0:
            failures.append(CheckFailure("timeoutSeconds", f"must be more than 0, is {seconds}"))
        path = news.get("path")
        if isinstance(path, str) and path != UNKNOWN and not path.startswith("/"):
            failures.append(CheckFailure("path", f"must begin with '/', is {path!r}"))
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare inputs with inputs, and what is live with what should be."""
        replaces = [key for key in IDENTITY if key in olds and not same(olds[key], news.get(key))]
        changed = [key for key in INPUTS if not same(olds.get(key), news.get(key))]
        return DiffResult(
            changes=bool(changed) or drifted(olds) or not same(olds.get("schema"), SCHEMA),
            replaces=replaces,
            delete_before_replace=bool(replaces),
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Hand off; again where a run before was interrupted."""
        return CreateResult(f"{props['namespace']}/{props['cluster']}", self._hand_off(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Hand off again: what is right already is only confirmed."""
        return UpdateResult(self._hand_off(news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What is live now.

        Raises:
            HandoffError: the management cluster does not answer. That must never look like a deletion.
        """
        order = order_of(props)
        try:
            outcome = look(Kube(self._api(props), props["namespace"]), order)
        except (ApiError, AccessError) as error:
            raise HandoffError(
                "endpoint",
                f"{order.infrastructure.name} {props['namespace']}/{order.infrastructure_name}",
                expected="the management cluster to tell its state",
                seen=str(error),
                elapsed=0,
                advice="Nothing was changed in the stack's state. Make the management cluster reachable and try again.",
            ) from None
        if outcome is None:
            return ReadResult("", {})
        return ReadResult(id_, {**props, **outputs_of(outcome, str(props.get("server") or ""))})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Leave the fields: without them Cluster API could not tear the cluster down."""
        tell(
            id_, f"the endpoint {props.get('endpoint') or ''} stays in the infrastructure cluster until that is deleted"
        )

    def _hand_off(self, props: Mapping[str, Any]) -> dict[str, Any]:
        id_ = f"{props['namespace']}/{props['cluster']}"
        try:
            api = self._api(props)
        except AccessError as error:
            raise HandoffError(
                "address",
                f"Cluster {id_}",
                expected="credentials of the management cluster",
                seen=str(error),
                elapsed=0,
                advice="See `management` of the stack's configuration.",
            ) from None
        progress = Progress(float(props["timeoutSeconds"]), lambda line: tell(id_, line))
        outcome = Handoff(Kube(api, props["namespace"]), order_of(props), progress).run()
        kept = {key: value for key, value in props.items() if key != "kubeconfig"}
        return {**kept, **outputs_of(outcome, api.access.server)}

    def _api(self, props: Mapping[str, Any]) -> Api:
        if own := props.get("kubeconfig"):
            return connect(Credentials(kubeconfig=own))
        return connect(self._management)


@dataclass(frozen=True, kw_only=True)
class ControlPlaneEndpointArgs:
    """Arguments of ``ControlPlaneEndpoint``.

    Attributes:
        namespace: namespace of all the objects.
        cluster: name of the Cluster.
        cluster_uid: its UID; the hand-off's credentials must lead to this very Cluster.
        control_plane: name of the KamajiControlPlane.
        infrastructure: the infrastructure cluster.
        enabled: False reports what Kamaji wrote, without dialling it.
        timeout_seconds: one deadline for the whole hand-off.
        path: path of the tenant's API server that must answer 200.
        verify: ``ca`` verifies its certificate against the tenant's authority, ``none`` accepts any.
        force: overwrite a different endpoint.
        kubeconfig: credentials of the management cluster, a secret; by default those of the stack's configuration.
    """

    namespace: pulumi.Input[str]
    cluster: pulumi.Input[str]
    cluster_uid: pulumi.Input[str] | None = None
    control_plane: pulumi.Input[str]
    infrastructure: pulumi.Input[InfrastructureReference]
    enabled: bool = True
    timeout_seconds: float = 900
    path: str = "/readyz"
    verify: str = "ca"
    force: bool = False
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
        }
        if args.kubeconfig is not None:
            props["kubeconfig"] = pulumi.Output.secret(args.kubeconfig)
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


def order_of(props: Mapping[str, Any]) -> Order:
    """The hand-off that stored or given properties describe."""
    infrastructure = props["infrastructure"]
    return Order(
        cluster=props["cluster"],
        cluster_uid=props.get("clusterUid") or None,
        control_plane=props["controlPlane"],
        infrastructure=Kind(infrastructure["apiVersion"], infrastructure["kind"], infrastructure["plural"]),
        infrastructure_name=infrastructure["name"],
        enabled=props.get("enabled", True),
        path=props.get("path", "/readyz"),
        verify=props.get("verify", "ca") != "none",
        force=props.get("force", False),
    )


def outputs_of(outcome: Outcome, server: str) -> dict[str, Any]:
    """What is stored of an outcome. Numbers come back from the state as floats, so the port is compared as a number."""
    address = outcome.address or outcome.live
    return {
        "host": address.host if address else "",
        "port": address.port if address else 0,
        "endpoint": str(address) if address else "",
        "live": str(outcome.live) if outcome.live else "",
        "ready": outcome.ready,
        "setBy": outcome.set_by,
        "kubeconfigSecret": outcome.kubeconfig,
        "server": server,
        "schema": SCHEMA,
    }


def drifted(olds: Mapping[str, Any]) -> bool:
    """Whether what was last read differs from what a hand-off leaves behind."""
    if not olds.get("enabled", True):
        return False
    return not olds.get("endpoint") or olds.get("live") != olds.get("endpoint") or not olds.get("ready")


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same; an unknown one is always different, and numbers may be floats."""
    if UNKNOWN in (one, other) if isinstance(one, str) or isinstance(other, str) else False:
        return False
    return bool(one == other)


def tell(id_: str, line: str) -> None:
    """A line of progress: the engine passes on what a plugin writes to stderr."""
    print(f"{id_}: {line}", file=sys.stderr, flush=True)
