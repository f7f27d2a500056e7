"""Before an operation: repair the locks of dead updates, and the state that a killed engine left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pulumi import automation

from ...components.kube.client import Api, ApiError
from ..engine.answers import forget_config, keep_state, state_of
from ..engine.death import EngineDied
from ..engine.process import Engine
from ..engine.translator import Translator
from ..errors import OperationError, PreflightFailed
from . import deletions, lock_wait, locks, recovery, renewal

Value = TypeVar("Value")

FORCE = "PULUMI_K8S_ENABLE_PATCH_FORCE"
"""Lets pulumi-kubernetes take fields from other managers (its ``patchForce`` in ``pkg/await/await.go``)."""


@dataclass(frozen=True)
class Upkeep:
    """The repairs of one stack, for one operation.

    Attributes:
        stack: the stack.
        engine: runs pulumi.
        backend: the backend's URL.
        manifests: gives the objects that the stack's settings declare.
        connect: gives the management cluster's API.
        translate: takes the reports.
        on_output: takes the lines of a refresh, where one is needed.
        wait_for_lock: seconds to wait for another update.
    """

    stack: automation.Stack
    engine: Engine
    backend: str
    manifests: Callable[[], Iterable[Mapping[str, Any]]]
    connect: Callable[[], Api]
    translate: Translator
    on_output: Callable[[str], object] | None
    wait_for_lock: float = 0

    def run_unlocked(self, operation: str, run: Callable[[], Value]) -> Value:
        """Settle the state and run; repeat it where only the locks of dead updates refused it.

        Raises:
            Locked: a live update holds the stack.
            PreflightFailed: the objects of a killed engine can't be read.
        """
        project = self.stack.workspace.project_settings().name
        if report := locks.clear_stale_lock(self.backend, project, self.stack.name):
            self.translate.remark(report)

        def attempt() -> Value:
            # Before another attempt there may have been a long wait.
            forget_config(self.stack)
            self.translate.errors.clear()
            self.translate.machines.clear()
            try:
                self.settle(operation)
            except automation.ConcurrentUpdateError:
                # A preview takes no lock: it plans on the present state.
                if operation != "preview":
                    raise
            # Errors of a failed refresh are not errors of the run.
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
        """Correct a state that a killed engine left; see ``recovery``. What an ``up`` is to write must not be in deletion."""
        state = state_of(self.stack)
        creates = recovery.pending_creates(state["deployment"])
        if creates:
            # The creations of a running engine are pending too; to import that state after its end would undo its work.
            lock_wait.require_no_lock(lambda: self.pulumi("stack", "init", self.stack.name))
            state = state_of(self.stack)
            creates = recovery.pending_creates(state["deployment"])
        changing = operation in ("up", "import")
        if operation == "up":
            # Who has changed a field manages it since; without force the API server would refuse to reset it.
            self.stack.workspace.env_vars = {FORCE: "true", **self.stack.workspace.env_vars}
        if changing:
            self.retain(state)
        going = recovery.possible_deletions(state["deployment"]) if changing else []
        if not creates and not going:
            if changing:
                self.await_deletions()
            if operation == "preview":
                self.report_losses(state["deployment"].get("resources") or [])
            if operation in ("refresh", "destroy"):
                keep_state(self.stack, state)
            return
        find = recovery.finder(self.connect())
        try:
            if creates:
                state["deployment"], entries = recovery.settle(state["deployment"], find)
                # Its ciphertexts stay as they are; nothing is in clear here.
                self.pulumi("stack", "import", "--stack", self.stack.name, text=json.dumps(state))
                names = ", ".join(entries) or "none"
                self.translate.remark(
                    f"a killed engine was creating objects; the state now holds those that exist: {names}"
                )
            deleted_names = recovery.await_deletions(going, find, self.pause())
            if changing:
                self.await_deletions()
            if deleted_names:
                self.translate.remark(
                    "an earlier run that was interrupted has deleted these, so the state is refreshed: "
                    + ", ".join(deleted_names)
                )
                self.forget(state, recovery.clusters_by_name(state["deployment"], deleted_names))
                self.refresh(state["deployment"])
            elif operation == "up" and not creates:
                self.repair(state)
        except ApiError as error:
            if not creates:
                # The preflight that follows reports the failure, in a preview only as a warning.
                return
            raise PreflightFailed(
                f"stack {self.stack.name}: an engine that was killed was creating objects, and the management cluster does "
                f"not tell whether they exist: {error}. Nothing was changed; make it reachable and try again.",
                stack=self.stack.name,
                seen=str(error),
            ) from error

    def await_deletions(self) -> None:
        """Wait until no object that the settings declare is in deletion; see ``deletions``.

        Raises:
            PreflightFailed: the management cluster has ceased to answer meanwhile.
        """
        try:
            find = recovery.finder(self.connect())
            targets = deletions.in_deletion(self.manifests(), find)
        except (ApiError, OperationError):
            # The program's own checks report wrong settings, and a management cluster that does not answer.
            return
        pause = self.pause()
        while targets:
            names = ", ".join(map(recovery.name_of, targets))
            pause(f"{names}: in deletion, and declared by the settings; waits until it is gone")
            try:
                targets = deletions.in_deletion(targets, find)
            except ApiError as error:
                raise PreflightFailed(
                    f"stack {self.stack.name}: {names}: in deletion, and the management cluster ceased to tell whether "
                    f"it is gone: {error}. Nothing was created; make it reachable and try again.",
                    stack=self.stack.name,
                    seen=str(error),
                ) from error

    def report_losses(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """Say in a preview which objects of the stack somebody else has deleted: the engine plans on its state alone."""
        if not recovery.declared_resources(resources):
            return
        try:
            api = self.connect()
            names = [
                recovery.name_of(resource["inputs"])
                for resource, exists in recovery.drift(resources, recovery.finder(api))
                if not exists
            ]
            is_same = bool(names) and renewal.same_cluster(resources, api)
        except (ApiError, OperationError):
            # The program's own checks report it.
            return
        if is_same:
            self.translate.remark(
                f"somebody else has deleted what this stack has made: {', '.join(names)}. `kamaji-equinix up` creates it "
                "again; the plan below is made from the stack's state, which still holds it, and does not show that"
            )

    def retain(self, state: dict[str, Any]) -> None:
        """Mark the templates of an earlier version, so that the engine does not delete them."""
        _, templates = recovery.retain_templates(state["deployment"])
        if not templates:
            return
        lock_wait.require_no_lock(lambda: self.pulumi("stack", "init", self.stack.name))
        fresh = state_of(self.stack)
        state["deployment"], templates = recovery.retain_templates(fresh["deployment"])
        self.pulumi("stack", "import", "--stack", self.stack.name, text=json.dumps(state))
        self.translate.remark(
            f"these templates were made by an earlier version of this program, and the engine will not delete them: "
            f"{', '.join(templates)}"
        )

    def forget(self, state: dict[str, Any], holders: Iterable[Mapping[str, Any]]) -> None:
        """Drop from the state the objects of tenant clusters whose data was deleted with these resources."""
        state["deployment"], objects = recovery.without_tenants(state["deployment"], holders)
        if objects:
            self.pulumi("stack", "import", "--stack", self.stack.name, text=json.dumps(state))

    def repair(self, state: dict[str, Any]) -> None:
        """Refresh what somebody else has deleted or changed, so that the following run corrects it.

        A refresh in each run would cost more than the run; one read of each object shows whether a refresh is needed.

        Raises:
            ApiError: the management cluster does not answer.
        """
        resources = state["deployment"].get("resources") or []
        api = self.connect()
        find = recovery.finder(api)
        differences = recovery.drift(resources, find)
        if not differences or not renewal.same_cluster(resources, api):
            return
        if any(not exists and recovery.live_version(resource, find) for resource, exists in differences):
            # A refresh would take it for deleted. The following run uses the served version, or reports what is missing.
            return
        for resource, exists in differences:
            if exists:
                continue
            name = recovery.name_of(resource["inputs"])
            warning = ""
            if recovery.CONTROL_PLANE.match(resource["type"]):
                warning = (
                    ". WARNING: a new control plane has a new certificate authority and no data; the machines of the lost "
                    "one can't join it, so all of them are replaced"
                )
            self.translate.remark(f"{name} was deleted by somebody else, so it is created again{warning}")
        planes = [
            resource
            for resource, exists in differences
            if not exists and recovery.CONTROL_PLANE.match(resource["type"])
        ]
        self.forget(state, planes)
        try:
            self.refresh(state["deployment"])
        except automation.CommandError as error:
            # The state has the credentials of the last `up`; the following run renews them.
            if isinstance(error, EngineDied) or not renewal.STALE.search(str(error)):
                raise
            self.translate.remark(
                "the state could not be refreshed with the credentials of the last `up`; run `up` once more"
            )

    def refresh(self, deployment: Mapping[str, Any]) -> None:
        """Compare the state with the management cluster, without the tenant clusters, which may not answer."""
        inside = [resource["urn"] for resource in deployment.get("resources") or [] if recovery.inside_tenant(resource)]
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
        """A function that waits a second, and reports each reason once."""
        lines: set[str] = set()

        def pause(subject: str) -> None:
            if subject not in lines:
                lines.add(subject)
                self.translate.remark(subject)
            self.engine.pause(1.0)

        return pause
