"""The engine's part in each operation of a stack, with reports and repairs before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi import automation

from ..components import tree
from ..components.checks.request import has_addons, request_of
from .adoption import require_alike
from .declaration import Declaration
from .engine.answers import state_of
from .engine.translator import Translator
from .engine.workspace import cancel, export, restore
from .errors import OperationError
from .protection import require_unprotected
from .repair import announcement, former_managers, interruption, lock_wait, remains, renewal
from .repair.addon_contents import addon_objects
from .session import EngineOutput, Session

if TYPE_CHECKING:
    from ..components.settings.model import StackSettings


@dataclass(frozen=True)
class Operations:
    """The operations of one stack; each runs on the open stack.

    Attributes:
        declaration: the stack's settings and program.
        session: the engine and the stack.
    """

    declaration: Declaration
    session: Session

    def preview(self, stack: automation.Stack, translate: Translator) -> EngineOutput:
        """Plan an ``up``."""
        self.declaration.configure(stack, self.session.engine)
        plan = stack.preview(on_output=self.session.on_output, on_event=translate, color="never")
        return translate.changes, {}, plan.stdout

    def up(self, stack: automation.Stack, translate: Translator) -> EngineOutput:
        """Create and change the resources of a configured stack's program."""
        result = stack.up(
            on_output=self.session.on_output,
            on_event=translate,
            color="never",
            suppress_outputs=True,
            show_secrets=False,
        )
        return translate.changes, result.outputs, result.stdout

    def refresh(self, stack: automation.Stack, translate: Translator) -> EngineOutput:
        """Read the live objects into the state."""
        session = self.session
        with renewal.explain_failure(stack, session.place.folder, self.declaration.management_of):
            result = stack.refresh(on_output=session.on_output, on_event=translate, color="never", show_secrets=False)
        return translate.changes, stack.outputs(), result.stdout

    def announce(self, stack: automation.Stack, translate: Translator) -> renewal.StackContents:
        """Report the machines that a destroy deletes, and give the stack's contents.

        Raises:
            PreflightFailed: the stack has protected resources, or its management cluster does not answer.
        """
        before = self.declaration.contents(stack)
        require_unprotected(before.resources, self.session.name)
        announcement.announce(before, translate)
        return before

    def destroy(self, stack: automation.Stack, translate: Translator, *, remove: bool) -> EngineOutput:
        """Report the machines that will be deleted, then delete everything, and wait until nothing of it is left.

        Args:
            stack: the stack.
            translate: takes the reports.
            remove: forget the stack itself with its history, too.

        Raises:
            PreflightFailed: the stack has protected resources, or its management cluster does not answer.
            NotGone: something that hung on its clusters is held.
        """
        before = self.announce(stack, translate)
        engine = self.session.engine
        try:
            result = stack.destroy(
                on_output=self.session.on_output,
                on_event=translate,
                color="never",
                show_secrets=False,
                run_program=self.declaration.renew(stack, before) or None,
            )
        except automation.CommandError:
            if engine.is_interrupted and before.api is not None:
                translate.remark(interruption.report(before.api, before.resources, self.session.name))
            raise
        if before.api is not None:
            remains.await_end(before.api, before.resources, self.session.name, translate.notify, engine.pause)
        if remove:
            # Only now: until nothing is left, another destroy must find the stack. Its file holds the user's settings.
            stack.workspace.remove_stack(stack.name, preserve_config=True)
        return translate.changes, {}, result.stdout

    def import_(self, stack: automation.Stack, translate: Translator) -> EngineOutput:
        """Adopt living clusters into the stack; where that fails, the stack gets its former state back."""
        settings = self.declaration.of(stack)
        api = self.declaration.management(settings)
        require_alike(settings, api, self.session.name)
        before = export(stack)
        self.declaration.configure(stack, self.session.engine)
        self.declaration.adopt(stack)
        try:
            output = self.up(stack, translate)
        except BaseException:
            # A destroy would delete the part of a living cluster that is in the stack. A dead engine has left its lock.
            lock_wait.wait_until_free(
                lambda: restore(stack, before),
                0,
                translate.remark,
                stack=self.session.name,
                cancel=lambda: cancel(stack),
            )
            translate.remark("the import failed, so the stack is as it was before")
            raise
        former_managers.after_import(stack, api, translate)
        return output

    def status(self, settings: StackSettings) -> dict[str, tree.Tree]:
        """The status tree of each cluster, by its name.

        Raises:
            PreflightFailed: the credentials of the management cluster can't be used.
        """
        api = self.declaration.management(settings)
        contents = self.addon_objects(settings)
        trees: dict[str, tree.Tree] = {}
        for tenant in settings.clusters:
            namespace, name = tenant.cluster.namespace, tenant.cluster.name
            request = request_of(tenant, contents.get(f"{namespace}/{name}", ()))
            trees[name] = tree.describe(api, namespace, name, request)
        return trees

    def addon_objects(self, settings: StackSettings) -> dict[str, tuple[tree.AddonObject, ...]]:
        """What add-ons have in the tenant clusters, as the last run left it; nothing where there was none."""
        if not any(map(has_addons, settings.clusters)):
            return {}
        try:
            with self.session.look("state") as stack:
                return addon_objects(state_of(stack)["deployment"].get("resources") or ())
        except OperationError:
            # There is no stack yet, or its backend does not answer: the management cluster says the rest.
            return {}
