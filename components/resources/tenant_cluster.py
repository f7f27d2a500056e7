"""One tenant cluster as a whole: the Cluster, its control plane, its infrastructure, the hand-off and the worker pools."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from ..answer import ControlPlaneAnswer
from ..capi import naming
from ..checks.departures import ALLOW_REPLACEMENT
from ..endpoint import ControlPlaneEndpoint, ControlPlaneEndpointArgs
from ..manifests import cluster as cluster_manifests
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from .addons import declare_addons, tenant_provider
from .arguments import require
from .edges import DELETION_PROPAGATION, TEARDOWN, part_of
from .infrastructure import (
    InfrastructureCluster,
    InfrastructureClusterArgs,
    prerequisites,
    register_permanent_objects,
    shared_objects,
)
from .kubernetes import custom_resource, metadata_of, namespace, present, read_secret
from .tenant_control_plane import TenantControlPlane, TenantControlPlaneArgs
from .worker_pool import WorkerPool, WorkerPoolArgs


@dataclass(frozen=True, kw_only=True)
class TenantClusterArgs:
    """Arguments of ``TenantCluster``.

    Attributes:
        settings: the tenant cluster's settings.
        infrastructure: fields of the infrastructure cluster's spec that other resources of the program give.
        kubeconfig: credentials of the management cluster for the hand-off, for programs that hold them as an output; by
            default the hand-off reads ``kamaji-equinix:management`` of the stack's configuration.
        running_version: Kubernetes version that a living control plane runs before this run; None where that is not known.
        former_pools: names of the MachineDeployments whose machines joined a former control plane: they are rolled.
        templates: names of templates to keep, by kind, by the name of each pool's MachineDeployment.
        losses: messages about objects that do not exist any more, by their UID in the stack's last state. Where the engine
            still has that UID, it did not refresh, and can't go on.
        kubeconfig_secret: namespace and name, with a slash, of the Secret with the tenant's kubeconfig in the last state;
            a preview reads it although the hand-off may be about to run again. None where there was none.
        handoff_provider: the dynamic provider process that does the hand-off; by default the engine's shared one.
        bootstrap_versions: see :attr:`.worker_pool.WorkerPoolArgs.bootstrap_versions`.
    """

    settings: TenantClusterSettings
    infrastructure: Mapping[str, pulumi.Input[Any]] = field(default_factory=dict)
    kubeconfig: pulumi.Input[str] | None = None
    running_version: str | None = None
    former_pools: Collection[str] = ()
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    losses: Mapping[str, str] = field(default_factory=dict)
    kubeconfig_secret: str | None = None
    handoff_provider: pulumi.ProviderResource | None = None
    bootstrap_versions: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            SettingsError: an argument has another type.
        """
        require(self, settings=TenantClusterSettings, infrastructure=Mapping)


