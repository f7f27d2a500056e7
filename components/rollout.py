"""Waiting until a worker pool is as it was asked for: glue between the engine and a MachineDeployment.

A changed pool gets new templates; the engine deletes the old ones at the end of the run that replaced them. Cluster API
needs them until the last old machine has gone, so a run that replaces templates waits for the roll-out first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import (
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from .endpoint import tell
from .handoff.progress import Progress
from .kube.access import AccessError
from .kube.client import ApiError
from .kube.management import Credentials, connect
from .kube.objects import Kind, Kube, dig

PLURAL = "machinedeployments"
POLL_SECONDS = 2.0


class RolloutFailed(Exception):
    """A worker pool did not become what was asked for in time."""


class RolloutProvider(ResourceProvider):
    """The dynamic provider of ``WorkerPoolRollout``."""

    serialize_as_secret_always = False
    _configuration: str | None = None

    def configure(self, req: ConfigureRequest) -> None:
        """Take the credentials of this run's configuration."""
        self._configuration = req.config.get("kamaji-equinix:management")

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Other templates, or another wish to wait, are a reason to look; another pool is another resource."""
        replaces = [key for key in ("namespace", "name") if olds.get(key) != news.get(key)]
        changed = [key for key in ("templates", "wait", "replicas") if olds.get(key) != news.get(key)]
        return DiffResult(changes=bool(changed or replaces), replaces=replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """A new pool has nothing to roll; it is waited for only where that is wished."""
        if props.get("wait"):
            self._await(props)
        return CreateResult(f"{props['namespace']}/{props['name']}", stored(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Wait for the machines of the new templates."""
        if news.get("wait") or olds.get("templates") != news.get("templates"):
            self._await(news)
        return UpdateResult(stored(news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Nothing of it is live: what it waits for is checked by the status tree."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """There is nothing to take back."""

    def _await(self, props: Mapping[str, Any]) -> None:
        id_ = f"{props['namespace']}/{props['name']}"
        own = props.get("kubeconfig")
        try:
            credentials = Credentials(kubeconfig=own) if own else Credentials.of_config(self._configuration)
            kube = Kube(connect(credentials), props["namespace"])
        except AccessError as error:
            raise RolloutFailed(f"MachineDeployment {id_}: the management cluster can't be asked: {error}") from None
        kind = Kind(props["apiVersion"], "MachineDeployment", PLURAL)
        progress = Progress(float(props["timeoutSeconds"]), lambda line: tell(id_, line))
        while True:
            try:
                missing = lacking(kube.find(kind, props["name"]))
            except ApiError as error:
                missing = f"it can't be read ({error})"
            if not missing:
                progress.phase("all machines are as asked")
                return
            progress.waiting(f"waits for its machines: {missing}", "machines")
            if progress.over:
                raise RolloutFailed(
                    f"MachineDeployment {id_}: expected all machines up to date and available; last seen after "
                    f"{progress.elapsed:.0f} s: {missing}. The templates that it replaced stay until a later `pulumi up` "
                    "has seen the roll-out end. `kamaji-equinix status` names what blocks it."
                )
            progress.pause(POLL_SECONDS)


@dataclass(frozen=True, kw_only=True)
class WorkerPoolRolloutArgs:
    """Arguments of ``WorkerPoolRollout``.

    Attributes:
        namespace: namespace of the MachineDeployment.
        name: its name.
        api_version: its API version.
        templates: names of the templates that it uses.
        replicas: how many machines it was asked for; None where an autoscaler sets that.
        wait: also wait for machines that no template change brought about.
        timeout_seconds: how long at most.
        kubeconfig: credentials of the management cluster, a secret; by default those of the stack's configuration.
    """

    namespace: pulumi.Input[str]
    name: pulumi.Input[str]
    api_version: str
    templates: list[pulumi.Input[str]]
    replicas: int | None = None
    wait: bool = False
    timeout_seconds: float = 3600
    kubeconfig: pulumi.Input[str] | None = None


class WorkerPoolRollout(Resource, module="kamaji-equinix", name="WorkerPoolRollout"):
    """Exists once a pool's machines are as asked for, where that is waited for."""

    def __init__(self, name: str, args: WorkerPoolRolloutArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = {
            "namespace": args.namespace,
            "name": args.name,
            "apiVersion": args.api_version,
            "templates": args.templates,
            "replicas": args.replicas,
            "wait": args.wait,
            "timeoutSeconds": args.timeout_seconds,
        }
        if args.kubeconfig is not None:
            props["kubeconfig"] = pulumi.Output.secret(args.kubeconfig)
        super().__init__(RolloutProvider(), name, props, opts)


def stored(props: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept in the state."""
    return {key: value for key, value in props.items() if key != "kubeconfig"}


def lacking(deployment: Mapping[str, Any] | None) -> str:
    """What a MachineDeployment still lacks, in words; empty where it lacks nothing."""
    if deployment is None:
        return "it does not exist"
    status = deployment.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(dig(deployment, "metadata", "generation") or 0):
        return "Cluster API has not seen the change yet"
    wanted = int(dig(deployment, "spec", "replicas") or 0)
    # v1beta2 says upToDateReplicas where v1beta1 says updatedReplicas.
    counts = {
        "present": int(status.get("replicas") or 0),
        "up to date": int(status.get("upToDateReplicas", status.get("updatedReplicas")) or 0),
        "ready": int(status.get("readyReplicas") or 0),
        "available": int(status.get("availableReplicas") or 0),
    }
    if all(count == wanted for count in counts.values()):
        return ""
    return f"of {wanted} machines " + ", ".join(f"{count} {what}" for what, count in counts.items())
