"""The simulated Metal API's data on disk: a restarted lab still has the servers that are billed."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..pki import write_private
from .devices import Device
from .faults import Fault, strike


@dataclass(frozen=True)
class Call:
    """A call of the API and its answer.

    Attributes:
        time: in seconds since the epoch.
        status: HTTP status; 0 if the connection was cut.
    """

    time: float
    method: str
    path: str
    status: int
    project: str = ""
    device: str = ""


class Store:
    """Devices, faults and the journal of calls; safe for threads."""

    def __init__(self, folder: Path) -> None:
        """Open the data in the folder, or start with none."""
        self._disks, self._faults, self._journal = folder / "disks", folder / "faults.json", folder / "calls.jsonl"
        for needed_folder in (folder, self._disks):
            needed_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            needed_folder.chmod(0o700)
        self._lock = threading.RLock()
        self._devices: dict[str, Device] = {}
        for path in self._disks.glob("*/device.json"):
            device = Device(**json.loads(path.read_text()))
            self._devices[device.id] = device
        documents = json.loads(self._faults.read_text()) if self._faults.exists() else {}
        self.faults = {project: [Fault(**fault) for fault in faults] for project, faults in documents.items()}
        self._journal.touch(mode=0o600)
        self._calls = [Call(**json.loads(line)) for line in self._journal.read_text().splitlines()]

    def all(self, project: str | None = None) -> list[Device]:
        """The devices of one project or of all, in the order in which they were ordered."""
        with self._lock:
            devices = [device for device in self._devices.values() if project in (None, device.project)]
        return sorted(devices, key=lambda device: (device.created, device.number))

    def get(self, identity: str) -> Device | None:
        """The device with an id; None if there is none."""
        with self._lock:
            return self._devices.get(identity)

    def add(self, order: Callable[[Iterable[int]], Device]) -> Device:
        """Add the device that ``order`` returns; its argument are the numbers in use."""
        with self._lock:
            device = order([device.number for device in self._devices.values()])
            self._devices[device.id] = device
            self._save(device)
            return device

    def update(self, device: Device, **changes: Any) -> bool:
        """Change a device; False if it was deleted meanwhile."""
        with self._lock:
            if device.id not in self._devices:
                return False
            for name, value in changes.items():
                setattr(device, name, value)
            device.updated = time.time()
            self._save(device)
            return True

    def remove(self, device: Device) -> None:
        """Forget a device and everything on its disk."""
        with self._lock:
            self._devices.pop(device.id, None)
            shutil.rmtree(self.disk(device), ignore_errors=True)

    def disk(self, device: Device) -> Path:
        """The folder that is a device's disk."""
        return self._disks / device.id

    def keep(self, device: Device, write: Callable[[Path], None]) -> bool:
        """Call ``write`` with the folder of a device's disk; False if the device was deleted meanwhile."""
        with self._lock:
            if device.id not in self._devices:
                return False
            write(self.disk(device))
            return True

    def _save(self, device: Device) -> None:
        self.disk(device).mkdir(exist_ok=True, mode=0o700)
        write_private(self.disk(device) / "device.json", json.dumps(asdict(device), indent=1).encode())

    def _save_faults(self) -> None:
        content = {project: [fault.document() for fault in faults] for project, faults in self.faults.items()}
        write_private(self._faults, json.dumps(content, indent=1).encode())

    def strike(self, project: str, kind: str, *names: str) -> Fault | None:
        """Find the project's fault of this kind that strikes now, and reduce its count; None if there is none."""
        with self._lock:
            fault, remainder = strike(self.faults.get(project, []), kind, *names)
            if fault and fault.count is not None:
                self.faults[project] = remainder
                self._save_faults()
            return fault

    def set_faults(self, project: str, faults: list[Fault]) -> None:
        """Replace a project's faults."""
        with self._lock:
            self.faults.pop(project, None)
            if faults:
                self.faults[project] = faults
            self._save_faults()

    def note(self, call: Call) -> None:
        """Record a call in the journal."""
        with self._lock:
            self._calls.append(call)
            with self._journal.open("a") as file:
                file.write(json.dumps(asdict(call)) + "\n")

    def calls(self) -> list[Call]:
        """The journal, oldest first."""
        with self._lock:
            return list(self._calls)
