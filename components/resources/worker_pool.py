"""A pool of workers: machine and bootstrap templates, and the MachineDeployment that buys machines from them.

Cluster API treats templates as immutable, so their names end in a digest of their content: a changed pool gets new
templates, the MachineDeployment rolls over to them, and the old ones are removed once no machine is made from them any more
(see :mod:`..rollout`). A change that is undone may adopt the old template again: pulumi-kubernetes creates by server-side
apply, which also works for an object that exists (its ``pkg/await/await.go``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from ..kube.objects import Kind, plural
from ..manifests import bootstrap, workers
from ..manifests.templates import templates as templates_of
from ..rollout import WorkerPoolRollout, WorkerPoolRolloutArgs, WorkerPoolTemplates, WorkerPoolTemplatesArgs
from ..settings.model import TenantClusterSettings
from ..settings.pools import WorkerPoolSettings
from .arguments import require
from .edges import part_of
from .kubernetes import custom_resource, metadata_of, owned_secret

SHARED_FIELDS = {"pulumi.com/patchForce": "true"}
"""Annotation for templates: a template that is adopted again still belongs to the field manager of its first resource, which
pulumi-kubernetes names anew for each resource, and its labels may have changed since."""


@dataclass(frozen=True, kw_only=True)
class WorkerPoolArgs:
    """Arguments of ``WorkerPool``.

    Attributes:
        settings: settings of the tenant cluster that the pool belongs to.
        pool: settings of this pool.
        cluster: the Cluster resource that the machines join.
        rollout_after: machines that are older than this time are replaced, whatever the settings say: it is the creation of
            their control plane, so they joined a former one.
        templates: names of live templates, by kind, that have the content but not the name which this program gives; also
            of what the machine template refers to.
        losses: as of ``TenantClusterArgs``.
        after: resources that must exist before the first machine is ordered: the hand-off.
        kubeconfig: credentials of the management cluster for the wait; by default those of the stack's configuration.
        waiting_provider: the dynamic provider process that waits; by default the engine's shared one.
        bootstrap_versions: API version of the bootstrap template that a MachineDeployment of contract v1beta1 refers to,
            as the API server returns it, by the MachineDeployment's namespace and name.
    """

    settings: TenantClusterSettings
    pool: WorkerPoolSettings
    cluster: CustomResource | None = None
    rollout_after: pulumi.Output[str] | None = None
    templates: Mapping[str, str] = field(default_factory=dict)
    losses: Mapping[str, str] = field(default_factory=dict)
    after: tuple[pulumi.Resource, ...] = field(default=())
    kubeconfig: pulumi.Input[str] | None = None
    waiting_provider: pulumi.ProviderResource | None = None
    bootstrap_versions: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            SettingsError: an argument has another type.
        """
        require(self, settings=TenantClusterSettings, pool=WorkerPoolSettings, after=tuple)


