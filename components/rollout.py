"""What the engine can't do for a worker pool: wait for its machines, and remove templates that they no longer need.

Glue between the engine and ``capi.templates``. The providers are stored in the state by the paths of their classes, so
``kamaji_equinix.components.rollout:RolloutProvider`` and ``TemplatesProvider`` must stay where they are.

The engine forgets a template that is replaced, and leaves it alone (``retain_on_delete``): only the management cluster knows
how long machines are made from it. So no run has to wait for a roll-out in order to clean up after it. Templates of the run
before are removed after the MachineDeployment is written; a run that finds one that can go has something to do, even where
nothing else has changed. Those of a pool that is removed go after its MachineDeployment, and all others with the Cluster,
which owns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from .capi.templates import PoolTemplates, prune, unused_templates
from .dynamic import ManagementProvider, state_properties, tell
from .handoff.state import is_unknown
from .kube.access import AccessError
from .kube.failures import ApiError
from .kube.objects import Kind, Kube

PLURAL = "machinedeployments"
POLL_SECONDS = 2.0

IDENTITY = ("namespace", "name")
"""A change of one of these means another pool."""


class RolloutError(Exception):
    """A worker pool's machines were not complete in time."""


class PoolProvider(ManagementProvider):
    """Base of both providers of a pool."""

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The stored properties: the status tree checks what is live."""
        return ReadResult(id_, props)

    def kube(self, props: Mapping[str, Any]) -> Kube:
        """The pool's namespace.

        Raises:
            AccessError: the credentials can't be used.
        """
        return Kube(self.api(props), props["namespace"])

    def prune(self, props: Mapping[str, Any], current: list[str]) -> None:
        """Remove the pool's templates that nothing needs; a failure is only reported, and a later run tries again."""
        id_ = pool_id(props)
        try:
            for template in prune(self.kube(props), templates_of(props), current):
                tell(id_, f"removed {template}: no machine is made from it any more")
        except (ApiError, AccessError) as error:
            tell(id_, f"templates that no machine is made from could not be removed, a later run tries again: {error}")


