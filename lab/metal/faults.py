"""Faults of the simulated Metal API, which can be set per project while it runs."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

NOT_PROVISIONABLE = "Server is not provisionable"
NO_SSH_KEY = "must have at least one SSH key or explicitly send no_ssh_keys option"

CALL_FAULTS: Mapping[str, Mapping[int, str]] = {
    "create-error": {
        422: NO_SSH_KEY,
        503: "The metro has no provisionable servers matching your criteria",
        403: "You are not authorized to create devices in this project",
        500: "Oh snap, something went wrong! We've logged the error and will take a look",
    },
    "read-error": {
        403: "You are not authorized to view this device",
        404: "Not found",
        500: "Oh snap, something went wrong! We've logged the error and will take a look",
    },
    "delete-error": {
        422: "Cannot delete a device while it is provisioning",
        403: "You are not authorized to delete this device",
        500: "Oh snap, something went wrong! We've logged the error and will take a look",
    },
    "rate-limit": {429: "You have exceeded your rate limit", 403: "You have exceeded your rate limit"},
}
"""Faults that answer a call with an error: the texts for each status; the first is the default."""

DEVICE_FAULTS = {
    "create-cut": "the device is made, but the connection ends within the answer's head",
    "vanishes": "a device that is asked for is gone for good (404), as after a failed installation",
    "slow-queue": "new devices stay queued for `seconds`",
    "stays-provisioning": "devices stay in state provisioning: as long as the fault is there, or with a count for good",
    "fails": "devices end in state failed",
    "hangs": "a device that has joined gives no sign of life any more, as one that has lost its power",
    "breaks": "a device that has joined reports its node as not Ready, as one whose container runtime has died",
}

KINDS = (*CALL_FAULTS, *DEVICE_FAULTS)


class FaultInvalid(ValueError):
    """A fault is invalid; the text says why."""


@dataclass(frozen=True)
class Fault:
    """One fault of one project.

    Attributes:
        kind: one of ``KINDS``.
        count: how often it still strikes; None for no limit.
        status: HTTP status of a call fault; 0 for the default of its kind.
        text: error text; empty for the default of its kind. capp 0.9 retries ``NOT_PROVISIONABLE`` with status 422
            (its packetmachine_controller.go).
        seconds: for ``slow-queue``.
        device: pattern (``*``, ``?``) that a device's id or hostname must match; empty for all.
    """

    kind: str
    count: int | None = None
    status: int = 0
    text: str = ""
    seconds: float = 0.0
    device: str = ""

    @classmethod
    def parse(cls, document: object) -> Fault:
        """Read a fault in the format of the control endpoint.

        Raises:
            FaultInvalid: a field is unknown or has an invalid value.
        """
        if not isinstance(document, Mapping):
            raise FaultInvalid(f"a fault is an object such as {{'kind': 'fails', 'count': 1}}, not {document!r}")
        names = {field.name for field in fields(cls)}
        if unknown_names := sorted(set(document) - names):
            raise FaultInvalid(
                f"unknown field {', '.join(unknown_names)} of a fault; known: {', '.join(sorted(names))}"
            )
        try:
            fault = cls(**document)
        except TypeError as error:
            raise FaultInvalid(f"a fault needs a kind: {error}") from None
        return fault.complete()

    def complete(self) -> Fault:
        """The fault with its status and text filled in.

        Raises:
            FaultInvalid: as in ``parse``.
        """
        if not isinstance(self.text, str) or not isinstance(self.device, str):
            raise FaultInvalid(f"text and device of fault {self.kind} are texts")
        if isinstance(self.status, bool) or not isinstance(self.status, int):
            raise FaultInvalid(f"status of fault {self.kind} is a whole number, not {self.status!r}")
        if (
            isinstance(self.seconds, bool)
            or not isinstance(self.seconds, int | float)
            or not math.isfinite(self.seconds)
        ):
            raise FaultInvalid(f"seconds of fault {self.kind} is a number, not {self.seconds!r}")
        if self.kind not in KINDS:
            raise FaultInvalid(f"unknown fault {self.kind!r}; known: {', '.join(KINDS)}")
        if self.count is not None and (
            isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1
        ):
            raise FaultInvalid(f"count of fault {self.kind} is a whole number from 1, or absent, not {self.count!r}")
        if self.kind == "slow-queue" and not self.seconds > 0:
            raise FaultInvalid(f"fault slow-queue needs seconds above 0, not {self.seconds!r}")
        texts = CALL_FAULTS.get(self.kind)
        if texts is None:
            if self.status or self.text:
                raise FaultInvalid(f"fault {self.kind} has no status or text")
            return self
        status = self.status or next(iter(texts))
        if not 400 <= status <= 599:
            raise FaultInvalid(f"status of fault {self.kind} is an HTTP error (400-599), not {status!r}")
        return replace(self, status=status, text=self.text or texts.get(status, f"simulated error {status}"))

    def document(self) -> dict[str, Any]:
        """The fault in the format of the control endpoint."""
        return asdict(self)

    def strikes(self, kind: str, *names: str) -> bool:
        """Whether it is of this kind and matches a device with these names (id, hostname)."""
        if self.kind != kind:
            return False
        return not self.device or any(fnmatch.fnmatchcase(name, self.device) for name in names)


def strike(faults: list[Fault], kind: str, *names: str) -> tuple[Fault | None, list[Fault]]:
    """The first fault of a kind that matches these names, and the faults that remain after it has struck."""
    for index, fault in enumerate(faults):
        if fault.strikes(kind, *names):
            if fault.count is None:
                return fault, faults
            remainder = [] if fault.count == 1 else [replace(fault, count=fault.count - 1)]
            return fault, faults[:index] + remainder + faults[index + 1 :]
    return None, faults
