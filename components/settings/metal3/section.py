"""The section ``metal3``, and the keys of a pool that only servers of one's own have."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ..model import TenantClusterSettings
from ..pools import WorkerPoolSettings
from ..section import Section
from ..types import DnsSubdomain, LabelKey, LabelValue
from .hosts import HostSettings
from .network import MetaDataSettings, NetworkDataSettings
from .types import AnyAddress, ImageUrl, KindName, PoolName, Subnet, Word

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


class ExpressionSettings(Section):
    """A condition on a label."""

    key: LabelKey = Field(description="The label's key.", examples=["rack"])
    operator: Operator = Field(description="What must hold.", examples=["In"])
    values: tuple[LabelValue, ...] = Field((), description="With In and NotIn.", examples=[["a", "b"]], strict=False)


class HostSelectorSettings(Section):
    """Which BareMetalHosts of the cluster's namespace may become machines; all that is given must hold."""

    match_labels: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels with their values.", examples=[{"pool": "worker-a"}]
    )
    match_expressions: tuple[ExpressionSettings, ...] = Field(
        (),
        description="Conditions.",
        examples=[[{"key": "rack", "operator": "In", "values": ["a", "b"]}]],
        strict=False,
    )


class ImageSettings(Section):
    """What is written to a server's disk."""

    url: ImageUrl = Field(
        description="Where Ironic fetches it.", examples=["https://images.example.org/ubuntu-24.04.qcow2"]
    )
    checksum: Word | None = Field(
        None,
        description="Its checksum, or a URL of it; not with live-iso.",
        examples=["https://images.example.org/ubuntu-24.04.qcow2.sha256"],
    )
    checksum_type: Literal["md5", "sha256", "sha512"] = Field(
        "sha256", description="Kind of the checksum.", examples=["sha512"]
    )
    format: Literal["raw", "qcow2", "vdi", "vmdk", "live-iso"] = Field(
        "qcow2", description="Format of the image.", examples=["raw"]
    )


class RangeSettings(Section):
    """Addresses from start to end, or all of a subnet."""

    start: AnyAddress | None = Field(None, description="The first one.", examples=["192.0.2.100"])
    end: AnyAddress | None = Field(None, description="The last one.", examples=["192.0.2.200"])
    subnet: Subnet | None = Field(None, description="The network that they lie in.", examples=["192.0.2.0/24"])
    prefix: int | None = Field(None, description="Prefix length, where it differs.", ge=1, le=128, examples=[24])
    gateway: AnyAddress | None = Field(None, description="Gateway, where it differs.", examples=["192.0.2.1"])
    dns_servers: tuple[AnyAddress, ...] = Field(
        (), description="Name servers, where they differ.", examples=[["192.0.2.53"]], strict=False
    )


class IpPoolSettings(Section):
    """Addresses for machines: an IPPool that the stack makes, or one that exists."""

    name: PoolName = Field(
        description="Its name in these settings; the object's is CLUSTER-NAME, or this where it exists.",
        examples=["nodes"],
    )
    existing: bool = Field(False, description="It exists: the stack only refers to it.", examples=[True])
    kind: KindName = Field("IPPool", description="Kind of an existing one.", examples=["InClusterIPPool"])
    api_group: DnsSubdomain = Field(
        "ipam.metal3.io", description="API group of an existing one.", examples=["ipam.cluster.x-k8s.io"]
    )
    ranges: tuple[RangeSettings, ...] = Field(
        (), description="Its addresses.", examples=[[{"start": "192.0.2.100", "end": "192.0.2.200"}]], strict=False
    )
    prefix: int | None = Field(None, description="Prefix length of the network.", ge=1, le=128, examples=[24])
    gateway: AnyAddress | None = Field(None, description="Gateway.", examples=["192.0.2.1"])
    dns_servers: tuple[AnyAddress, ...] = Field(
        (), description="Name servers.", examples=[["192.0.2.53"]], strict=False
    )
    pre_allocations: dict[DnsSubdomain, AnyAddress] = Field(
        {}, description="Addresses kept for claims of these names.", examples=[{"router": "192.0.2.101"}]
    )


