"""The run of an operation on one stack: one at a time, on a settled state, stoppable, with the errors of the typed API."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi import automation

from ..components.manifests.documents import documents
from . import results
from .engine.advice import after_stop
from .engine.death import EngineDied
from .engine.failures import failure
from .engine.process import Cancellation, Engine, Interruption
from .engine.translator import Translator
from .engine.workspace import Place, forget, missing_stack_error, open_stack, preserve_file
from .errors import Cancelled, Locked, OperationError, TimedOut
from .events import Finished, Listener
from .repair.attributes import remove_empty_attributes
from .repair.upkeep import Upkeep
from .results import Result
from .secret_filter import SecretFilter

if TYPE_CHECKING:
    from ..components.kube.client import Api
    from ..components.settings.model import StackSettings

EngineOutput = tuple[Mapping[str, int], automation.OutputMap, str]
"""Number of resources by operation, outputs, the engine's output."""

Run = Callable[[automation.Stack, Translator], EngineOutput]
"""Runs an operation on the stack."""


@dataclass(frozen=True)
class Session:
    """The engine and one stack.

    Attributes:
        place: where the stack is.
        program: the inline program; unused where the place has a folder.
        settings: gives the settings that the stack has.
        management: gives the API of the management cluster that settings name.
        wait_for_lock: seconds to wait for another update to leave the stack.
        on_event: takes each event.
        on_output: takes each line that the engine prints.
        secret_filter: hides secrets in the engine's output.
    """

    place: Place
    program: Callable[[], None]
    settings: Callable[[automation.Stack], StackSettings]
    management: Callable[[StackSettings], Api]
    wait_for_lock: float
    on_event: Listener | None
    on_output: Callable[[str], object] | None
    secret_filter: SecretFilter = field(default_factory=SecretFilter)
    engine: Engine = field(default_factory=Engine)
    _busy: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.place.name

    def operate(
        self,
        operation: str,
        run: Run,
        cancellation: Cancellation | None,
        timeout: float | None,
        *,
        create: bool = True,
        keep: bool = True,
        undo: bool = False,
        after: Callable[[float], object] | None = None,
    ) -> Result:
        """Run an operation; its end is an event too.

        Args:
            operation: its name.
            run: the function that runs it; called again where the stack was locked.
            cancellation: stops it on request.
            timeout: seconds after which it is stopped, the wait for a lock included.
            create: create the stack where there is none.
            keep: whether a new stack stays; otherwise it is removed again, and its file restored.
            undo: remove a new stack where the operation fails.
            after: the part of the operation that needs no engine, such as a wait; takes the operation's seconds until
                then.

        Raises:
            OperationError: see ``automation.errors``.
        """
        began = time.monotonic()
        translate = Translator(self.name, self.on_event, self.secret_filter)
        cancellation = cancellation or Cancellation()
        is_success = False
        if not self._busy.acquire(blocking=False):
            raise Locked(f"stack {self.name}: this ClusterStack runs another operation; use one object for each thread")
        try:
            if cancellation.requested:
                raise Cancelled(f"{operation} of stack {self.name} was stopped {cancellation.reason}", stack=self.name)
            with (
                self.translate_errors(operation, translate, cancellation),
                self.engine.stoppable(cancellation, timeout),
                self.open(create=create, keep=keep, undo=undo) as stack,
            ):
                settings = functools.cache(lambda: self.settings(stack))
                upkeep = Upkeep(
                    stack,
                    self.engine,
                    self.place.backend,
                    lambda: [manifest for tenant in settings().clusters for manifest in documents(tenant)],
                    lambda: self.management(settings()),
                    translate,
                    self.on_output,
                    self.wait_for_lock,
                )
                counts, outputs, output = upkeep.run_unlocked(operation, lambda: run(stack, translate))
                if translate.errors and operation != "preview":
                    # Now and then the engine succeeds although one of its plugins has died.
                    result = automation.CommandResult(stdout=output, stderr="", code=0)
                    raise automation.errors.create_command_error(result)
            if after is not None:
                after(time.monotonic() - began)
            is_success = True
            seconds, clusters = time.monotonic() - began, results.clusters_of(outputs)
            return Result(
                operation, self.name, counts, seconds, clusters, self.secret_filter(output), tuple(translate.machines)
            )
        finally:
            self._busy.release()
            translate.emit(
                Finished(stack=self.name, operation=operation, succeeded=is_success, seconds=time.monotonic() - began)
            )

    @contextlib.contextmanager
    def look(self, subject: str) -> Iterator[automation.Stack]:
        """The stack as it is, for reading.

        Args:
            subject: name of what is read, for an error.

        Raises:
            OperationError: see ``automation.errors``.
        """
        with self.translate_errors(subject), self.open(look=True) as stack:
            yield stack

    @contextlib.contextmanager
    def open(
        self, *, create: bool = False, keep: bool = True, undo: bool = False, look: bool = False
    ) -> Iterator[automation.Stack]:
        """The stack. Temporary files, such as the workspace of an inline program, are removed: the backend has the state.

        Args:
            create: create the stack where there is none.
            keep: False removes a new stack again, and restores its file.
            undo: remove a new stack where its use fails.
            look: for one question, which fails where there is no such stack.
        """
        with (
            contextlib.nullcontext() if keep else preserve_file(self.place),
            tempfile.TemporaryDirectory(
                prefix="kamaji-equinix-", dir=self.place.environment.get("TMPDIR"), ignore_cleanup_errors=True
            ) as folder,
        ):
            remove_empty_attributes(self.place.backend, self.place.name)
            stack, is_new = open_stack(self.place, self.engine, self.program, Path(folder), create=create, look=look)
            is_success = False
            try:
                yield stack
                is_success = True
            finally:
                if is_new and (not keep or (undo and not is_success)):
                    forget(stack)

    @contextlib.contextmanager
    def translate_errors(
        self, operation: str, translate: Translator | None = None, cancellation: Cancellation | None = None
    ) -> Iterator[None]:
        """Translate the errors of the Automation API into those of the typed API."""
        try:
            yield
        except OperationError as error:
            error.stack = error.stack or self.name
            raise
        except Interruption:
            raise self._end_error(operation, cancellation, "") from None
        except automation.StackNotFoundError as error:
            raise missing_stack_error(self.place) from error
        except automation.CommandError as error:
            if self.engine.is_interrupted and cancellation is not None:
                raise self._end_error(operation, cancellation, self.secret_filter(str(error))) from None
            if isinstance(error, EngineDied):
                error.reason = self.secret_filter(error.reason)
            raise failure(
                operation,
                self.name,
                translate.errors if translate else [],
                error,
                self.secret_filter(str(error)),
                last=translate.last if translate else "",
                backend=self.place.backend,
            ) from None

    def _end_error(self, operation: str, cancellation: Cancellation | None, output: str) -> Cancelled:
        is_requested = cancellation is not None and cancellation.requested
        kind: type[Cancelled] = Cancelled if is_requested else TimedOut
        why = cancellation.reason if cancellation is not None and is_requested else "because its timeout has passed"
        return kind(
            f"{operation} of stack {self.name} was stopped {why}; {after_stop(operation)}",
            output=output,
            stack=self.name,
        )
