"""The settings of a stack: every key, its type, default and meaning. Nothing else says them a second time.

The sections of clusters, control planes and pools are in ``cluster``, ``control_plane`` and ``pools``, types of single values
in ``types``, rules between values in ``rules`` and its neighbours; ``load`` makes settings of a stack's configuration.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr, SerializeAsAny, WithJsonSchema

from ..capi.contract import CONTRACTS, Contract
from .addons import AddonSettings, NetworkPluginSettings
from .cluster import ClusterSettings
from .control_plane import ControlPlaneSettings
from .pools import WorkerPoolSettings
from .report import Problem
from .secrets import SECURE
from .section import Section, timeout
from .types import UrlPath


class ManagementSettings(Section):
    """Credentials of the management cluster; by default $KUBECONFIG, then ~/.kube/config."""

    kubeconfig: Annotated[
        SecretStr | None,
        WithJsonSchema(SECURE),
    ] = Field(None, description="A kubeconfig's text; a secret.", strict=False)
    kubeconfig_path: str | None = Field(
        None, description="A kubeconfig's file, instead.", min_length=1, examples=[".lab/kubeconfig"]
    )
    context: str | None = Field(
        None,
        description="Context of the kubeconfig; by default its current one.",
        min_length=1,
        examples=["management"],
    )


class HandoffSettings(Section):
    """The wait for the control plane, before machines are bought."""

    enabled: bool = Field(
        True,
        description="false: report what Kamaji wrote, and neither dial nor write anything.",
        examples=[True],
    )
    timeout_seconds: int = timeout(900, longest=7200, description="One deadline for the whole hand-off.")
    path: UrlPath = Field("/readyz", description="Path of the API server that must answer 200.", examples=["/readyz"])
    verify: Literal["ca", "none"] = Field(
        "ca", description="Verify the certificate against the tenant's CA; none is unsafe.", examples=["ca"]
    )
    force: bool = Field(
        False,
        description="Overwrite a different endpoint that the infrastructure cluster holds.",
        examples=[False],
    )


class CapiSettings(Section):
    """Generation of the Cluster API objects."""

    contract: Literal["v1beta1", "v1beta2"] = Field(
        "v1beta1",
        description="v1beta1: KamajiControlPlane v1alpha1; v1beta2: Cluster API 1.11 and newer, with v1alpha2. A living "
        "stack takes another in place, by a whole `pulumi up`: with `--target` Pulumi 3.259 spoils its own state.",
        examples=["v1beta1"],
    )


class TenantClusterSettings(Section):
    """All settings of one tenant cluster, but for the section of its infrastructure provider, which a subclass adds.

    Attributes:
        provider: key of that section.
    """

    provider: ClassVar[str] = ""

    cluster: ClusterSettings = Field(description="The Cluster.", examples=[{"name": "capi-quickstart"}])
    control_plane: ControlPlaneSettings = Field(
        ControlPlaneSettings.by_default(),
        description="Its control plane, hosted by Kamaji.",
        examples=[{"replicas": 2}],
    )
    worker_pools: tuple[WorkerPoolSettings, ...] = Field(
        (), description="Its pools of workers.", examples=[[{"name": "worker-a", "replicas": 3}]], strict=False
    )
    network: NetworkPluginSettings = Field(
        NetworkPluginSettings.by_default(), description="Its network plugin.", examples=[{"plugin": "cilium"}]
    )
    addons: tuple[AddonSettings, ...] = Field(
        (),
        description="Charts and manifests that are installed into it, one after the other.",
        examples=[[{"name": "metrics", "chart": "charts/metrics"}]],
        strict=False,
    )
    handoff: HandoffSettings = Field(
        HandoffSettings.by_default(), description="The wait for its control plane.", examples=[{"timeoutSeconds": 900}]
    )
    capi: CapiSettings = Field(
        CapiSettings.by_default(),
        description="Generation of the Cluster API objects.",
        examples=[{"contract": "v1beta1"}],
    )

    @property
    def contract(self) -> Contract:
        """The generation that the cluster's objects have."""
        return CONTRACTS[self.capi.contract]

    @property
    def control_plane_name(self) -> str:
        """Name of the KamajiControlPlane."""
        return self.control_plane.name or f"{self.cluster.name}-control-plane"

    @property
    def control_plane_version(self) -> str:
        """Kubernetes version of the control plane."""
        return self.control_plane.version or self.cluster.kubernetes_version

    @property
    def least_machines(self) -> int:
        """How many machines there are to be from the start."""
        counts = (pool.replicas if pool.min is None else pool.min for pool in self.worker_pools)
        return sum(1 if count is None else count for count in counts)

    def pool_version(self, pool: WorkerPoolSettings) -> str:
        """Kubernetes version of a pool's machines."""
        return pool.kubernetes_version or self.cluster.kubernetes_version


class StackSettings(Section):
    """All settings of a stack.

    Attributes:
        warnings: what is allowed, but better known.
    """

    clusters: tuple[SerializeAsAny[TenantClusterSettings], ...]
    management: ManagementSettings
    warnings: tuple[Problem, ...] = ()
