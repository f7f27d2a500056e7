"""Access to the simulated Metal API's data and faults from other processes."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from .faults import Fault
from .store import Call


class ControlError(Exception):
    """The simulated Metal API refused a request or did not answer; the text says why."""


class Control:
    """A client of the lab's own endpoints of the simulated Metal API."""

    def __init__(self, port: int, ca_pem: str, api_key: str) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            port: port of the Metal API on 127.0.0.1.
            ca_pem: certificate of the lab's authority.
            api_key: the lab's Metal API key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=ca_pem)
        self._client = httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            verify=context,
            headers={"X-Auth-Token": api_key},
            timeout=10,
            trust_env=False,
        )

    @classmethod
    def of_lab(cls, state: Path) -> Control:
        """A client for the running lab, by its state folder.

        Raises:
            ControlError: no lab runs there.
        """
        try:
            port = json.loads((state / "state.json").read_text())["metal"]
            ca, key = (state / "pki" / "ca.crt").read_text(), (state / "pki" / "metal-api-key").read_text()
        except (FileNotFoundError, KeyError):
            port = None
        if not port:
            raise ControlError(f"no lab with a Metal API runs in {state}; `make lab` starts one")
        return cls(port, ca, key)

    def devices(self, project: str | None = None) -> list[dict[str, Any]]:
        """The devices of one project or of all."""
        devices: list[dict[str, Any]] = self._ask("GET", "/lab/devices")["devices"]
        return [device for device in devices if project in (None, device["project"])]

    def calls(self, method: str | None = None, project: str | None = None) -> list[Call]:
        """The journal of calls of the Metal API, oldest first."""
        calls = [Call(**call) for call in self._ask("GET", "/lab/calls")["calls"]]
        return [call for call in calls if method in (None, call.method) and project in (None, call.project)]

    def faults(self, project: str) -> list[Fault]:
        """A project's faults, with their remaining counts."""
        return [Fault(**fault) for fault in self._ask("GET", f"/lab/projects/{project}/faults")["faults"]]

    def set_faults(self, project: str, faults: Iterable[Fault]) -> None:
        """Replace a project's faults.

        Raises:
            ControlError: a fault is invalid.
        """
        body = {"faults": [fault.document() for fault in faults]}
        self._ask("PUT", f"/lab/projects/{project}/faults", body)

    def clear_faults(self, project: str) -> None:
        """Remove all of a project's faults."""
        self._ask("DELETE", f"/lab/projects/{project}/faults")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ControlError(f"the lab's Metal API at {self._client.base_url} does not answer: {error}") from error
        if answer.is_error:
            raise ControlError(f"{method} {path}: {answer.status_code} {'; '.join(answer.json()['errors'])}")
        return answer.json() if answer.content else None
