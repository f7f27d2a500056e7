"""Settings of the worker pools."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .section import Section
from .types import (
    INT32,
    AnnotationKey,
    ArgumentValue,
    Command,
    Content,
    DnsLabel,
    DnsSubdomain,
    FilePath,
    IntOrPercent,
    LabelKey,
    LabelValue,
    Permissions,
    SecretKey,
    ShortLine,
    SshKey,
    Timestamp,
    UserName,
    Version,
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

    type: Literal["RollingUpdate", "OnDelete"] = Field(
        "RollingUpdate",
        description="RollingUpdate: machines are replaced one after the other; OnDelete: only once you delete them.",
        examples=["RollingUpdate"],
    )
    max_surge: IntOrPercent = Field(
        1, description="Machines above the wanted number in a roll; with RollingUpdate.", examples=[1]
    )
    max_unavailable: IntOrPercent = Field(
        0, description="Machines below the wanted number in a roll; with RollingUpdate.", examples=[0]
    )
    delete_policy: Literal["Random", "Newest", "Oldest"] | None = Field(
        None, description="Which machines go first; Cluster API's default is Random.", examples=["Oldest"]
    )


class HealthCheckSettings(Section):
    """The pool's MachineHealthCheck."""

    unhealthy_seconds: int = Field(
        300, description="Seconds that a node may be not Ready.", ge=60, le=INT32, examples=[300]
    )
    node_startup_seconds: int = Field(
        2400,
        description="Seconds from a machine's order to its node; bare metal is slow.",
        ge=600,
        le=INT32,
        examples=[2400],
    )
    max_unhealthy: IntOrPercent = Field(
        "40%", description="If more machines than this are unhealthy, none is replaced.", examples=["40%"]
    )


class SecretKeySettings(Section):
    """An entry of a Secret in the cluster's namespace."""

    name: DnsSubdomain = Field(description="Name of the Secret.", examples=["registry-credentials"])
    key: SecretKey = Field(description="Key in it.", examples=["config.toml"])


class ContentFromSettings(Section):
    """Where a file's content comes from."""

    secret: SecretKeySettings = Field(
        description="A Secret.", examples=[{"name": "registry-credentials", "key": "config.toml"}]
    )


class FileSettings(Section):
    """A file that a machine gets before it joins."""

    path: FilePath = Field(description="Where.", examples=["/etc/containerd/certs.d/hosts.toml"])
    content: Content | None = Field(
        None,
        description="Its text; stored as a secret, it goes to the machines by a Secret of the management cluster.",
        examples=["server = 'https://registry.example.org'"],
    )
    content_from: ContentFromSettings | None = Field(
        None,
        description="Its content in a Secret that is there already.",
        examples=[{"secret": {"name": "registry-credentials", "key": "config.toml"}}],
    )
    owner: ShortLine | None = Field(None, description="User and group.", examples=["root:root"])
    permissions: Permissions | None = Field(None, description="Mode.", examples=["0644"])
    encoding: Literal["base64", "gzip", "gzip+base64"] | None = Field(
        None, description="How the content is encoded.", examples=["base64"]
    )
    append: bool = Field(False, description="Append to what is there.", examples=[True])


class UserSettings(Section):
    """A user of a machine."""

    name: UserName = Field(description="Name.", examples=["alice"])
    ssh_authorized_keys: tuple[SshKey, ...] = Field(
        (),
        description="Public keys that log in.",
        examples=[["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE alice"]],
        max_length=100,
        strict=False,
    )
    groups: ShortLine | None = Field(None, description="Groups, with commas between.", examples=["sudo"])
    sudo: ShortLine | None = Field(None, description="Rule for sudo.", examples=["ALL=(ALL) NOPASSWD:ALL"])
    shell: ShortLine | None = Field(None, description="Login shell.", examples=["/bin/bash"])


