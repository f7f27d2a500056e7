"""A pool of workers: machine and bootstrap templates, and the MachineDeployment that buys machines from them.

Cluster API treats templates as immutable, so their names end in a digest of their content: a changed pool gets new
templates, the MachineDeployment rolls over to them, and the old ones go afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from ..manifests import bootstrap, workers
from ..providers import provider_of
from ..rollout import WorkerPoolRollout, WorkerPoolRolloutArgs
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from .edges import part_of
from .kubernetes import custom_resource, metadata_of


@dataclass(frozen=True, kw_only=True)
class WorkerPoolArgs:
    """What a worker pool is made of.

    Attributes:
        settings: settings of the tenant cluster that the pool belongs to.
        pool: settings of this pool.
        cluster: the Cluster resource that the machines join.
        after: what must be done before the first machine is asked for: the hand-off.
        kubeconfig: credentials of the management cluster for the wait; by default those of the stack's configuration.
        waiting_provider: the dynamic provider process that waits; by default the engine's shared one.
    """

    settings: TenantClusterSettings
    pool: WorkerPoolSettings
    cluster: CustomResource | None = None
    after: tuple[pulumi.Resource, ...] = field(default=())
    kubeconfig: pulumi.Input[str] | None = None
    waiting_provider: pulumi.ProviderResource | None = None


class WorkerPool(pulumi.ComponentResource):
    """A MachineDeployment with its templates and, where the pool asks for one, a MachineHealthCheck."""

    machine_deployment_name: pulumi.Output[str]

    def __init__(self, name: str, args: WorkerPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kamaji-equinix:index:WorkerPool", name, None, opts)
        settings, pool = args.settings, args.pool
        core = settings.contract.core
        provider = provider_of(settings)
        companions = [
            custom_resource(
                f"{name}-{companion['kind'].lower()}",
                companion,
                part_of(self, args.cluster),
                owner=args.cluster,
                owner_version=core,
            )
            for companion in provider.companions(settings, pool)
        ]
        templates = [
            custom_resource(
                f"{name}-{part}",
                template,
                part_of(self, args.cluster, *companions),
                owner=args.cluster,
                owner_version=core,
            )
            for part, template in (
                ("machines", provider.machine_template(settings, pool)),
                ("bootstrap", bootstrap.bootstrap_template(settings, pool)),
            )
        ]
        deployment = workers.machine_deployment(settings, pool)
        self.resource = custom_resource(
            f"{name}-deployment",
            deployment,
            part_of(self, args.cluster, *templates, *args.after),
            owner=args.cluster,
            owner_version=core,
        )
        if health_check := workers.machine_health_check(settings, pool):
            custom_resource(
                f"{name}-health",
                health_check,
                part_of(self, args.cluster, self.resource),
                owner=args.cluster,
                owner_version=core,
            )
        WorkerPoolRollout(
            f"{name}-rollout",
            WorkerPoolRolloutArgs(
                namespace=settings.cluster.namespace,
                name=deployment["metadata"]["name"],
                api_version=deployment["apiVersion"],
                templates=[metadata_of(template, "name") for template in templates],
                replicas=deployment["spec"].get("replicas"),
                wait=pool.wait,
                kubeconfig=args.kubeconfig,
            ),
            pulumi.ResourceOptions.merge(
                part_of(self, args.cluster, self.resource), pulumi.ResourceOptions(provider=args.waiting_provider)
            ),
        )
        self.machine_deployment_name = metadata_of(self.resource, "name")
        self.register_outputs({"machineDeploymentName": self.machine_deployment_name})
