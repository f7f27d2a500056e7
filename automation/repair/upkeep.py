"""Before an operation: the locks of dead updates, and what a killed engine left in the state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pulumi import automation

from ...components.kube.client import Api, ApiError
from ..engine.answers import keep_state, state_of
from ..engine.process import Engine
from ..engine.translator import Translator
from ..errors import PreflightFailed
from . import lock_wait, locks, recovery, renewal

Value = TypeVar("Value")

FORCE = "PULUMI_K8S_ENABLE_PATCH_FORCE"
"""Lets pulumi-kubernetes take fields from other managers (its ``patchForce`` in ``pkg/await/await.go``)."""


@dataclass(frozen=True)
class Upkeep:
    """Of one stack, for one operation.

    Attributes:
        stack: the stack.
        engine: runs pulumi.
        backend: the backend's URL.
        connect: gives the management cluster's API.
        translate: takes what is told.
        on_output: takes the lines of a refresh, where one is needed.
        wait_for_lock: seconds to wait for another update.
    """

    stack: automation.Stack
    engine: Engine
    backend: str
    connect: Callable[[], Api]
    translate: Translator
    on_output: Callable[[str], object] | None
    wait_for_lock: float = 0

    def run_unlocked(self, operation: str, run: Callable[[], Value]) -> Value:
        """Settle the state and run; again where only the locks of dead updates were in the way.

        Raises:
            Locked: a living update holds the stack.
            PreflightFailed: what a killed engine left can't be told.
        """
        project = self.stack.workspace.project_settings().name
        if cleared := locks.clear_stale_lock(self.backend, project, self.stack.name):
            self.translate.remark(cleared)

        def attempt() -> Value:
            self.translate.errors.clear()
            self.translate.machines.clear()
            try:
                self.settle(operation)
            except automation.ConcurrentUpdateError:
                # A preview takes no lock: it shows what would follow on the state as it is now.
                if operation != "preview":
                    raise
            # What a refresh that did not succeed has said is no error of the run.
            self.translate.errors.clear()
            return run()

        return lock_wait.wait_until_free(
            attempt,
            self.wait_for_lock,
            self.translate.remark,
            stack=self.stack.name,
            cancel=self.stack.cancel,
            pause=self.engine.pause,
        )

    def settle(self, operation: str) -> None:
        """Bring a state that a killed engine left to what really is; see ``recovery``."""
        exported = state_of(self.stack)
        creates = recovery.pending_creates(exported["deployment"])
        if creates:
            # What a living engine creates is pending too; an import of that, once the engine has ended, would undo its work.
            lock_wait.require_unlocked(lambda: self.pulumi("stack", "init", self.stack.name))
            exported = state_of(self.stack)
            creates = recovery.pending_creates(exported["deployment"])
        changing = operation in ("up", "import")
        if operation == "up":
            # Whoever has changed a field manages it since; the API server would refuse to set it to what the stack asks for.
            self.stack.workspace.env_vars = {FORCE: "true", **self.stack.workspace.env_vars}
        if changing:
            self.retain(exported)
        going = recovery.possible_deletions(exported["deployment"]) if changing else []
        if not creates and not going:
            if operation in ("refresh", "destroy"):
                keep_state(self.stack, exported)
            return
        find = recovery.finder(self.connect())
        try:
            if creates:
                exported["deployment"], entries = recovery.settle(exported["deployment"], find)
                # Its ciphertexts stay as they are; nothing is in clear here.
                self.pulumi("stack", "import", "--stack", self.stack.name, text=json.dumps(exported))
                what = ", ".join(entries) or "none"
                self.translate.remark(
                    f"a killed engine was creating objects; the state now holds those that exist: {what}"
                )
            if deletions := recovery.await_deletions(going, find, self.pause()):
                self.translate.remark(
                    "an earlier run that was interrupted has deleted these, so the state is refreshed: "
                    + ", ".join(deletions)
                )
                self.forget(exported, recovery.clusters_called(exported["deployment"], deletions))
                self.refresh(exported["deployment"])
            elif operation == "up" and not creates:
                self.repair(exported)
        except ApiError as error:
            if not creates:
                # The preflight that follows says what is wrong, in a preview as a warning only.
                return
            raise PreflightFailed(
                f"stack {self.stack.name}: an engine that was killed was creating objects, and the management cluster does "
                f"not tell whether they exist: {error}. Nothing was changed; make it reachable and try again.",
                stack=self.stack.name,
                seen=str(error),
            ) from error

    def retain(self, exported: dict[str, Any]) -> None:
        """Let the engine delete no template that an earlier version has left to it."""
        _, templates = recovery.retain_templates(exported["deployment"])
        if not templates:
            return
        lock_wait.require_unlocked(lambda: self.pulumi("stack", "init", self.stack.name))
        fresh = state_of(self.stack)
        exported["deployment"], templates = recovery.retain_templates(fresh["deployment"])
        self.pulumi("stack", "import", "--stack", self.stack.name, text=json.dumps(exported))
        self.translate.remark(
            f"these templates were made by an earlier version of this program, and the engine will not delete them: "
            f"{', '.join(templates)}"
        )

    def forget(self, exported: dict[str, Any], holders: Iterable[Mapping[str, Any]]) -> None:
        """Drop from the state what was in tenant clusters whose data went with these resources."""
        exported["deployment"], objects = recovery.without_tenants(exported["deployment"], holders)
        if objects:
            self.pulumi("stack", "import", "--stack", self.stack.name, text=json.dumps(exported))

    def repair(self, exported: dict[str, Any]) -> None:
        """Read again what somebody else has deleted or changed, so that the run that follows puts it right.

        A refresh of each run would cost more than the run; one look at each object tells whether there is anything to find.

        Raises:
            ApiError: the management cluster does not tell.
        """
        resources = exported["deployment"].get("resources") or []
        api = self.connect()
        find = recovery.finder(api)
        differences = recovery.drift(resources, find)
        if not differences or not renewal.same_cluster(resources, api):
            return
        if any(not living and recovery.elsewhere(resource, find) for resource, living in differences):
            # A refresh would take it for deleted. The run that follows has the version that is served, or says what lacks.
            return
        for resource, living in differences:
            if living:
                continue
            metadata = resource["inputs"]["metadata"]
            name = f"{resource['inputs']['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
            warning = ""
            if recovery.CONTROL_PLANE.match(resource["type"]):
                warning = (
                    ". WARNING: a new control plane has a new certificate authority and no data; the machines of the lost "
                    "one can't join it, so all of them are replaced"
                )
            self.translate.remark(f"{name} was deleted by somebody else, so it is created again{warning}")
        planes = [one for one, living in differences if not living and recovery.CONTROL_PLANE.match(one["type"])]
        self.forget(exported, planes)
        try:
            self.refresh(exported["deployment"])
        except automation.CommandError as error:
            # The state's credentials are those of the last `up`; the run that follows renews them.
            if not renewal.STALE.search(str(error)):
                raise
            self.translate.remark(
                "the state could not be refreshed with the credentials of the last `up`; run `up` once more"
            )

    def refresh(self, deployment: Mapping[str, Any]) -> None:
        """Compare the state with the management cluster; tenants are left out, one of which may not answer."""
        inside = [one["urn"] for one in deployment.get("resources") or [] if recovery.inside_tenant(one)]
        self.stack.refresh(
            on_output=self.on_output,
            on_event=self.translate,
            color="never",
            show_secrets=False,
            exclude=sorted({*inside}) or None,
        )

    def pulumi(self, *arguments: str, text: str | None = None) -> automation.CommandResult:
        """Run a command of pulumi in the stack's workspace."""
        workspace = self.stack.workspace
        return self.engine.run(list(arguments), workspace.work_dir, workspace.env_vars, text=text)

    def pause(self) -> Callable[[str], None]:
        """Waits a second each time it is called, and tells once what for."""
        lines: set[str] = set()

        def pause(subject: str) -> None:
            if subject not in lines:
                lines.add(subject)
                self.translate.remark(subject)
            self.engine.pause(1.0)

        return pause
