"""Types of single settings that only Metal3 has."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from ..addresses import is_address, is_name
from ..names import DNS_LABEL, dns_subdomain
from ..secrets import SECURE
from ..types import pattern

MAC = re.compile(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
IMAGE_URL = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+")
INTERFACE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9._-]{0,14}")
METADATA_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
WORD = re.compile(r"[!-~]+")

BMC_DRIVERS = {
    "ipmi": (),
    "libvirt": (),
    "redfish": ("http", "https"),
    "ilo5-redfish": ("http", "https"),
    "idrac-redfish": ("http", "https"),
    "redfish-uefihttp": ("http", "https"),
    "redfish-virtualmedia": ("http", "https"),
    "ilo5-virtualmedia": ("http", "https"),
    "idrac-virtualmedia": ("http", "https"),
}
"""Schemes of a BMC's address and what may follow them after a plus (baremetal-operator v0.13.2, pkg/hardwareutils/bmc)."""

VIRTUAL_MEDIA = ("redfish-virtualmedia", "ilo5-virtualmedia", "idrac-virtualmedia")
"""Drivers that boot from a medium: they alone find a host without its bootMACAddress (NeedsMAC of the same package)."""

NO_SECURE_BOOT = ("ipmi", "libvirt")
NO_CERTIFICATE = ("ipmi", "libvirt")
"""Drivers that speak IPMI, which knows no TLS."""


def driver_of(address: str) -> str:
    """The driver that a BMC's address names.

    >>> driver_of("redfish-virtualmedia+https://192.0.2.1/redfish/v1/Systems/1")
    'redfish-virtualmedia'
    """
    return address.partition("://")[0].partition("+")[0]


def bmc_address(value: str) -> str:
    """Where a BMC is, and by which driver."""
    scheme, separator, location = value.partition("://")
    driver, plus, transport = scheme.partition("+")
    if not separator or driver not in BMC_DRIVERS or (plus and transport not in BMC_DRIVERS[driver]):
        raise ValueError(f"must be driver://host, with one of these drivers: {', '.join(BMC_DRIVERS)}")
    try:
        parts = urlsplit(f"http://{location}")
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises
    except ValueError:
        raise ValueError("has no host, or a port that is not a number") from None
    if parts.username or parts.password:
        raise ValueError("holds a user; set bmc.username and bmc.password instead")
    if not WORD.fullmatch(value) or not (is_address(host) or is_name(host.lower())):
        raise ValueError("must name a host after ://, by an IP address or a DNS name")
    if ("redfish" in driver or "virtualmedia" in driver) and not parts.path.strip("/"):
        raise ValueError("must end with the path of the system, such as /redfish/v1/Systems/1")
    return value


def mac_address(value: str) -> str:
    """A network card's address."""
    if not MAC.fullmatch(value):
        raise ValueError("must be a MAC address: six pairs of hexadecimal digits with colons between")
    return value


def host_name(value: str) -> str:
    """Name of a BareMetalHost: its webhook refuses a UUID (baremetalhost_validation.go)."""
    if UUID.fullmatch(value):
        raise ValueError("must not be a UUID: the baremetal-operator refuses such a name")
    return dns_subdomain(value)


def image_url(value: str) -> str:
    """Where an image is; Ironic fetches it."""
    if len(value) > 512 or not IMAGE_URL.fullmatch(value):
        raise ValueError("must be a URL of at most 512 characters")
    return value


def any_address(value: str) -> str:
    """An address as Metal3's CRDs take it; a router's may be link-local."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("must be an IP address") from None
    if "%" in value or ("." in value and address.version == 6):
        raise ValueError("must be an IP address without a zone and without an IPv4 address at its end")
    return value


def subnet(value: str) -> str:
    """A network with its prefix length."""
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("must be a network in CIDR notation, and all bits after its prefix must be 0") from None
    any_address(value.partition("/")[0])
    if "/" not in value or not value.partition("/")[2].isdecimal() or str(network.prefixlen) != value.partition("/")[2]:
        raise ValueError("must be a network in CIDR notation: an address, a slash and a prefix length")
    return value


def metadata_key(value: str) -> str:
    """A key of the metadata, which user data names as ``ds.meta_data.<key>``."""
    if len(value) > 63 or not METADATA_KEY.fullmatch(value):
        raise ValueError("must be at most 63 letters, digits, '_' and '-', and not begin with a digit or '-'")
    return value


def secret(value: Any) -> Any:
    """Text that is stored as a secret.

    Raises:
        ValueError: it stands there in clear.
    """
    if not isinstance(value, SecretStr):
        raise ValueError("must be stored as a secret, not in clear: set it by `pulumi config set --path --secret`")
    if not value.get_secret_value():
        raise ValueError("must not be empty")
    return value


BmcAddress = Annotated[str, AfterValidator(bmc_address)]
MacAddress = Annotated[str, AfterValidator(mac_address), pattern(MAC)]
HostName = Annotated[str, AfterValidator(host_name)]
ImageUrl = Annotated[str, AfterValidator(image_url), pattern(IMAGE_URL)]
AnyAddress = Annotated[str, AfterValidator(any_address)]
Subnet = Annotated[str, AfterValidator(subnet)]
MetadataKey = Annotated[str, AfterValidator(metadata_key), pattern(METADATA_KEY)]
InterfaceName = Annotated[str, Field(pattern=f"^{INTERFACE_NAME.pattern}$")]
LinkId = Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{WORD.pattern}$")]
Word = Annotated[str, Field(min_length=1, max_length=512, pattern=f"^{WORD.pattern}$")]
PoolName = Annotated[str, AfterValidator(dns_subdomain), pattern(DNS_LABEL)]
Secret = Annotated[SecretStr, BeforeValidator(secret), WithJsonSchema(SECURE), Field(strict=False)]
KindName = Annotated[str, Field(max_length=63, pattern="^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$")]
