"""The metadata and network data of a server: the content of a Metal3DataTemplate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..section import Section
from ..types import AnnotationKey, LabelKey
from .types import AnyAddress, InterfaceName, LinkId, MacAddress, MetadataKey, PoolName, Subnet, Word

ObjectKind = Literal["machine", "metal3machine", "baremetalhost"]


class IndexSettings(Section):
    """A number that each machine of a pool has for itself."""

    key: MetadataKey = Field(description="Key.", examples=["index"])
    offset: int = Field(0, description="The first machine's number.", ge=0, le=2**31 - 1, examples=[1])
    step: int = Field(
        1, description="Difference between the numbers of two machines.", ge=1, le=2**31 - 1, examples=[1]
    )
    prefix: Word | None = Field(None, description="Text before the number.", examples=["node-"])
    suffix: Word | None = Field(None, description="Text after the number.", examples=[".example"])


class FromLabelSettings(Section):
    """The value of a label; empty where there is none."""

    key: MetadataKey = Field(description="Key.", examples=["rack"])
    object: ObjectKind = Field(description="Object that has the label.", examples=["baremetalhost"])
    label: LabelKey = Field(description="The label's key.", examples=["rack"])


class FromAnnotationSettings(Section):
    """The value of an annotation; empty where there is none."""

    key: MetadataKey = Field(description="Key.", examples=["position"])
    object: ObjectKind = Field(description="Object that has the annotation.", examples=["baremetalhost"])
    annotation: AnnotationKey = Field(description="The annotation's key.", examples=["example.org/position"])


class MetaDataSettings(Section):
    """Metadata of a pool's machines by key, beside name and local-hostname; user data names it ds.meta_data.KEY."""

    strings: dict[MetadataKey, Word] = Field({}, description="Fixed text.", examples=[{"site": "ams"}])
    object_names: dict[MetadataKey, ObjectKind] = Field(
        {}, description="Names of objects, by their kind.", examples=[{"host": "baremetalhost"}]
    )
    indexes: tuple[IndexSettings, ...] = Field((), description="Numbers.", examples=[[{"key": "index"}]], strict=False)
    namespaces: tuple[MetadataKey, ...] = Field(
        (), description="Keys that get the namespace as their value.", examples=[["namespace"]], strict=False
    )
    ip_addresses_from_pool: dict[MetadataKey, PoolName] = Field(
        {}, description="Addresses, by the IP pool that they come from.", examples=[{"nodeIP": "nodes"}]
    )
    prefixes_from_pool: dict[MetadataKey, PoolName] = Field(
        {}, description="Prefix lengths, by IP pool.", examples=[{"nodePrefix": "nodes"}]
    )
    gateways_from_pool: dict[MetadataKey, PoolName] = Field(
        {}, description="Gateways, by IP pool.", examples=[{"gateway": "nodes"}]
    )
    from_host_interfaces: dict[MetadataKey, Word] = Field(
        {}, description="MAC addresses, by the network card's name in the host's status.", examples=[{"mac": "eth0"}]
    )
    from_labels: tuple[FromLabelSettings, ...] = Field(
        (),
        description="Values of labels.",
        examples=[[{"key": "rack", "object": "baremetalhost", "label": "rack"}]],
        strict=False,
    )
    from_annotations: tuple[FromAnnotationSettings, ...] = Field(
        (),
        description="Values of annotations.",
        examples=[[{"key": "position", "object": "baremetalhost", "annotation": "example.org/position"}]],
        strict=False,
    )


class MacAnnotationSettings(Section):
    """An annotation that holds a MAC address."""

    object: ObjectKind = Field(description="Object that has the annotation.", examples=["baremetalhost"])
    annotation: AnnotationKey = Field(description="The annotation's key.", examples=["example.org/mac"])


class MacSettings(Section):
    """Which card a link is: one of the three."""

    from_host_interface: Word | None = Field(
        None, description="The card's name in the host's status.", examples=["eth0"]
    )
    from_annotation: MacAnnotationSettings | None = Field(
        None,
        description="An annotation with the address.",
        examples=[{"object": "baremetalhost", "annotation": "example.org/mac"}],
    )
    string: MacAddress | None = Field(None, description="The address itself.", examples=["00:60:2f:00:00:01"])


class LinkSettings(Section):
    """A link of any kind."""

    id: LinkId = Field(description="Its name in networks, bonds and VLANs.", examples=["eth0"])
    name: InterfaceName | None = Field(None, description="Name that the interface gets.", examples=["lan0"])
    mtu: int = Field(1500, description="Largest frame, in bytes.", ge=1280, le=9000, examples=[9000])
    mac_address: MacSettings = Field(description="Which card it is.", examples=[{"fromHostInterface": "eth0"}])


class EthernetSettings(LinkSettings):
    """A network card."""

    type: Literal["phy", "vif", "tap", "ovs", "bridge", "dvs", "hw_veb", "hyperv", "vhostuser"] = Field(
        "phy", description="Its kind.", examples=["phy"]
    )


