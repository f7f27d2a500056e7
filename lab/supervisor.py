"""The process that owns the lab: it starts all others, watches them, and ends them on SIGTERM.

It writes the running processes into the state file: ``status`` can name one that crashed, and ``down`` can end the processes
of a supervisor that was killed.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from . import crds, datastore, upgrade
from .controllers import CONTROLLERS, Controllers
from .generations import Generation
from .metal import BootOptions, MetalApi
from .metal3 import Hosts
from .options import LabOptions
from .pki import write_private
from .plane import ManagementPlane
from .processes import Process, identity
from .relay import ConnectProxy
from .state import StateFolder
from .tenants import Tenants

log = logging.getLogger("lab")

INTERVAL = 0.25
"""Seconds between two looks at the management cluster."""

HOSTS_INTERVAL = 1.0
"""Seconds between two looks at Metal3's hosts."""

METAL_HOST = "api.equinix.com"


class Supervisor:
    """One lab."""

    def __init__(self, folder: StateFolder) -> None:
        """Prepare a lab in its folder."""
        self.folder = folder
        self.options = LabOptions.load(folder.options)
        self.generation = self.options.generation()
        self.processes: dict[str, Process] = {}
        self.stage = "starting"
        self.problem = ""
        self.progress: list[str] = []
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._last_state: object = None
        self._wrong = ""
        self._tenants: Tenants | None = None
        self._metal: MetalApi | None = None
        self._hosts: Hosts | None = None
        self._hosts_due = 0.0
        self._plane: ManagementPlane | None = None

    def run(self) -> int:
        """Run until SIGTERM; the exit code is 1 if the lab could not start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        code = 0
        try:
            self.write()
            self.start()
            self.stage = "ready"
            self.say(f"the lab is up ({time.monotonic() - self._began:.0f} s)")
            while not self._stop.wait(INTERVAL):
                self.look_safely()
        except StopRequest:
            pass
        except Exception as error:
            log.exception("the lab could not start")
            self.problem = f"{error}" or type(error).__name__
            code = 1
        finally:
            self.stage = "stopping" if code == 0 else "failing"
            self.write()
            self.end()
            self.stage = "stopped" if code == 0 else "failed"
            self.write()
        return code

    def start(self) -> None:
        """Start everything, in the order of dependencies."""
        folder = self.folder.folder
        plane = self._plane = ManagementPlane(folder, install_crds=False)
        try:
            plane.start()
        finally:
            self.processes |= plane.processes
        proxy = ConnectProxy()
        running = self._controllers = Controllers(
            folder, self.folder.kubeconfig, plane.authority, self.generation, proxy.url, self.metal_key()
        )
        client = plane.client()
        running.remove_webhooks(client)
        crds.install(client, self.generation, running.conversions())
        self.say("management cluster: etcd and kube-apiserver serve, CRDs are installed")
        plane.start_controller_manager()
        self.processes |= plane.processes
        metal = self._metal = MetalApi(
            folder / "metal", plane.authority, api_key=self.metal_key(), boot=self.boot_options()
        )
        metal.start()
        proxy.routes[METAL_HOST] = ("127.0.0.1", metal.port)
        self.say("the simulated Metal API answers")
        self.processes["tenants-etcd"] = datastore.start_etcd(folder, self.folder.logs, plane.authority, client)
        self.start_controllers(client)
        self.say(
            f"Kamaji, its Cluster API provider, Cluster API {self.generation.cluster_api} and capp run, with their webhooks"
        )
        if self.generation.has_metal3:
            self.say("Metal3 runs: its Cluster API provider, its IP address manager, and the baremetal-operator")
        self._tenants = Tenants(plane.client, folder, proxy, lambda: self.options.load_balancer_delay).start()
        self.start_hosts(plane)

    def start_hosts(self, plane: ManagementPlane) -> None:
        """Simulate Metal3's hosts if Metal3 runs."""
        if self.generation.has_metal3 and not self._hosts:
            # No programs: the lab's only cloud controller is for Equinix Metal.
            self._hosts = Hosts(plane.client(), self.folder.folder / "hosts", self.boot_options, programs={})

    def start_controllers(self, client: httpx.Client) -> None:
        """Start the controllers that do not run yet, and install their webhooks."""
        for name in self.generation.controllers:
            self.check_stop()
            if name not in self.processes:
                self.processes[name] = self._controllers.start(name, gate=self.options.gate)
        self.write()
        self._controllers.wait_for_webhooks(self.processes)
        self._controllers.install_webhooks(client)

    def upgrade(self, plane: ManagementPlane, generation: Generation) -> None:
        """Upgrade the management cluster to a later generation: same data, newer CRDs and controllers."""
        log.info("upgrade to Cluster API %s, contract %s", generation.cluster_api, generation.contract)
        client = plane.client()
        for name in self.generation.controllers:
            if self.generation.version(name) != generation.version(name) and name in self.processes:
                self.processes.pop(name).stop()
        self._controllers.remove_webhooks(client)
        self.generation = self._controllers.generation = generation
        upgrade.upgrade(client, generation, self._controllers.conversions())
        self.start_controllers(client)
        self.start_hosts(plane)
        log.info("upgraded to Cluster API %s, contract %s", generation.cluster_api, generation.contract)

    def metal_key(self) -> str:
        """The API key of the simulated Metal API, created once."""
        path = self.folder.folder / "pki" / "metal-api-key"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24).encode())
        return path.read_text()

    def boot_options(self) -> BootOptions:
        """How devices boot, from the lab's options."""
        return BootOptions(
            seconds=self.options.boot_seconds, fails=self.options.boot_fails, network=self.options.network
        )

    def look_safely(self) -> None:
        """Look once. An error is logged once and does not end the lab: it may be over by the next look."""
        try:
            self.look()
            self._wrong = ""
        except Exception as error:
            if self._wrong != repr(error):
                self._wrong = repr(error)
                log.exception("a look at the lab failed")
            self.write()

    def look(self) -> None:
        """Look at the management cluster, the options and the processes."""
        options = LabOptions.load(self.folder.options)
        if options != self.options:
            self.change(options)
        if self._plane and (generation := self.options.generation()) != self.generation:
            self.upgrade(self._plane, generation)
        try:
            if self._tenants:
                self._tenants.reconcile()
            if self._hosts and time.monotonic() >= self._hosts_due:
                self._hosts.reconcile()
                self._hosts_due = time.monotonic() + HOSTS_INTERVAL
        except httpx.HTTPError as error:
            log.warning("the management cluster does not answer: %s", error)
        for name, process in self.processes.items():
            if process.exit_code is not None and process.should_run:
                process.should_run = False
                log.error("%s crashed with exit code %s; see %s", name, process.exit_code, process.log)
        self.write()

    def change(self, options: LabOptions) -> None:
        """Apply new options to the running lab."""
        log.info("options: %s", options)
        restart = options.gate != self.options.gate
        self.options = options
        if self._metal:
            self._metal.boot = self.boot_options()
        if restart:
            self.processes["kamaji-control-plane"].stop()
            self.processes["kamaji-control-plane"] = self._controllers.start("kamaji-control-plane", gate=options.gate)

    def say(self, line: str) -> None:
        """Add a line of progress."""
        log.info(line)
        self.progress.append(line)
        self.check_stop()
        self.write()

    def check_stop(self) -> None:
        """Raise StopRequest if SIGTERM has arrived."""
        if self._stop.is_set():
            raise StopRequest

    def entries(self) -> Iterator[dict[str, object]]:
        """The running processes, for the state file."""
        tenants = [
            process
            for pod in (self._tenants.pods if self._tenants else {}).values()
            for process in pod.processes.values()
        ]
        for process in [*self.processes.values(), *tenants]:
            yield {
                "name": process.name,
                "log": str(process.log),
                "exit": process.exit_code,
                "started": process.start_time,
                **(identity(process.pid) or {"pid": process.pid, "created": process.start_time}),
            }

    def write(self) -> None:
        """Write the state file if the state has changed."""
        state = {
            "supervisor": identity(os.getpid()),
            "stage": self.stage,
            "problem": self.problem,
            "problems": [*([self._wrong] if self._wrong else []), *(self._tenants.problems() if self._tenants else [])],
            "progress": self.progress,
            "gate": self.options.gate,
            "contract": self.generation.contract,
            "clusterApi": self.generation.cluster_api,
            "metal": self._metal.port if self._metal else None,
            "hosts": self._hosts.overview() if self._hosts else [],
            "balancers": self._tenants.answers_at() if self._tenants else {},
            "processes": list(self.entries()),
        }
        if state != self._last_state:
            self._last_state = state
            self.folder.write(state)

    def end(self) -> None:
        """End everything, controllers first, and wait for each process."""
        if self._tenants:
            self._tenants.stop()
        order = [*CONTROLLERS, "kube-controller-manager", "kube-apiserver", "tenants-etcd", "etcd"]
        if self._plane:
            self.processes |= self._plane.processes
        for name in CONTROLLERS:
            if process := self.processes.get(name):
                process.ask_to_stop()
        for name in order:
            if process := self.processes.get(name):
                process.stop()
        if self._metal:
            self._metal.stop()
        if self._hosts:
            self._hosts.stop()


class StopRequest(Exception):
    """SIGTERM arrived while the lab was starting."""


def main() -> int:
    """Entry of the detached process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        return Supervisor(StateFolder(options.state)).run()
    return 1


if __name__ == "__main__":
    sys.exit(main())
