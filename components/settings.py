"""The settings of a stack: every key, its type, default and meaning. Nothing else says them a second time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from .settings_report import Problem, SettingsError
from .settings_types import (
    Cidr,
    Command,
    Dns1035,
    DnsLabel,
    LabelKey,
    LabelValue,
    ProjectId,
    Slug,
    SshKey,
    Version,
)

__all__ = [
    "ManagementSettings",
    "Problem",
    "SettingsError",
    "StackSettings",
    "TenantClusterSettings",
    "WorkerPoolSettings",
    "load_stack",
]


class Section(BaseModel):
    """A group of settings: camelCase in YAML, unknown keys refused, unchangeable."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
    )


class ClusterSettings(Section):
    """The Cluster object."""

    name: Dns1035 = Field(description="Name of the Cluster.", examples=["capi-quickstart"])
    namespace: DnsLabel = Field("default", description="Its namespace in the management cluster.", examples=["default"])
    create_namespace: bool = Field(False, description="Create the namespace.", examples=[True])
    kubernetes_version: Version = Field(
        "1.33.0",
        description="Kubernetes version of the control plane, and of pools without their own.",
        examples=["1.33.0"],
    )
    pod_cidrs: tuple[Cidr, ...] = Field(
        ("192.168.0.0/16",),
        description="Address ranges of pods.",
        min_length=1,
        examples=[["192.168.0.0/16"]],
        strict=False,
    )
    service_cidrs: tuple[Cidr, ...] = Field(
        ("172.26.0.0/16",),
        description="Address ranges of Services.",
        min_length=1,
        examples=[["172.26.0.0/16"]],
        strict=False,
    )
    paused: bool = Field(False, description="Let Cluster API leave the cluster alone.", examples=[True])


class KubeletSettings(Section):
    """Kubelet defaults that Kamaji publishes to the tenant's kubeadm configuration."""

    cgroupfs: Literal["systemd", "cgroupfs"] = Field("systemd", description="cgroup driver.", examples=["systemd"])
    preferred_address_types: tuple[
        Literal["Hostname", "InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS"], ...
    ] = Field(
        ("ExternalIP", "InternalIP", "Hostname"),
        description="Which address of a node the API server dials, in order.",
        examples=[["ExternalIP", "InternalIP", "Hostname"]],
        min_length=1,
        strict=False,
    )


class NetworkSettings(Section):
    """How the tenant's API server is reached."""

    service_type: Literal["LoadBalancer", "NodePort", "ClusterIP"] = Field(
        "LoadBalancer", description="Type of the Service in front of it.", examples=["LoadBalancer"]
    )
    service_address: str | None = Field(None, description="Fixed address of that Service.", examples=["203.0.113.10"])
    service_labels: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels of that Service.", examples=[{"team": "a"}]
    )
    service_annotations: dict[LabelKey, str] = Field(
        {}, description="Annotations of that Service.", examples=[{"metallb.io/address-pool": "public"}]
    )
    cert_sans: tuple[str, ...] = Field(
        (),
        alias="certSANs",
        description="Further names and addresses of its certificate.",
        examples=[["api.example.org"]],
        strict=False,
    )


class DeploymentSettings(Section):
    """Placement of the control plane's pods in the management cluster."""

    node_selector: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels of nodes to use.", examples=[{"zone": "a"}]
    )
    runtime_class_name: DnsLabel | None = Field(None, description="RuntimeClass of the pods.", examples=["gvisor"])


class AddonSettings(Section):
    """What Kamaji installs into the tenant cluster."""

    core_dns: bool = Field(True, alias="coreDNS", description="Install CoreDNS.", examples=[True])
    kube_proxy: bool = Field(True, description="Install kube-proxy.", examples=[True])
    konnectivity: bool = Field(
        False, description="Tunnel from API server to nodes, where it can't dial them.", examples=[True]
    )


class ControlPlaneSettings(Section):
    """The KamajiControlPlane object."""

    name: Dns1035 | None = Field(
        None, description="Name; by default `<cluster>-control-plane`.", examples=["prod-control-plane"]
    )
    replicas: int = Field(2, description="Pods of the control plane.", ge=1, le=9, examples=[2])
    data_store: DnsLabel | None = Field(
        "default", description="Kamaji DataStore that holds the tenant's data.", examples=["default"]
    )
    version: Version | None = Field(
        None, description="Kubernetes version, where it differs from the cluster's.", examples=["1.33.0"]
    )
    addons: AddonSettings = Field(
        AddonSettings(), description="Add-ons that Kamaji installs.", examples=[{"coreDNS": True}]
    )
    kubelet: KubeletSettings = Field(
        KubeletSettings(), description="Kubelet defaults.", examples=[{"cgroupfs": "systemd"}]
    )
    network: NetworkSettings = Field(
        NetworkSettings(), description="The Service in front of it.", examples=[{"serviceType": "LoadBalancer"}]
    )
    deployment: DeploymentSettings = Field(
        DeploymentSettings(), description="Placement of its pods.", examples=[{"nodeSelector": {"zone": "a"}}]
    )


