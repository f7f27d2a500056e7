"""The checks of orders, ``POST /projects/{id}/devices``, with the real API's texts as far as they are public.

Reports about the real API quote "... is not a valid plan", "... is not a valid facility", "Facility can't be blank" and the
text about SSH keys. The other texts follow their pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

METROS: Mapping[str, str] = {
    "am": "Amsterdam",
    "at": "Atlanta",
    "ch": "Chicago",
    "da": "Dallas",
    "dc": "Washington DC",
    "fr": "Frankfurt",
    "he": "Helsinki",
    "hk": "Hong Kong",
    "la": "Los Angeles",
    "ld": "London",
    "ma": "Manchester",
    "mb": "Mumbai",
    "md": "Madrid",
    "me": "Melbourne",
    "mi": "Miami",
    "mt": "Montreal",
    "ny": "New York",
    "os": "Osaka",
    "pa": "Paris",
    "se": "Seattle",
    "sg": "Singapore",
    "sk": "Stockholm",
    "sl": "Seoul",
    "sp": "Sao Paulo",
    "sv": "Silicon Valley",
    "sy": "Sydney",
    "tr": "Toronto",
    "ty": "Tokyo",
}

PLAN = re.compile(r"[a-z]\d\.(nano|tiny|small|medium|large|xlarge|2xlarge)\.(x86|arm|arm64)(\.[a-z0-9.]+)?")
SYSTEM = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
FACILITY = re.compile(r"[a-z]{2,3}\d{1,2}")
HOSTNAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)

CYCLES = ("hourly", "daily", "monthly", "yearly")
"""DeviceCreateInputBillingCycle of equinix-sdk-go."""

FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "always_pxe": bool,
    "billing_cycle": str,
    "customdata": dict,
    "description": str,
    "facility": (list, str),
    "features": (list, dict),
    "hardware_reservation_id": str,
    "hostname": str,
    "ip_addresses": list,
    "ipxe_script_url": str,
    "locked": bool,
    "metro": str,
    "network_frozen": bool,
    "no_ssh_keys": bool,
    "operating_system": str,
    "plan": str,
    "private_ipv4_subnet_size": int,
    "project_ssh_keys": list,
    "public_ipv4_subnet_size": int,
    "spot_instance": bool,
    "spot_price_max": (int, float),
    "ssh_keys": list,
    "storage": dict,
    "tags": list,
    "termination_time": str,
    "user_ssh_keys": list,
    "userdata": str,
}
"""Fields of DeviceCreateInMetroInput and DeviceCreateInFacilityInput of equinix-sdk-go."""


def problems(body: object) -> list[str]:
    """All errors in an order."""
    if not isinstance(body, Mapping):
        return ["the body is not a JSON object"]
    texts = [f"{name} is not a known attribute" for name in sorted(set(body) - set(FIELDS))]
    values = {name: value for name, value in body.items() if name in FIELDS and value is not None}
    for name, value in values.items():
        if not isinstance(value, FIELDS[name]):
            texts.append(f"{name} has the wrong type")
    if texts:
        return texts
    texts += (
        _location(values) + _slug_problems(values, "plan", PLAN) + _slug_problems(values, "operating_system", SYSTEM)
    )
    if (cycle := values.get("billing_cycle")) and cycle not in CYCLES:
        texts.append(f"{cycle} is not a valid billing cycle")
    if (hostname := values.get("hostname")) and not HOSTNAME.fullmatch(hostname):
        texts.append(f"Hostname {hostname} is not valid")
    if not all(isinstance(tag, str) for tag in values.get("tags", [])):
        texts.append("tags has the wrong type")
    if values.get("operating_system") == "custom_ipxe" and not values.get("ipxe_script_url"):
        texts.append("Ipxe script url can't be blank")
    return texts


def location(body: Mapping[str, Any]) -> tuple[str, str]:
    """Metro and facility of a valid order."""
    if metro := body.get("metro"):
        return metro, f"{metro}11"
    code = body["facility"]
    facility: str = code if isinstance(code, str) else code[0]
    return facility[:2] if facility[:2] in METROS else "ny", facility


def _location(body: Mapping[str, Any]) -> list[str]:
    metro, facility = body.get("metro"), body.get("facility")
    if metro and facility:
        return ["facility and metro can't be given together"]
    if metro:
        return [] if metro in METROS else [f"{metro} is not a valid metro"]
    if not facility:
        return ["Facility can't be blank"]
    names = [facility] if isinstance(facility, str) else facility
    return [f"{name} is not a valid facility" for name in names if not FACILITY.fullmatch(str(name))]


def _slug_problems(body: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> list[str]:
    value = body.get(name)
    words = name.replace("_", " ")
    if not value:
        return [f"{words.capitalize()} can't be blank"]
    return [] if pattern.fullmatch(value) else [f"{value} is not a valid {words}"]
