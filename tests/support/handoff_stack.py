"""Stacks of nothing but hand-offs, of a fleet's control planes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import toolchain

from .fleet import CLUSTERS, Fleet
from .project import Project

PACKET_CLUSTER = {
    "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
    "kind": "PacketCluster",
    "plural": "packetclusters",
}

# `fleet.json` and `plain.py` are beside it. A plain dynamic resource is created where that is asked for.
PROGRAM = """
import json
import pathlib
import pulumi
from kamaji_equinix.components.endpoint import ControlPlaneEndpoint, ControlPlaneEndpointArgs
from kamaji_equinix.components.resources.processes import handoff_providers
from kamaji_equinix.components.settings.model import ManagementSettings

fleet = json.loads(pathlib.Path("fleet.json").read_text())
own = pathlib.Path("own-kubeconfig")
management = ManagementSettings(kubeconfigPath=fleet["kubeconfig"])
for (name, uid), provider in zip(fleet["clusters"].items(), handoff_providers(len(fleet["clusters"]), management)):
    endpoint = ControlPlaneEndpoint(
        name,
        ControlPlaneEndpointArgs(
            namespace=fleet["namespace"],
            cluster=name,
            cluster_uid=uid,
            control_plane=name,
            infrastructure={**fleet["infrastructure"], "name": name},
            kubeconfig=pulumi.Output.secret(own.read_text()) if own.exists() else None,
            **fleet["arguments"],
        ),
        pulumi.ResourceOptions(provider=provider),
    )
    for output in ("host", "port", "endpoint", "set_by", "kubeconfig_secret", "server"):
        pulumi.export(f"{name}-{output}", getattr(endpoint, output))
if fleet["plain"]:
    from plain import Plain

    Plain("beside")
"""

PLAIN = """
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class PlainProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult("plain", {})


class Plain(Resource, module="test", name="Plain"):
    def __init__(self, name):
        super().__init__(PlainProvider(), name, {})
"""


class HandoffStack(Project):
    """A project with one stack, of a fleet's hand-offs."""

    stack = "test"

    @classmethod
    def of(cls, folder: Path, fleet: Fleet, *names: str, plain: bool = False, **arguments: Any) -> HandoffStack:
        """Lay it out, with the fleet's objects.

        Args:
            folder: for it, and its state.
            fleet: whose control planes are handed off.
            names: of the clusters; their objects are made.
            plain: declare a plain dynamic resource beside them.
            arguments: further ones of each hand-off.
        """
        (folder / "backend").mkdir(parents=True)
        backend = {"PULUMI_BACKEND_URL": f"file://{folder}/backend", "PULUMI_CONFIG_PASSPHRASE": "test"}
        stack = cls.make(folder, {**toolchain.pulumi_environment(), **backend})
        assert isinstance(stack, cls)
        # The engine runs four operations at a time for each core; a hand-off is one as long as it waits.
        stack.environment["PULUMI_PARALLEL"] = str(2 * len(names) + 16)
        (folder / "__main__.py").write_text(PROGRAM)
        (folder / "plain.py").write_text(PLAIN)
        fleet.create(*names)
        uids = {name: fleet.read(CLUSTERS, name)["metadata"]["uid"] for name in names}
        facts = {"clusters": uids, "namespace": fleet.namespace, "kubeconfig": str(fleet.management.kubeconfig)}
        facts |= {"infrastructure": PACKET_CLUSTER, "plain": plain, "arguments": {"timeout_seconds": 120, **arguments}}  # type: ignore[dict-item]
        (folder / "fleet.json").write_text(json.dumps(facts))
        stack.credentials(kubeconfigPath=str(fleet.management.kubeconfig))
        stack.pulumi("stack", "init", cls.stack).ok()
        return stack

    def credentials(self, **management: Any) -> None:
        """Set ``kamaji-equinix:management``."""
        self.configure(self.stack, management=management)

    def rerun(self) -> str:
        """`pulumi up`, which must succeed; its output."""
        return self.up(self.stack).ok()

    def state(self) -> str:
        """The exported state, as text."""
        return self.pulumi("stack", "export", "--stack", self.stack).ok()

    def start_update(self) -> Update:
        """Begin an update."""
        return Update(self)


class Update:
    """`pulumi up` that runs."""

    def __init__(self, project: HandoffStack) -> None:
        command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", project.stack, "--non-interactive"]
        self.start = time.monotonic()
        self.log = project.folder / f"update-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--color", "never"],
                cwd=project.folder,
                env=project.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.creations: dict[str, float] = {}

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self.log.read_text()

    def until(self, holds: Callable[[str], object], expectation: str, seconds: float = 90) -> None:
        """Wait until its output is as wanted."""
        deadline = time.monotonic() + seconds
        while not holds(self.output):
            assert self.process.poll() is None, f"the update ended before {expectation}:\n{self.output}"
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {expectation}\n{self.output}"
            time.sleep(0.05)

    def end(self, seconds: float = 300) -> int:
        """Wait for its end, noting when each resource was said to be created.

        Returns:
            Its exit code.
        """
        deadline = time.monotonic() + seconds
        while True:
            code = self.process.poll()
            for type_, name in re.findall(r"\+ +(\S+) (\S+) created", self.output):
                self.creations.setdefault(f"{type_.rpartition(':')[2]} {name}", time.monotonic())
            if code is not None:
                return code
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the update does not end:\n{self.output}")
            time.sleep(0.05)

    def children(self) -> Mapping[int, str]:
        """The processes that it started, with their commands."""
        import psutil

        processes = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                processes[child.pid] = " ".join(child.cmdline())
            except psutil.Error:
                continue
        return processes

    def kill(self) -> None:
        """SIGKILL the engine, and what it started. A plugin has a process group of its own."""
        pids = [self.process.pid, *self.children()]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