class SshKeySettings(Section):
    """A public key that may log in to the machines."""

    name: DnsLabel = Field(description="Name of the key.", examples=["alice"])
    public_key: SshKey = Field(description="The key, as in authorized_keys.", examples=["ssh-ed25519 AAAA... alice"])


class MetalSettings(Section):
    """Equinix Metal: where the machines come from."""

    project_id: ProjectId = Field(
        description="UUID of the project that is billed.", examples=["5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"]
    )
    metro: DnsLabel | None = Field(None, description="Metro of the machines.", examples=["da"])
    facility: DnsLabel | None = Field(
        None, description="Facility of the machines, instead of a metro.", examples=["da11"]
    )
    vip_manager: Literal["EMLB", "CPEM", "KUBE_VIP"] = Field(
        "EMLB",
        description="capp's virtual IP manager. Only EMLB leaves workers alone: CPEM crashes capp 0.9.",
        examples=["EMLB"],
    )
    cloud_controller: Literal["none", "external"] = Field(
        "none",
        description="external: a cloud controller runs, and kubelets wait for it. Without one their taint never goes.",
        examples=["none"],
    )
    ssh_keys: tuple[SshKeySettings, ...] = Field(
        (),
        description="Keys that may log in to the machines.",
        examples=[[{"name": "alice", "publicKey": "ssh-ed25519 AAAA... alice"}]],
        strict=False,
    )


class TaintSettings(Section):
    """A taint of a pool's nodes."""

    key: LabelKey = Field(description="Key.", examples=["dedicated"])
    value: LabelValue = Field("", description="Value.", examples=["gpu"])
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        description="Effect.", examples=["NoSchedule"]
    )


class StrategySettings(Section):
    """How a pool rolls over to changed machines."""

    max_surge: int | str = Field(1, description="Machines above the wanted number while rolling.", examples=[1])
    max_unavailable: int | str = Field(0, description="Machines below it while rolling.", examples=[0])


class HealthCheckSettings(Section):
    """The pool's MachineHealthCheck."""

    unhealthy_seconds: int = Field(300, description="Seconds a node may be not Ready.", ge=60, examples=[300])
    node_startup_seconds: int = Field(
        2400, description="Seconds from a machine's order to its node; bare metal is slow.", ge=600, examples=[2400]
    )
    max_unhealthy: int | str = Field("40%", description="No repair beyond this share.", examples=["40%"])


class BootstrapSettings(Section):
    """How a machine becomes a node."""

    profile: Literal["ubuntu-containerd", "commands"] = Field(
        "ubuntu-containerd",
        description="ubuntu-containerd: containerd and Kubernetes from their packages; commands: your own.",
        examples=["ubuntu-containerd"],
    )
    commands: tuple[Command, ...] = Field(
        (),
        description="Own commands before `kubeadm join`, for profile commands.",
        examples=[["apt-get update"]],
        strict=False,
    )
    post_commands: tuple[Command, ...] = Field(
        (), description="Commands after `kubeadm join`.", examples=[["systemctl restart foo"]], strict=False
    )


