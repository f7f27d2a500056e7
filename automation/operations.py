"""The engine's part in each operation of a stack, with reports and repairs before and after it."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import automation

from .adoption import require_alike
from .declaration import Declaration
from .engine.translator import Translator
from .engine.workspace import cancel, export, restore
from .protection import require_unprotected
from .repair import announcement, former_managers, lock_wait, renewal
from .session import EngineOutput, Session


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
        """Report the machines that will be deleted, then delete everything.

        Args:
            stack: the stack.
            translate: takes the reports.
            remove: forget the stack itself with its history, too.

        Raises:
            PreflightFailed: the stack has protected resources, or its management cluster does not answer.
        """
        before = self.announce(stack, translate)
        result = stack.destroy(
            on_output=self.session.on_output,
            on_event=translate,
            color="never",
            show_secrets=False,
            remove=remove,
            run_program=self.declaration.renew(stack, before) or None,
        )
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
