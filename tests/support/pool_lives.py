"""Random lives of pools on a bare API server, whose MachineSets are played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import toolchain
from lab.plane import ManagementPlane

from .data_store import make_data_store
from .edits import FIRST, Life
from .fleet import Fleet
from .lab import eventually
from .machine_sets import MachineSets
from .project import Project


class PoolLife:
    """A stack with one cluster, in a namespace of its own."""

    def __init__(self, management: ManagementPlane, folder: Path, stack: str) -> None:
        make_data_store(management)
        self.fleet = Fleet(management)
        self.sets = MachineSets(management, self.fleet.namespace)
        (folder / "backend").mkdir(parents=True)
        backend = {"PULUMI_BACKEND_URL": f"file://{folder}/backend", "PULUMI_CONFIG_PASSPHRASE": "test"}
        self.project = Project.make(folder / "project", {**toolchain.pulumi_environment(), **backend})
        self.stack = stack
        self.sections: dict[str, Any] = {
            "cluster": {"name": stack, "namespace": self.fleet.namespace},
            "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
            "handoff": {"timeoutSeconds": 60},
            "management": {"kubeconfigPath": str(management.kubeconfig)},
        }
        self.life = Life(self.project, stack, self.sections, self.check_references, self.hold, longest=14)

    def __enter__(self) -> PoolLife:
        self.fleet.__enter__()
        self.sets.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.sets.__exit__()
        self.fleet.__exit__()

    def start(self) -> None:
        """The first `up`."""
        self.life.configure(FIRST)
        self.life.whole()

    def hold(self, pause: bool) -> None:
        self.sets.hold(pause)

    def check_references(self, story: str) -> None:
        """Every reference resolves, now and as long as machines were made from it."""
        assert not (missing := self.sets.references() - self.sets.templates()), f"{missing} is named but gone: {story}"
        assert not self.sets.harm, f"a MachineSet with machines lost its templates: {self.sets.harm}: {story}"

    def tidy(self, story: str, *, preview: bool = True) -> None:
        """Once all roll-outs are done, one run more leaves nothing that is not named, and then there is nothing to do.

        Args:
            story: what was done.
            preview: ask whether there is, by a run of its own.
        """
        eventually(self.has_rolled, bool, 60, f"the roll-outs end: {story}")
        self.life.whole()
        rest = self.sets.templates() - self.sets.references()
        assert not rest, f"left over: {rest}: {story}"
        if not preview:
            return
        result = self.project.pulumi("preview", "--expect-no-changes", "--stack", self.stack)
        assert result.code == 0, f"nothing is left to do: {story}\n{result.output}"

    def has_rolled(self) -> bool:
        """Whether each pool has but one MachineSet with machines, and one of before at most."""
        sets = self.sets.items("/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/machinesets")
        deployments = self.sets.items("/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/machinedeployments")
        living = [machine_set for machine_set in sets if machine_set["spec"]["replicas"]]
        return len(living) == len(deployments) and len(sets) <= 2 * len(deployments)