class Metal3Settings(Section):
    """Servers of one's own, by Metal3: where the machines come from. All but ipPools and hosts may differ by pool."""

    image: ImageSettings | None = Field(
        None,
        description="What is written to a server's disk; required here or in each pool.",
        examples=[
            {
                "url": "https://images.example.org/ubuntu-24.04.qcow2",
                "checksum": "https://images.example.org/ubuntu-24.04.qcow2.sha256",
            }
        ],
    )
    host_selector: HostSelectorSettings | None = Field(
        None,
        description="Which hosts may be taken; by default all of the namespace.",
        examples=[{"matchLabels": {"pool": "worker-a"}}],
    )
    cleaning: Literal["metadata", "disabled"] = Field(
        "metadata",
        description="What happens to the disks before and after a machine: metadata removes the partition tables, "
        "disabled does nothing.",
        examples=["metadata"],
    )
    meta_data: MetaDataSettings = Field(
        MetaDataSettings.by_default(), description="Metadata of the machines.", examples=[{"strings": {"site": "ams"}}]
    )
    network_data: NetworkDataSettings | None = Field(
        None,
        description="Network of the machines.",
        examples=[{"links": {"ethernets": [{"id": "eth0", "macAddress": {"fromHostInterface": "eth0"}}]}}],
    )
    cloud_controller: Literal["none", "external"] = Field(
        "none",
        description="external: a cloud controller in the cluster sets the nodes' providerID; none: Metal3 does.",
        examples=["none"],
    )
    ip_pools: tuple[IpPoolSettings, ...] = Field(
        (),
        description="IP pools that metaData and networkData name.",
        examples=[[{"name": "nodes", "ranges": [{"start": "192.0.2.100", "end": "192.0.2.200"}], "prefix": 24}]],
        strict=False,
    )
    hosts: tuple[HostSettings, ...] = Field(
        (),
        description="Servers that the stack declares; others may exist already.",
        examples=[
            [
                {
                    "name": "host-0",
                    "bmc": {
                        "address": "redfish-virtualmedia://192.0.2.10/redfish/v1/Systems/1",
                        "credentialsName": "host-0-bmc",
                    },
                }
            ]
        ],
        strict=False,
    )


class Metal3PoolSettings(WorkerPoolSettings):
    """A worker pool of servers of one's own."""

    image: ImageSettings | None = Field(
        None,
        description="Image, where it differs from the cluster's.",
        examples=[
            {
                "url": "https://images.example.org/ubuntu-24.04.qcow2",
                "checksum": "https://images.example.org/ubuntu-24.04.qcow2.sha256",
            }
        ],
    )
    host_selector: HostSelectorSettings | None = Field(
        None, description="Hosts, where they differ.", examples=[{"matchLabels": {"pool": "worker-a"}}]
    )
    cleaning: Literal["metadata", "disabled"] | None = Field(
        None, description="Cleaning, where it differs.", examples=["disabled"]
    )
    meta_data: MetaDataSettings | None = Field(
        None, description="Metadata, where it differs.", examples=[{"strings": {"site": "ams"}}]
    )
    network_data: NetworkDataSettings | None = Field(
        None,
        description="Network, where it differs.",
        examples=[{"links": {"ethernets": [{"id": "eth0", "macAddress": {"fromHostInterface": "eth0"}}]}}],
    )
    node_reuse: bool = Field(
        False,
        description="A roll takes the servers again that it has released; needs strategy.maxSurge 0.",
        examples=[True],
    )


class Metal3ClusterSettings(TenantClusterSettings):
    """A tenant cluster whose machines are servers of one's own."""

    provider: ClassVar[str] = "metal3"

    metal3: Metal3Settings = Field(
        description="Where its machines come from.",
        examples=[
            {
                "image": {
                    "url": "https://images.example.org/ubuntu-24.04.qcow2",
                    "checksum": "https://images.example.org/ubuntu-24.04.qcow2.sha256",
                },
                "hostSelector": {"matchLabels": {"pool": "worker-a"}},
            }
        ],
    )
    worker_pools: tuple[Metal3PoolSettings, ...] = Field(
        (), description="Its pools of workers.", examples=[[{"name": "worker-a", "replicas": 3}]], strict=False
    )

    def image_of(self, pool: Metal3PoolSettings) -> ImageSettings | None:
        """Image of a pool's machines."""
        return pool.image or self.metal3.image

    def network_of(self, pool: Metal3PoolSettings) -> NetworkDataSettings | None:
        """Network of a pool's machines."""
        return pool.network_data or self.metal3.network_data

    def metadata_of(self, pool: Metal3PoolSettings) -> MetaDataSettings:
        """Metadata of a pool's machines."""
        return pool.meta_data or self.metal3.meta_data
