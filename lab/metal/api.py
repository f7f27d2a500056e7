"""The routes of the simulated Metal API.

The contract is that of equinix-sdk-go 0.42 (services/metalv1), as far as cluster-api-provider-packet 0.9 uses it.
"""

from __future__ import annotations

import hmac
import json
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from . import devices, orders
from .devices import Device
from .faults import Fault, FaultInvalid
from .store import Call, Store

BASE = "/metal/v1"


@dataclass(frozen=True)
class Request:
    """An HTTP request."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """Path without the query."""
        return urllib.parse.urlsplit(self.target).path.rstrip("/")

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last one of a name counts."""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.target).query))


@dataclass(frozen=True)
class Response:
    """A response: JSON, or an empty body; ``cut`` ends the connection within the response's head."""

    status: int
    document: Any = None
    cut: bool = False
    project: str = ""
    device: str = ""


Handler = Callable[[Request, str], Response]


def errors(status: int, *texts: str, project: str = "", device: str = "") -> Response:
    """An error in the format of the API."""
    return Response(status, {"errors": list(texts)}, project=project, device=device)


class Api:
    """Answers requests from a store."""

    def __init__(
        self, store: Store, api_key: str, on_order: Callable[[Device], None], removal: Callable[[Device], None]
    ) -> None:
        """Prepare.

        Args:
            store: the API's data.
            api_key: the only token that the API accepts.
            on_order: called with each new device.
            removal: called with each device that was deleted or has vanished.
        """
        self._store, self._api_key, self._on_order, self._on_removal = store, api_key, on_order, removal
        routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", f"{BASE}/projects/([^/]+)/devices", self._list),
            ("POST", f"{BASE}/projects/([^/]+)/devices", self._create),
            ("GET", f"{BASE}/projects/([^/]+)/ips", self._reservations),
            ("GET", f"{BASE}/projects/([^/]+)/bgp-config", self._bgp),
            ("GET", f"{BASE}/devices/([^/]+)", self._show),
            ("DELETE", f"{BASE}/devices/([^/]+)", self._delete),
            ("POST", f"{BASE}/devices/([^/]+)/bgp/sessions", self._peer),
            ("GET", "/lab/projects/([^/]+)/faults", self._faults),
            ("PUT", "/lab/projects/([^/]+)/faults", self._set_faults),
            ("DELETE", "/lab/projects/([^/]+)/faults", self._clear_faults),
            ("GET", "/lab/(devices)", self._overview),
            ("GET", "/lab/(calls)", self._calls),
        )
        self._routes = [(method, re.compile(path), handler) for method, path, handler in routes]

    def answer(self, request: Request) -> Response:
        """Answer a request; calls of the Metal API itself are recorded in the journal."""
        response = self._answer(request)
        if request.path.startswith(BASE):
            status = 0 if response.cut else response.status
            call = Call(time.time(), request.method, request.path, status, response.project, response.device)
            self._store.note(call)
        return response

    def _answer(self, request: Request) -> Response:
        token = next((value for name, value in request.headers.items() if name.lower() == "x-auth-token"), "")
        if not hmac.compare_digest(token.encode(), self._api_key.encode()):
            return errors(401, "Invalid authentication token")
        matches = [
            (method, match[1], handler)
            for method, path, handler in self._routes
            if (match := path.fullmatch(request.path))
        ]
        for method, identity, handler in matches:
            if method == request.method:
                return handler(request, identity)
        return errors(405, "Method not allowed") if matches else errors(404, "Not found")

    def _call_fault(self, project: str, *kinds: str, device: Device | None = None) -> Response | None:
        names = (device.id, device.hostname) if device else ()
        for kind in kinds:
            if fault := self._store.strike(project, kind, *names):
                return errors(fault.status, fault.text, project=project, device=device.id if device else "")
        return None

    def _list(self, request: Request, project: str) -> Response:
        if failure := self._call_fault(project, "rate-limit"):
            return failure
        page, meta = devices.page(request.path, request.query, devices.select(self._store.all(project), request.query))
        return Response(200, {"devices": [devices.document(device) for device in page], "meta": meta}, project=project)

    def _create(self, request: Request, project: str) -> Response:
        if failure := self._call_fault(project, "rate-limit"):
            return failure
        try:
            body = json.loads(request.body)
        except ValueError:
            return errors(400, "There was an error in the JSON you submitted", project=project)
        if problems := orders.problems(body):
            return errors(422, *problems, project=project)
        hostname = body.get("hostname") or ""
        if fault := self._store.strike(project, "create-error", hostname):
            return errors(fault.status, fault.text, project=project)
        device = self._store.add(lambda numbers: devices.order(project, body, numbers, time.time()))
        self._on_order(device)
        cut = self._store.strike(project, "create-cut", device.id, hostname) is not None
        return Response(201, devices.document(device), cut=cut, project=project, device=device.id)

    def _reservations(self, request: Request, project: str) -> Response:
        if failure := self._call_fault(project, "rate-limit"):
            return failure
        _, meta = devices.page(request.path, request.query, [])
        return Response(200, {"ip_addresses": [], "meta": meta}, project=project)

    def _bgp(self, _request: Request, project: str) -> Response:
        config = {"id": devices.identity("bgp", project), "status": "enabled", "deployment_type": "local", "asn": 65000}
        return Response(200, config, project=project)

    def _find(self, identity: str, *kinds: str) -> Device | Response:
        device = self._store.get(identity)
        if device is None:
            return errors(404, "Not found", device=identity)
        return self._call_fault(device.project, "rate-limit", *kinds, device=device) or device

    def _show(self, _request: Request, identity: str) -> Response:
        device = self._find(identity, "read-error")
        if isinstance(device, Response):
            return device
        if self._store.strike(device.project, "vanishes", device.id, device.hostname):
            self._forget(device)
            return errors(404, "Not found", project=device.project, device=device.id)
        return Response(200, devices.document(device), project=device.project, device=device.id)

    def _delete(self, request: Request, identity: str) -> Response:
        device = self._find(identity, "delete-error")
        if isinstance(device, Response):
            return device
        is_forced = request.query.get("force_delete") == "true"
        if device.locked:
            return errors(422, "Cannot delete a locked item", project=device.project, device=device.id)
        if device.state == "provisioning" and not is_forced:
            text = "Cannot delete a device while it is provisioning"
            return errors(422, text, project=device.project, device=device.id)
        self._forget(device)
        return Response(204, project=device.project, device=device.id)

    def _peer(self, _request: Request, identity: str) -> Response:
        device = self._find(identity)
        if isinstance(device, Response):
            return device
        if device.bgp:
            return errors(422, "Device already has session", project=device.project, device=device.id)
        session_id = devices.identity("bgp-session", device.id)
        self._store.update(device, bgp=[session_id])
        session = {"id": session_id, "address_family": "ipv4", "status": "unknown", "learned_routes": []}
        return Response(201, session, project=device.project, device=device.id)

    def _forget(self, device: Device) -> None:
        self._store.remove(device)
        self._on_removal(device)

    def _faults(self, _request: Request, project: str) -> Response:
        return Response(200, {"faults": [fault.document() for fault in self._store.faults.get(project, [])]})

    def _set_faults(self, request: Request, project: str) -> Response:
        try:
            body = json.loads(request.body)
            documents = body.get("faults") if isinstance(body, dict) else None
            if not isinstance(documents, list):
                return errors(422, "the body is an object with a list: {'faults': [{'kind': ...}]}")
            faults = [Fault.parse(entry) for entry in documents]
        except FaultInvalid as error:
            return errors(422, str(error))
        except ValueError as error:
            return errors(400, f"the body is not JSON: {error}")
        self._store.set_faults(project, faults)
        return Response(200, {"faults": [fault.document() for fault in faults]})

    def _clear_faults(self, _request: Request, project: str) -> Response:
        self._store.set_faults(project, [])
        return Response(204)

    def _overview(self, _request: Request, _: str) -> Response:
        return Response(200, {"devices": [overview(device) for device in self._store.all()]})

    def _calls(self, _request: Request, _: str) -> Response:
        return Response(200, {"calls": [asdict(call) for call in self._store.calls()]})


def overview(device: Device) -> dict[str, Any]:
    """A device as the lab shows it: without its user data, which holds a token."""
    return {name: value for name, value in asdict(device).items() if name != "userdata"} | {
        "public_address": device.public_address,
        "private_address": device.private_address,
    }