class TenantCluster(pulumi.ComponentResource):
    """A Kubernetes cluster: control plane hosted by Kamaji, workers run by Cluster API.

    Attributes:
        control_plane_endpoint: ``host:port`` of the tenant's API server, once it has answered.
        endpoint_set_by: who wrote the endpoint into the infrastructure cluster, ``kamaji`` or ``pulumi``.
        kubeconfig: admin kubeconfig of the tenant cluster, a secret.
        cluster_name: name of the Cluster.
        namespace: its namespace in the management cluster.
        worker_pools: name of each pool's MachineDeployment, by the pool's name.
        cluster: the Cluster's resource, for objects of the tenant cluster: ``deleted_with=tenant.cluster``.
    """

    control_plane_endpoint: pulumi.Output[str]
    endpoint_set_by: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    cluster_name: pulumi.Output[str]
    namespace: pulumi.Output[str]
    worker_pools: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, args: TenantClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kamaji-equinix:index:TenantCluster", name, None, opts)
        settings = args.settings
        before: list[pulumi.Resource] = []
        if namespace_manifest := cluster_manifests.namespace(settings):
            # It outlives the cluster, because it may hold other clusters and Secrets of others.
            stays = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
            before.append(namespace(f"{name}-namespace", namespace_manifest, stays))
        # Made before the Cluster, so that the engine deletes them after it.
        hosts = register_permanent_objects(name, settings, self, before)
        cluster = custom_resource(
            f"{name}-cluster",
            cluster_manifests.cluster(settings),
            pulumi.ResourceOptions(
                parent=self, depends_on=[*before, *hosts], custom_timeouts=TEARDOWN, protect=settings.cluster.protect
            ),
            annotations=marks(settings),
        )
        children = pulumi.ResourceOptions(parent=self)
        spec: dict[str, Any] = {**prerequisites(name, settings, self), **args.infrastructure}
        control_plane = TenantControlPlane(name, TenantControlPlaneArgs(settings=settings, cluster=cluster), children)
        order = ControlPlaneEndpointArgs(
            namespace=settings.cluster.namespace,
            cluster=settings.cluster.name,
            cluster_uid=present(cluster, args.losses),
            control_plane=settings.control_plane_name,
            control_plane_uid=present(control_plane.resource, args.losses),
            infrastructure=provider_of(settings).reference(settings),
            enabled=settings.handoff.enabled,
            timeout_seconds=settings.handoff.timeout_seconds,
            path=settings.handoff.path,
            verify=settings.handoff.verify,
            force=settings.handoff.force,
            contract=settings.capi.contract,
            version=settings.control_plane_version,
            running_version=args.running_version,
            kubeconfig=args.kubeconfig,
        )
        waiting = pulumi.ResourceOptions(provider=args.handoff_provider)
        answers: list[pulumi.Resource] = []
        if provider_of(settings).endpoint == "created last":
            answer = ControlPlaneAnswer(
                f"{name}-answer",
                replace(order, linking="none", version=None, running_version=None),
                pulumi.ResourceOptions.merge(part_of(self, cluster, control_plane.resource), waiting),
            )
            # The state gives numbers back as floats.
            spec["controlPlaneEndpoint"] = {"host": answer.host, "port": answer.port.apply(int)}
            order = replace(order, linking="verify")
            answers.append(answer)
        infrastructure = InfrastructureCluster(
            name,
            InfrastructureClusterArgs(settings=settings, cluster=cluster, spec=spec, after=tuple(answers)),
            children,
        )
        endpoint = ControlPlaneEndpoint(
            f"{name}-endpoint",
            order,
            pulumi.ResourceOptions.merge(
                part_of(self, cluster, control_plane.resource, infrastructure.resource), waiting
            ),
        )
        shared_resources = shared_objects(name, settings, self, cluster)
        pools = {
            pool.name: WorkerPool(
                f"{name}-{pool.name}",
                WorkerPoolArgs(
                    settings=settings,
                    pool=pool,
                    cluster=cluster,
                    rollout_after=metadata_of(control_plane.resource, "creationTimestamp")
                    if naming.machine_deployment(settings.cluster.name, pool.name) in args.former_pools
                    else None,
                    templates=args.templates.get(naming.machine_deployment(settings.cluster.name, pool.name), {}),
                    after=(endpoint, *shared_resources),
                    losses=args.losses,
                    kubeconfig=args.kubeconfig,
                    waiting_provider=args.handoff_provider,
                    bootstrap_versions=args.bootstrap_versions,
                ),
                children,
            )
            for pool in settings.worker_pools
        }
        # Read by an id that the hand-off outputs: a first preview must not look for a Secret that Kamaji has yet to write.
        former_secret = args.kubeconfig_secret if pulumi.runtime.is_dry_run() else None
        where = pulumi.Output.from_input(former_secret) if former_secret else endpoint.kubeconfig_secret
        data = read_secret(f"{name}-kubeconfig", where, self)
        self.control_plane_endpoint = endpoint.endpoint
        self.endpoint_set_by = endpoint.set_by
        self.kubeconfig = data.apply(lambda secret: base64.b64decode(secret["value"]).decode() if secret else "")
        self.cluster_name = metadata_of(cluster, "name")
        self.namespace = metadata_of(cluster, "namespace")
        self.worker_pools = pulumi.Output.all(
            **{pool: component.machine_deployment_name for pool, component in pools.items()}
        )
        self.cluster = cluster
        self._name = name
        declare_addons(
            name,
            settings,
            self,
            self,
            spec,
            [resource for pool in pools.values() for resource in pool.immediate_resources],
        )
        self.register_outputs(self.outputs())

    @cached_property
    def tenant_provider(self) -> kubernetes.Provider:
        """The provider for objects of the tenant cluster, also for resources of other programs.

        It is declared at the first use, because each provider is a process of the engine's.
        """
        return tenant_provider(f"{self._name}-tenant", self.kubeconfig, self)

    def outputs(self) -> dict[str, pulumi.Output[object]]:
        """The outputs that a stack exports of this cluster, by name."""
        return {
            "controlPlaneEndpoint": self.control_plane_endpoint,
            "endpointSetBy": self.endpoint_set_by,
            "kubeconfig": self.kubeconfig,
            "clusterName": self.cluster_name,
            "namespace": self.namespace,
            "workerPools": self.worker_pools,
        }


def marks(settings: TenantClusterSettings) -> dict[str, str]:
    """Annotations of the Cluster that only mean something to this program and to pulumi-kubernetes."""
    permission = {ALLOW_REPLACEMENT: "true"} if settings.cluster.allow_replacement else {}
    return {**DELETION_PROPAGATION, **permission}
