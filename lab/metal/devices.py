"""Devices: their records, and their form in the API."""

from __future__ import annotations

import datetime
import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import orders

PUBLIC = ipaddress.ip_network("198.18.0.0/15")
"""The range for benchmarks (RFC 2544): no device can be mistaken for a real machine."""

PRIVATE = ipaddress.ip_network("10.64.0.0/15")

PER_PAGE, MOST_PER_PAGE = 10, 100


@dataclass
class Device:
    """A server, from its order to its deletion; it is billed for that time.

    Attributes:
        number: index of its addresses in the networks.
        state: as in the real API: queued, provisioning, active, failed.
        stage: state of its operating system: "", booting, joined, left out.
        problem: why it is left out of its cluster.
        stuck: whether it never leaves state provisioning.
    """

    id: str
    project: str
    hostname: str
    plan: str
    operating_system: str
    metro: str
    facility: str
    billing_cycle: str
    tags: list[str]
    userdata: str
    number: int
    created: float
    updated: float
    state: str = "queued"
    stage: str = ""
    problem: str = ""
    locked: bool = False
    stuck: bool = False
    bgp: list[str] = field(default_factory=list)

    @property
    def public_address(self) -> str:
        """Public IPv4 address."""
        return str(PUBLIC[256 + 2 * self.number + 1])

    @property
    def private_address(self) -> str:
        """Private IPv4 address."""
        return str(PRIVATE[256 + 2 * self.number + 1])


def order(project: str, body: Mapping[str, Any], numbers: Iterable[int], now: float) -> Device:
    """The device of a valid order."""
    metro, facility = orders.location(body)
    in_use = set(numbers)
    identity = str(uuid.uuid4())
    return Device(
        id=identity,
        project=project,
        hostname=body.get("hostname") or identity[:8],
        plan=body["plan"],
        operating_system=body["operating_system"],
        metro=metro,
        facility=facility,
        billing_cycle=body.get("billing_cycle") or "hourly",
        tags=list(body.get("tags") or []),
        userdata=body.get("userdata") or "",
        number=next(number for number in range(1 + len(in_use)) if number not in in_use),
        created=now,
        updated=now,
        locked=bool(body.get("locked")),
    )


def timestamp(seconds: float) -> str:
    """A time in the API's format."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def document(device: Device) -> dict[str, Any]:
    """A device in the API's format.

    capp 0.9 reads ``facility`` and ``metro`` without checking that they exist. equinix-sdk-go decodes ``state`` and the types
    of addresses strictly, and requires ``href`` in each object that has one.
    """
    href = f"/metal/v1/devices/{device.id}"
    metro = {
        "id": identity("metro", device.metro),
        "code": device.metro,
        "name": orders.METROS.get(device.metro, device.metro),
        "country": "US",
    }
    return {
        "id": device.id,
        "short_id": device.id[:8],
        "href": href,
        "hostname": device.hostname,
        "state": device.state,
        "tags": device.tags,
        "billing_cycle": device.billing_cycle,
        "user": "root",
        "iqn": f"iqn.2026-01.net.packet:device.{device.id[:8]}",
        "locked": device.locked,
        "bonding_mode": 4,
        "created_at": timestamp(device.created),
        "updated_at": timestamp(device.updated),
        "facility": {"id": identity("facility", device.facility), "code": device.facility, "name": device.facility},
        "metro": metro,
        "plan": {"id": identity("plan", device.plan), "slug": device.plan, "name": device.plan, "class": device.plan},
        "operating_system": {"slug": device.operating_system, "name": device.operating_system},
        "project": {"id": device.project, "href": f"/metal/v1/projects/{device.project}"},
        "project_lite": {"href": f"/metal/v1/projects/{device.project}"},
        "ssh_keys": [],
        "volumes": [],
        "network_ports": [],
        "ip_addresses": [
            address(device, device.public_address, public=True),
            address(device, device.private_address, public=False),
        ],
        "userdata": device.userdata,
    }


def address(device: Device, value: str, *, public: bool) -> dict[str, Any]:
    """One of a device's addresses, an IPAssignment of the API."""
    network = ipaddress.ip_interface(f"{value}/31").network
    identifier = identity("address", device.id, value)
    return {
        "id": identifier,
        "href": f"/metal/v1/ips/{identifier}",
        "address": value,
        "address_family": 4,
        "public": public,
        "management": True,
        "manageable": True,
        "enabled": True,
        "cidr": 31,
        "netmask": "255.255.255.254",
        "network": str(network.network_address),
        "gateway": str(network.network_address),
        "type": "IPAssignment",
        "state": "active",
        "created_at": timestamp(device.created),
        "assigned_to": {"href": f"/metal/v1/devices/{device.id}"},
    }


def identity(*words: str) -> str:
    """An id derived from words: the same words give the same id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(words)))


def number(value: str | None, default: int) -> int:
    """A query parameter as an integer of at least 1."""
    return int(value) if value and value.isdecimal() and int(value) > 0 else default


def page(path: str, query: Mapping[str, str], items: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    """One page of a list, and the ``meta`` object that describes the others."""
    size = min(number(query.get("per_page"), PER_PAGE), MOST_PER_PAGE)
    last = max(1, -(-len(items) // size))
    current = number(query.get("page"), 1)

    def link(target: int) -> dict[str, str]:
        return {"href": f"{path}?page={target}" + (f"&per_page={size}" if size != PER_PAGE else "")}

    meta: dict[str, Any] = {
        "total": len(items),
        "current_page": current,
        "last_page": last,
        "self": link(current),
        "first": link(1),
        "last": link(last),
        "previous": link(current - 1) if 1 < current <= last else None,
        "next": link(current + 1) if current < last else None,
    }
    return items[(current - 1) * size : current * size], meta


def select(devices: Iterable[Device], query: Mapping[str, str]) -> list[Device]:
    """The devices that match a query's filters, newest first."""
    matches = [
        device
        for device in devices
        if query.get("hostname") in (None, device.hostname)
        and query.get("tag") in (None, *device.tags)
        and query.get("search", "").lower() in " ".join([device.hostname, *device.tags, device.id]).lower()
    ]
    return sorted(matches, key=lambda device: (device.created, device.number), reverse=True)