class BondSettings(LinkSettings):
    """Several cards as one link."""

    bond_mode: Literal[
        "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"
    ] = Field(description="How they share the load.", examples=["802.3ad"])
    bond_xmit_hash_policy: Literal["layer2", "layer3+4", "layer2+3"] | None = Field(
        None, description="What decides which card sends a packet.", examples=["layer3+4"]
    )
    bond_links: tuple[LinkId, ...] = Field(
        description="The cards, by id.", min_length=1, examples=[["eth0", "eth1"]], strict=False
    )
    parameters: dict[str, Any] = Field(
        {}, description="Further parameters of the bond, passed on as they are.", examples=[{"miimon": 100}]
    )


class VlanSettings(LinkSettings):
    """A VLAN on a link."""

    vlan_id: int = Field(alias="vlanID", description="Its number.", ge=1, le=4094, examples=[101])
    vlan_link: LinkId = Field(description="The link that it is on, by id.", examples=["bond0"])


class LinksSettings(Section):
    """Links by kind."""

    ethernets: tuple[EthernetSettings, ...] = Field(
        (),
        description="Network cards.",
        max_length=32,
        examples=[[{"id": "eth0", "macAddress": {"fromHostInterface": "eth0"}}]],
        strict=False,
    )
    bonds: tuple[BondSettings, ...] = Field(
        (),
        description="Bonds of them.",
        examples=[
            [
                {
                    "id": "bond0",
                    "bondMode": "802.3ad",
                    "bondLinks": ["eth0", "eth1"],
                    "macAddress": {"fromHostInterface": "eth0"},
                }
            ]
        ],
        strict=False,
    )
    vlans: tuple[VlanSettings, ...] = Field(
        (),
        description="VLANs on them.",
        examples=[[{"id": "v101", "vlanID": 101, "vlanLink": "bond0", "macAddress": {"fromHostInterface": "eth0"}}]],
        strict=False,
    )


class GatewaySettings(Section):
    """A router: one of the two."""

    pool: PoolName | None = Field(None, description="The gateway of an IP pool.", examples=["nodes"])
    string: AnyAddress | None = Field(None, description="Its address.", examples=["192.0.2.1"])


class RouteSettings(Section):
    """A route."""

    network: Subnet = Field(description="Network that it leads to, in CIDR notation.", examples=["0.0.0.0/0"])
    gateway: GatewaySettings = Field(description="Router that it goes through.", examples=[{"pool": "nodes"}])
    dns: tuple[AnyAddress, ...] = Field(
        (), description="Name servers that are reached by it.", examples=[["192.0.2.53"]], strict=False
    )


class NetworkSettings(Section):
    """A network on a link, whose addresses come from DHCP or the router."""

    id: LinkId = Field(description="Its name.", examples=["nodes"])
    link: LinkId = Field(description="The link that it is on, by id.", examples=["eth0"])
    routes: tuple[RouteSettings, ...] = Field(
        (),
        description="Its routes.",
        examples=[[{"network": "0.0.0.0/0", "gateway": {"pool": "nodes"}}]],
        strict=False,
    )


class StaticNetworkSettings(NetworkSettings):
    """A network on a link, whose addresses come from an IP pool."""

    pool: PoolName = Field(description="The IP pool.", examples=["nodes"])


class NetworksSettings(Section):
    """Networks by the way in which a server gets its address there."""

    ipv4: tuple[StaticNetworkSettings, ...] = Field(
        (),
        description="IPv4 from a pool.",
        examples=[[{"id": "nodes", "link": "eth0", "pool": "nodes"}]],
        strict=False,
    )
    ipv6: tuple[StaticNetworkSettings, ...] = Field(
        (),
        description="IPv6 from a pool.",
        examples=[[{"id": "nodes6", "link": "eth0", "pool": "nodes6"}]],
        strict=False,
    )
    ipv4_dhcp: tuple[NetworkSettings, ...] = Field(
        (),
        alias="ipv4DHCP",
        description="IPv4 by DHCP.",
        examples=[[{"id": "nodes", "link": "eth0"}]],
        strict=False,
    )
    ipv6_dhcp: tuple[NetworkSettings, ...] = Field(
        (),
        alias="ipv6DHCP",
        description="IPv6 by DHCP.",
        examples=[[{"id": "nodes6", "link": "eth0"}]],
        strict=False,
    )
    ipv6_slaac: tuple[NetworkSettings, ...] = Field(
        (),
        alias="ipv6SLAAC",
        description="IPv6 from the router's announcements.",
        examples=[[{"id": "nodes6", "link": "eth0"}]],
        strict=False,
    )


class ServicesSettings(Section):
    """Services of the network."""

    dns: tuple[AnyAddress, ...] = Field((), description="Name servers.", examples=[["192.0.2.53"]], strict=False)
    dns_from_pool: PoolName | None = Field(None, description="IP pool whose name servers are used.", examples=["nodes"])


class NetworkDataSettings(Section):
    """The network of a pool's machines; without it the image finds its own, mostly by DHCP."""

    links: LinksSettings = Field(
        LinksSettings.by_default(),
        description="Links.",
        examples=[{"ethernets": [{"id": "eth0", "macAddress": {"fromHostInterface": "eth0"}}]}],
    )
    networks: NetworksSettings = Field(
        NetworksSettings.by_default(),
        description="Networks on them.",
        examples=[{"ipv4": [{"id": "nodes", "link": "eth0", "pool": "nodes"}]}],
    )
    services: ServicesSettings = Field(
        ServicesSettings.by_default(), description="Name servers.", examples=[{"dns": ["192.0.2.53"]}]
    )
