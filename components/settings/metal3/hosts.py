"""Servers of one's own: BareMetalHosts with the credentials of their BMCs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..section import Section
from ..types import AnnotationKey, DnsSubdomain, LabelKey, LabelValue, ShortLine
from .types import BmcAddress, HostName, MacAddress, Secret


class BmcSettings(Section):
    """A server's baseboard management controller."""

    address: BmcAddress = Field(
        description="Driver, host and, for Redfish, the path of the system.",
        examples=["redfish-virtualmedia://192.0.2.10/redfish/v1/Systems/1"],
    )
    username: ShortLine | None = Field(None, description="User of the BMC.", examples=["admin"])
    password: Secret | None = Field(
        None, description="The user's password; a secret, which goes into a Secret beside the host."
    )
    credentials_name: DnsSubdomain | None = Field(
        None,
        description="An existing Secret with username and password, instead of these two.",
        examples=["host-0-bmc"],
    )
    disable_certificate_verification: bool = Field(
        False, description="Trust any certificate of the BMC; unsafe.", examples=[True]
    )


class RootDeviceSettings(Section):
    """Which disk gets the image; all that is given must hold."""

    device_name: str | None = Field(
        None, description="/dev/NAME or /dev/disk/by-path/NAME.", pattern="^/dev/", examples=["/dev/nvme0n1"]
    )
    hctl: str | None = Field(None, description="SCSI address.", min_length=1, examples=["0:0:0:0"])
    model: str | None = Field(None, description="Part of the model's name.", min_length=1, examples=["PM9A3"])
    vendor: str | None = Field(None, description="Part of the vendor's name.", min_length=1, examples=["Samsung"])
    serial_number: str | None = Field(None, description="Serial number.", min_length=1, examples=["S64GNE0R1"])
    min_size_gigabytes: int | None = Field(None, description="Smallest size, in GB.", ge=1, examples=[200])
    wwn: str | None = Field(None, description="World wide name.", min_length=1, examples=["0x5002538e40b1a2c3"])
    rotational: bool | None = Field(None, description="A spinning disk, or none.", examples=[False])


class HostSettings(Section):
    """A server of one's own, as a BareMetalHost that the stack declares."""

    name: HostName = Field(description="Name of the BareMetalHost.", examples=["rack-1-host-0"])
    labels: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels, which hostSelector chooses by.", examples=[{"pool": "worker-a"}]
    )
    annotations: dict[AnnotationKey, str] = Field(
        {}, description="Annotations, such as inspect.metal3.io/hardwaredetails.", examples=[{"example.org/rack": "1"}]
    )
    bmc: BmcSettings = Field(
        description="Its management controller.",
        examples=[
            {
                "address": "redfish-virtualmedia://192.0.2.10/redfish/v1/Systems/1",
                "credentialsName": "host-0-bmc",
            }
        ],
    )
    boot_mac_address: MacAddress | None = Field(
        None,
        alias="bootMACAddress",
        description="MAC address of the card that it boots from; only virtual media finds a host without.",
        examples=["00:60:2f:00:00:01"],
    )
    boot_mode: Literal["UEFI", "UEFISecureBoot", "legacy"] | None = Field(
        None, description="How it boots; by default UEFI.", examples=["UEFI"]
    )
    root_device_hints: RootDeviceSettings | None = Field(
        None, description="Which disk gets the image.", examples=[{"deviceName": "/dev/nvme0n1"}]
    )
    architecture: Literal["x86_64", "aarch64"] | None = Field(
        None, description="Of its processor; by default found by the inspection.", examples=["x86_64"]
    )
    inspection: Literal["agent", "disabled"] | None = Field(
        None, description="disabled: its hardware is not looked at.", examples=["disabled"]
    )
    preprovisioning_network_data_name: DnsSubdomain | None = Field(
        None,
        description="Secret with the network of Ironic's agent, where there is no DHCP.",
        examples=["host-0-network"],
    )