class WorkerPoolSettings(Section):
    """A MachineDeployment and its templates."""

    name: DnsLabel = Field(description="Name of the pool.", examples=["worker-a"])
    replicas: int | None = Field(None, description="Machines; by default 1.", ge=0, examples=[3])
    min: int | None = Field(None, description="Least machines, for the cluster autoscaler.", ge=0, examples=[1])
    max: int | None = Field(None, description="Most machines, for the cluster autoscaler.", ge=1, examples=[5])
    machine_type: Slug = Field("c3.medium.x86", description="Plan of the machines.", examples=["c3.medium.x86"])
    os: Slug = Field("ubuntu_24_04", description="Operating system slug.", examples=["ubuntu_24_04"])
    billing_cycle: Literal["hourly", "daily", "monthly", "yearly"] = Field(
        "hourly", description="How the machines are billed.", examples=["hourly"]
    )
    metro: DnsLabel | None = Field(None, description="Metro, where it differs from the cluster's.", examples=["da"])
    facility: DnsLabel | None = Field(None, description="Facility, where it differs.", examples=["da11"])
    ipxe_url: str | None = Field(
        None,
        alias="ipxeUrl",
        description="iPXE script, with os custom_ipxe.",
        examples=["https://example.org/boot.ipxe"],
    )
    tags: tuple[str, ...] = Field((), description="Tags; capp 0.9 drops them.", examples=[["team-a"]], strict=False)
    hardware_reservation_ids: tuple[str, ...] = Field(
        (), description="Reserved hardware; capp 0.9 ignores one id and crashes on more.", examples=[[]], strict=False
    )
    kubernetes_version: Version | None = Field(
        None, description="Kubernetes version, where it differs from the cluster's.", examples=["1.33.0"]
    )
    labels: dict[LabelKey, LabelValue] = Field({}, description="Labels of the nodes.", examples=[{"tier": "web"}])
    taints: tuple[TaintSettings, ...] = Field(
        (), description="Taints of the nodes.", examples=[[{"key": "dedicated", "effect": "NoSchedule"}]], strict=False
    )
    strategy: StrategySettings = Field(
        StrategySettings(), description="How it rolls over.", examples=[{"maxSurge": 1, "maxUnavailable": 0}]
    )
    bootstrap: BootstrapSettings = Field(
        BootstrapSettings(), description="How a machine becomes a node.", examples=[{"profile": "ubuntu-containerd"}]
    )
    health_check: HealthCheckSettings | None = Field(
        None, description="Replace machines that stay unhealthy.", examples=[{"nodeStartupSeconds": 2400}]
    )


class ManagementSettings(Section):
    """Credentials of the management cluster; by default $KUBECONFIG, then ~/.kube/config."""

    kubeconfig: SecretStr | None = Field(None, description="A kubeconfig's text, a secret.", strict=False)
    kubeconfig_path: str | None = Field(None, description="A kubeconfig's file.", examples=[".lab/kubeconfig"])
    context: str | None = Field(None, description="Context in it; by default the current one.", examples=["management"])


class HandoffSettings(Section):
    """The wait for the control plane, before machines are bought."""

    enabled: bool = Field(True, description="false: report what Kamaji wrote, without dialling it.", examples=[True])
    timeout_seconds: int = Field(900, description="One deadline for all of it.", ge=10, le=7200, examples=[900])
    path: str = Field("/readyz", description="Path that must answer 200.", pattern="^/", examples=["/readyz"])
    verify: Literal["ca", "none"] = Field(
        "ca", description="Verify the certificate against the tenant's CA; none is unsafe.", examples=["ca"]
    )
    force: bool = Field(False, description="Overwrite a different endpoint.", examples=[False])


class CapiSettings(Section):
    """Generation of the Cluster API objects."""

    contract: Literal["v1beta1"] = Field("v1beta1", description="Cluster API contract.", examples=["v1beta1"])


class TenantClusterSettings(Section):
    """All settings of one tenant cluster."""

    cluster: ClusterSettings
    control_plane: ControlPlaneSettings
    metal: MetalSettings
    worker_pools: tuple[WorkerPoolSettings, ...]
    handoff: HandoffSettings
    capi: CapiSettings

    @property
    def control_plane_name(self) -> str:
        """Name of the KamajiControlPlane."""
        return self.control_plane.name or f"{self.cluster.name}-control-plane"

    @property
    def control_plane_version(self) -> str:
        """Kubernetes version of the control plane."""
        return self.control_plane.version or self.cluster.kubernetes_version

    def pool_version(self, pool: WorkerPoolSettings) -> str:
        """Kubernetes version of a pool's machines."""
        return pool.kubernetes_version or self.cluster.kubernetes_version


class StackSettings(Section):
    """All settings of a stack.

    Attributes:
        warnings: what is allowed, but better known.
    """

    clusters: tuple[TenantClusterSettings, ...]
    management: ManagementSettings
    warnings: tuple[Problem, ...] = ()


def load_stack(raw: Mapping[str, Any], secret_paths: Collection[str] = frozenset()) -> StackSettings:
    """Check a stack's configuration.

    Args:
        raw: decoded values by key, without the keys' namespace.
        secret_paths: the keys that are stored as secrets.

    Raises:
        SettingsError: with every mistake that was found.
    """
    from .settings_load import load

    return load(raw, secret_paths)