class WorkerPool(pulumi.ComponentResource):
    """A MachineDeployment with its templates and, where the pool asks for one, a MachineHealthCheck.

    Attributes:
        machine_deployment_name: name of the MachineDeployment.
        immediate_resources: its resources that wait for no machine.
    """

    machine_deployment_name: pulumi.Output[str]

    def __init__(self, name: str, args: WorkerPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kamaji-equinix:index:WorkerPool", name, None, opts)
        settings, pool = args.settings, args.pool
        core = settings.contract.core
        pool_templates = templates_of(settings, pool, args.templates)
        manifests = {"machines": pool_templates.machines, "bootstrap": pool_templates.bootstrap}
        kinds = tuple(
            Kind(template["apiVersion"], template["kind"], plural(template["kind"])) for template in manifests.values()
        )
        companion_kinds = tuple(
            dict.fromkeys(
                Kind(companion["apiVersion"], companion["kind"], plural(companion["kind"]))
                for companion in pool_templates.companions
            )
        )
        deployment = workers.machine_deployment(
            settings, pool, after=later(args.rollout_after, pool.rollout_after), templates=args.templates
        )
        metadata = deployment["metadata"]
        bootstrap_version = args.bootstrap_versions.get((metadata["namespace"], metadata["name"]))
        if bootstrap_version and not settings.contract.is_v1beta2:
            deployment["spec"]["template"]["spec"]["bootstrap"]["configRef"]["apiVersion"] = bootstrap_version
        waiting = pulumi.ResourceOptions(provider=args.waiting_provider)
        # In the state before the first template, so that a run that ends between them forgets no template.
        leftovers = WorkerPoolTemplates(
            f"{name}-templates",
            WorkerPoolTemplatesArgs(
                namespace=settings.cluster.namespace,
                cluster=settings.cluster.name,
                pool=pool.name,
                api_version=deployment["apiVersion"],
                kinds=kinds,
                companions=companion_kinds,
                kubeconfig=args.kubeconfig,
            ),
            pulumi.ResourceOptions.merge(part_of(self, args.cluster), waiting),
        )
        companions = [
            custom_resource(
                f"{name}-{companion['kind'].lower()}",
                companion,
                part_of(self, args.cluster, leftovers, retain_on_delete=True),
                owner=args.cluster,
                owner_version=core,
                annotations=SHARED_FIELDS,
            )
            for companion in pool_templates.companions
        ]
        templates = [
            custom_resource(
                f"{name}-{part}",
                template,
                part_of(self, args.cluster, leftovers, *companions, retain_on_delete=True),
                owner=args.cluster,
                owner_version=core,
                annotations=SHARED_FIELDS,
            )
            for part, template in manifests.items()
        ]
        parts: list[pulumi.Resource] = [*templates]
        if secret := bootstrap.bootstrap_secret(settings, pool):
            # After the template that names it: without the right to list Secrets only the template leads to it. No machine
            # is made from the template before the MachineDeployment names it.
            parts.append(
                owned_secret(
                    f"{name}-secrets",
                    secret,
                    part_of(self, args.cluster, leftovers, *templates, retain_on_delete=True),
                    owner=args.cluster,
                    owner_version=core,
                    annotations=SHARED_FIELDS,
                )
            )
        self.resource = custom_resource(
            f"{name}-deployment",
            deployment,
            part_of(self, args.cluster, *parts, *args.after),
            owner=args.cluster,
            owner_version=core,
        )
        if args.losses:
            metadata_of(self.resource, "uid").apply(lambda uid: warn(args.losses.get(uid)))
        self.immediate_resources: list[pulumi.Resource] = [self.resource]
        if health_check := workers.machine_health_check(settings, pool):
            self.immediate_resources.append(
                custom_resource(
                    f"{name}-health",
                    health_check,
                    part_of(self, args.cluster, self.resource),
                    owner=args.cluster,
                    owner_version=core,
                )
            )
        rollout = WorkerPoolRollout(
            f"{name}-rollout",
            WorkerPoolRolloutArgs(
                namespace=settings.cluster.namespace,
                name=deployment["metadata"]["name"],
                api_version=deployment["apiVersion"],
                cluster=settings.cluster.name,
                pool=pool.name,
                kinds=kinds,
                companions=companion_kinds,
                templates=[metadata_of(template, "name") for template in (*templates, *companions)],
                replicas=deployment["spec"].get("replicas"),
                wait=pool.wait,
                kubeconfig=args.kubeconfig,
            ),
            pulumi.ResourceOptions.merge(part_of(self, args.cluster, self.resource), waiting),
        )
        if not pool.wait:
            self.immediate_resources.append(rollout)
        self.machine_deployment_name = metadata_of(self.resource, "name")
        self.register_outputs({"machineDeploymentName": self.machine_deployment_name})


def warn(text: str | None) -> None:
    """Log a warning, where there is one."""
    if text:
        pulumi.log.warn(text)


def later(moment: pulumi.Output[str] | None, from_settings: str | None) -> pulumi.Output[str] | None:
    """The later of two times, of which the second is known; None where only the settings name one."""
    return None if moment is None else moment.apply(lambda text: max(text, from_settings or ""))