class RolloutProvider(PoolProvider):
    """The dynamic provider of ``WorkerPoolRollout``."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Other templates, another choice to wait, or templates to remove mean an update."""
        replaces = [key for key in IDENTITY if olds.get(key) != news.get(key)]
        keys = ("templates", "wait", "replicas", "kinds", "companions")
        differs = bool(replaces) or any(olds.get(key) != news.get(key) for key in keys)
        return DiffResult(
            changes=differs or self.has_unused_templates(news), replaces=replaces, delete_before_replace=bool(replaces)
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait for a new pool only where the settings say so."""
        if props.get("wait"):
            self._await(props)
        self.prune(props, props["templates"])
        return CreateResult(pool_id(props), state_properties(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Wait for the machines where the settings say so, then remove what they no longer need.

        A state of an earlier version has templates that the engine deletes once it has replaced them: that must wait until
        no machine can be made from them.
        """
        deletes = not olds.get("kinds") and olds.get("templates") != news.get("templates")
        if news.get("wait") or deletes:
            self._await(news)
        self.prune(news, news["templates"])
        return UpdateResult(state_properties(news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """There is nothing to take back."""

    def has_unused_templates(self, props: Mapping[str, Any]) -> bool:
        """Whether the pool has left templates behind that can go now."""
        if is_unknown(props):
            return False
        try:
            return bool(unused_templates(self.kube(props), templates_of(props), props["templates"]))
        except (ApiError, AccessError):
            # Unused templates do no harm, and the preflight reports a cluster that does not answer.
            return False

    def _await(self, props: Mapping[str, Any]) -> None:
        # Few pools are waited for.
        from .capi.machine_counts import shortfall
        from .handoff.progress import Progress

        id_ = pool_id(props)
        try:
            kube = self.kube(props)
        except AccessError as error:
            raise RolloutError(f"MachineDeployment {id_}: the management cluster can't be asked: {error}") from None
        kind = Kind(props["apiVersion"], "MachineDeployment", PLURAL)
        progress = Progress(float(props["timeoutSeconds"]), lambda step: tell(id_, str(step)))
        while True:
            try:
                problem = shortfall(kube.find(kind, props["name"]))
            except ApiError as error:
                problem = f"it can't be read ({error})"
            if not problem:
                progress.tell("all machines are as asked")
                return
            progress.report_wait(f"waits for its machines: {problem}", "machines")
            if progress.over:
                raise RolloutError(
                    f"MachineDeployment {id_}: expected all machines up to date and available; last seen after "
                    f"{progress.elapsed:.0f} s: {problem}. The roll-out goes on by itself; "
                    "`kamaji-equinix status` names what blocks it."
                )
            progress.pause(POLL_SECONDS)


class TemplatesProvider(PoolProvider):
    """The dynamic provider of ``WorkerPoolTemplates``."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Another pool is another resource."""
        replaces = [key for key in ("namespace", "cluster", "pool") if olds.get(key) != news.get(key)]
        differs = any(olds.get(key) != news.get(key) for key in ("kinds", "companions"))
        return DiffResult(changes=bool(replaces) or differs, replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Nothing to do as long as the pool exists."""
        return CreateResult(pool_id(props), state_properties(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """As for create."""
        return UpdateResult(state_properties(news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Remove all templates: the engine has deleted the MachineDeployment before, which depends on this resource."""
        self.prune(props, [])


@dataclass(frozen=True, kw_only=True)
class WorkerPoolRolloutArgs:
    """Arguments of ``WorkerPoolRollout``.

    Attributes:
        namespace: namespace of the MachineDeployment.
        name: its name.
        api_version: its API version.
        cluster: name of the Cluster that it belongs to.
        pool: name of the pool.
        templates: names of the templates that it uses, and of what they refer to.
        kinds: kinds of the templates.
        companions: kinds of what the templates refer to.
        replicas: how many machines it was asked for; None where an autoscaler sets that.
        wait: also wait for machines that no template change brought about.
        timeout_seconds: how long at most.
        kubeconfig: credentials of the management cluster, a secret; by default those of the stack's configuration.
    """

    namespace: pulumi.Input[str]
    name: pulumi.Input[str]
    api_version: str
    cluster: str
    pool: str
    templates: list[pulumi.Input[str]]
    kinds: tuple[Kind, ...]
    companions: tuple[Kind, ...] = ()
    replicas: int | None = None
    wait: bool = False
    timeout_seconds: float = 3600
    kubeconfig: pulumi.Input[str] | None = None


class WorkerPoolRollout(Resource, module="kamaji-equinix", name="WorkerPoolRollout"):
    """Exists once a pool's machines are complete, where the settings say to wait for them."""

    def __init__(self, name: str, args: WorkerPoolRolloutArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = {
            "namespace": args.namespace,
            "name": args.name,
            "apiVersion": args.api_version,
            "cluster": args.cluster,
            "pool": args.pool,
            "kinds": [stored_kind(kind) for kind in args.kinds],
            "templates": args.templates,
            "replicas": args.replicas,
            "wait": args.wait,
            "timeoutSeconds": args.timeout_seconds,
        }
        if args.companions:
            props["companions"] = [stored_kind(kind) for kind in args.companions]
        if args.kubeconfig is not None:
            props["kubeconfig"] = pulumi.Output.secret(args.kubeconfig)
        super().__init__(RolloutProvider(), name, props, opts)


@dataclass(frozen=True, kw_only=True)
class WorkerPoolTemplatesArgs:
    """Arguments of ``WorkerPoolTemplates``.

    Attributes:
        namespace: namespace of the templates.
        cluster: name of the Cluster that they belong to.
        pool: name of the pool.
        api_version: API version of the pool's MachineDeployment.
        kinds: kinds of the templates.
        companions: kinds of what the templates refer to.
        kubeconfig: credentials of the management cluster, a secret; by default those of the stack's configuration. They are
            not kept for the removal, which takes those of the configuration.
    """

    namespace: pulumi.Input[str]
    cluster: str
    pool: str
    api_version: str
    kinds: tuple[Kind, ...]
    companions: tuple[Kind, ...] = ()
    kubeconfig: pulumi.Input[str] | None = None


class WorkerPoolTemplates(Resource, module="kamaji-equinix", name="WorkerPoolTemplates"):
    """Stands for all templates that a pool has had: its deletion, after the MachineDeployment's, removes them."""

    def __init__(self, name: str, args: WorkerPoolTemplatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = {
            "namespace": args.namespace,
            "cluster": args.cluster,
            "pool": args.pool,
            "apiVersion": args.api_version,
            "kinds": [stored_kind(kind) for kind in args.kinds],
        }
        if args.companions:
            props["companions"] = [stored_kind(kind) for kind in args.companions]
        if args.kubeconfig is not None:
            props["kubeconfig"] = pulumi.Output.secret(args.kubeconfig)
        super().__init__(TemplatesProvider(), name, props, opts)


def stored_kind(kind: Kind) -> dict[str, str]:
    """A kind as it is kept in the state."""
    return {"apiVersion": kind.api_version, "kind": kind.name, "plural": kind.plural}


def templates_of(props: Mapping[str, Any]) -> PoolTemplates:
    """The templates that a resource's properties describe."""
    kinds, companions = (
        tuple(Kind(entry["apiVersion"], entry["kind"], entry["plural"]) for entry in props.get(key) or ())
        for key in ("kinds", "companions")
    )
    return PoolTemplates(props.get("cluster", ""), props.get("pool", ""), props["apiVersion"], kinds, companions)


def pool_id(props: Mapping[str, Any]) -> str:
    """Namespace, and the name of the MachineDeployment."""
    return f"{props['namespace']}/{props.get('name') or props['cluster'] + '-' + props['pool']}"