class BootstrapSettings(Section):
    """How a machine becomes a node."""

    profile: Literal["ubuntu-containerd"] | None = Field(
        None,
        description="ubuntu-containerd, the default without commands: containerd and Kubernetes from their packages.",
        examples=["ubuntu-containerd"],
    )
    commands: tuple[Command, ...] = Field(
        (),
        description="Own shell commands before `kubeadm join`, instead of a profile; passed on as they are. One that "
        "is stored as a secret goes by a Secret.",
        examples=[["/opt/prepare.sh"]],
        max_length=1000,
        strict=False,
    )
    post_commands: tuple[Command, ...] = Field(
        (),
        description="Shell commands after `kubeadm join`; secrets as with commands.",
        examples=[["systemctl restart example"]],
        max_length=1000,
        strict=False,
    )
    files: tuple[FileSettings, ...] = Field(
        (),
        description="Files that the machines get.",
        examples=[[{"path": "/etc/motd", "content": "worker"}]],
        max_length=200,
        strict=False,
    )
    users: tuple[UserSettings, ...] = Field(
        (),
        description="Users of the machines.",
        examples=[[{"name": "alice"}]],
        max_length=100,
        strict=False,
    )
    kubelet_extra_args: dict[DnsLabel, ArgumentValue] = Field(
        {}, description="Further arguments of the kubelet.", max_length=90, examples=[{"max-pods": "200"}]
    )


class WorkerPoolSettings(Section):
    """A MachineDeployment and its templates; a subclass adds the keys of an infrastructure provider."""

    name: DnsLabel = Field(description="Name of the pool.", examples=["worker-a"])
    replicas: int | None = Field(
        None, description="Machines; 1 without replicas, min and max.", ge=0, le=10000, examples=[3]
    )
    min: int | None = Field(
        None,
        description="Fewest machines, for the cluster autoscaler; instead of replicas.",
        ge=0,
        le=10000,
        examples=[1],
    )
    max: int | None = Field(
        None,
        description="Most machines, for the cluster autoscaler; instead of replicas.",
        ge=1,
        le=10000,
        examples=[5],
    )
    kubernetes_version: Version | None = Field(
        None, description="Kubernetes version, where it differs from the cluster's.", examples=["1.33.0"]
    )
    labels: dict[LabelKey, LabelValue] = Field({}, description="Labels of the nodes.", examples=[{"tier": "web"}])
    taints: tuple[TaintSettings, ...] = Field(
        (),
        description="Taints of the nodes.",
        examples=[[{"key": "dedicated", "effect": "NoSchedule"}]],
        max_length=100,
        strict=False,
    )
    annotations: dict[AnnotationKey, str] = Field(
        {},
        description="Annotations of the MachineDeployment, such as the autoscaler's capacity hints.",
        examples=[{"capacity.cluster-autoscaler.kubernetes.io/cpu": "24"}],
    )
    strategy: StrategySettings | None = Field(
        None, description="How it rolls over; by default one more machine at a time.", examples=[{"maxSurge": 1}]
    )
    rollout_after: Timestamp | None = Field(
        None,
        description="Replace the machines that are older than this time, once it has come: a roll on demand, with nothing "
        "else changed. Removing the key does nothing.",
        examples=["2026-03-09T09:00:00Z"],
    )
    node_drain_timeout_seconds: int | None = Field(
        None, description="Longest drain of a node; by default without end.", ge=0, le=INT32, examples=[600]
    )
    bootstrap: BootstrapSettings = Field(
        BootstrapSettings.by_default(),
        description="How a machine becomes a node.",
        examples=[{"profile": "ubuntu-containerd"}],
    )
    health_check: HealthCheckSettings | None = Field(
        None,
        description="Replace machines that stay unhealthy; {} for the defaults.",
        examples=[{"maxUnhealthy": "40%"}],
    )
    wait: bool = Field(False, description="Let `pulumi up` wait until the pool's machines are there.", examples=[True])
