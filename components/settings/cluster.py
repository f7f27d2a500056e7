"""Settings of the Cluster object."""

from __future__ import annotations

from pydantic import Field

from .section import Section
from .types import Cidr, Dns1035, DnsDomain, DnsLabel, LabelKey, LabelValue, Port, Version


class ClusterSettings(Section):
    """The Cluster object."""

    name: Dns1035 = Field(
        description="Name of the Cluster, and of the objects made for it.", examples=["capi-quickstart"]
    )
    namespace: DnsLabel = Field("default", description="Its namespace in the management cluster.", examples=["default"])
    create_namespace: bool = Field(
        False,
        description="Create that namespace. A destroy leaves it: it may hold other clusters and Secrets.",
        examples=[True],
    )
    kubernetes_version: Version = Field(
        "1.33.0",
        description="Kubernetes version of the control plane, and of pools without their own.",
        examples=["1.33.0"],
    )
    pod_cidrs: tuple[Cidr, ...] = Field(
        ("192.168.0.0/16",),
        description="Address ranges of pods; one, or one for each of IPv4 and IPv6.",
        min_length=1,
        max_length=2,
        examples=[["192.168.0.0/16"]],
        strict=False,
    )
    service_cidrs: tuple[Cidr, ...] = Field(
        ("172.26.0.0/16",),
        description="Address ranges of Services; one, or one for each of IPv4 and IPv6.",
        min_length=1,
        max_length=2,
        examples=[["172.26.0.0/16"]],
        strict=False,
    )
    service_domain: DnsDomain | None = Field(
        None, description="DNS domain of Services; Kamaji's default is cluster.local.", examples=["cluster.local"]
    )
    api_server_port: Port | None = Field(
        None, description="Port of the API server; Kamaji's default is 6443.", examples=[6443]
    )
    labels: dict[LabelKey, LabelValue] = Field(
        {}, description="Further labels of all objects of the cluster.", examples=[{"team": "a"}]
    )
    paused: bool = Field(
        False, description="Pause the cluster: no controller of Cluster API acts on it.", examples=[True]
    )
    protect: bool = Field(
        False,
        description="Pulumi refuses to delete the cluster, its control plane and its project.",
        examples=[True],
    )
    allow_replacement: bool = Field(
        False,
        description="Allow a change that deletes the cluster with all its machines. To rename the cluster or to take it out "
        "of the list, apply this first; `pulumi destroy` doesn't need it.",
        examples=[True],
    )
