"""The console script's commands: the typed API with output for people."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from rich.console import Console

from ...components import render, tree
from ...components.checks import preflight
from ..cluster_stack import ClusterStack
from ..engine.process import Cancellation
from ..errors import ConfigurationError, PreflightFailed, StackMissing
from ..events import Event, Listener, Message
from ..readiness import Look, OnLook
from ..results import FINDINGS, WORDS, Result
from . import documents
from .lines import Lines
from .live import View
from .record import Record

Run = Callable[[ClusterStack, Cancellation, OnLook], Result]


def up(options: argparse.Namespace) -> None:
    """Create or change the stack's clusters, then draw their status tree until all is True."""

    def run(stack: ClusterStack, cancellation: Cancellation, on_look: OnLook) -> Result:
        wait = None if options.no_wait else options.timeout
        return stack.up(wait=wait, on_look=on_look, cancellation=cancellation)

    engine(options, "up", run)


def import_(options: argparse.Namespace) -> None:
    """Adopt living clusters into the stack."""
    engine(options, "import", lambda stack, cancellation, _: stack.import_existing(cancellation=cancellation))


def preview(options: argparse.Namespace) -> None:
    """Show what ``up`` would change."""
    engine(options, "preview", lambda stack, cancellation, _: stack.preview(cancellation=cancellation))


def refresh(options: argparse.Namespace) -> None:
    """Compare the stack's state with the management cluster."""
    engine(options, "refresh", lambda stack, cancellation, _: stack.refresh(cancellation=cancellation))


def destroy(options: argparse.Namespace) -> None:
    """Delete the stack's clusters and wait until nothing is left of them; ask first, unless ``--yes`` is set."""
    if not options.yes:
        confirm(options)
    result = engine(options, "destroy", lambda stack, cancellation, _: stack.destroy(cancellation=cancellation))
    if not result.output and not options.json:
        print(f"there is no stack {options.stack}, so nothing to destroy", flush=True)


def confirm(options: argparse.Namespace) -> None:
    """Show what would be deleted, and ask for the stack's name.

    Raises:
        ConfigurationError: there is no terminal to ask at, or the answer was another.
    """
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        raise ConfigurationError(
            f"destroy deletes all clusters of stack {options.stack} with their machines, and there is no terminal to ask at; "
            "nothing was deleted. Give --yes to destroy without a question",
            stack=options.stack,
        )
    stack = ClusterStack(options.stack, folder=options.cwd, on_event=Lines(sys.stderr))
    try:
        clusters = stack.clusters()
    except StackMissing:
        # Nothing to confirm; the operation reports the missing stack.
        return
    print(f"stack {options.stack}: these clusters and all their machines will be deleted:", file=sys.stderr)
    for name, cluster in clusters.items():
        pools = ", ".join(sorted(cluster.worker_pools)) or "none"
        print(f"  Cluster {cluster.namespace}/{name}, API server {cluster.endpoint}, pools: {pools}", file=sys.stderr)
    if not clusters:
        print("  none that came up; what an interrupted run has left goes, too", file=sys.stderr)
    # A line for each pool.
    stack.deletions()
    print("Type the stack's name to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != options.stack:
        raise ConfigurationError("that is not the stack's name; nothing was deleted", stack=options.stack)


def status(options: argparse.Namespace) -> None:
    """Draw the status tree of the stack's clusters."""
    stack = ClusterStack(options.stack, folder=options.cwd)
    if options.json:
        print(json.dumps(documents.of_status(stack.status()), indent=2))
        return
    show(stack, options, wait=options.timeout if options.wait else None)


def check(options: argparse.Namespace) -> None:
    """Ask the management cluster for all that the stack needs of it; nothing is created or changed.

    Raises:
        PreflightFailed: something is missing; the text names it, with the command that brings it.
    """
    report = preflight.check_stack(ClusterStack(options.stack, folder=options.cwd).settings(), options.cwd.resolve())
    if options.json:
        obstacles = [{"what": obstacle.text, "remedy": obstacle.remedy} for obstacle in report.obstacles]
        document = {
            "server": report.server,
            "ready": not obstacles,
            "there": report.available,
            "controllers": dict(report.controllers),
        }
        print(json.dumps({**document, "missing": obstacles, "notes": report.notes}, indent=2), flush=True)
    else:
        for line in (*report.available, *(f"{name} {version}" for name, version in report.controllers.items())):
            print(f"there    {line}")
        for obstacle in report.obstacles:
            print(f"missing  {obstacle}")
        for note in report.notes:
            print(f"note     {note}", flush=True)
    if report.obstacles:
        lacking = f"{len(report.obstacles)} thing{'s' if len(report.obstacles) > 1 else ''}"
        raise PreflightFailed(f"the management cluster lacks {lacking}, as said above", stack=options.stack)


def kubeconfig(options: argparse.Namespace) -> None:
    """Print a cluster's admin kubeconfig."""
    sys.stdout.write(ClusterStack(options.stack, folder=options.cwd).kubeconfig(options.cluster).get_secret_value())


def render_(options: argparse.Namespace) -> int:
    """Print the manifests of the stack."""
    return render.main(["--stack", options.stack, "--cwd", str(options.cwd)])


def engine(options: argparse.Namespace, operation: str, run: Run) -> Result:
    """Run an operation, and show its progress and its result.

    Args:
        options: of the command line.
        operation: its name.
        run: the function that runs it.

    Raises:
        OperationError: see ``automation.errors``.
    """
    out = sys.stderr if options.json else sys.stdout
    cancellation = Cancellation()
    with screen(options, operation, out) as screen_, terminable(cancellation):
        stack = ClusterStack(
            options.stack,
            folder=options.cwd,
            # A preview has no such option, because it needs no lock.
            wait_for_lock=getattr(options, "wait_for_lock", 0),
            on_event=screen_.on_event,
            on_output=screen_.on_output,
        )
        result = run(stack, cancellation, screen_.on_look)
    if operation in ("up", "import"):
        report(result, out)
    print(summary(result), file=out, flush=True)
    if options.json:
        print(json.dumps(result.as_dict(), indent=2), flush=True)
    return result


class Screen:
    """Where an operation is shown: in a live view on a terminal, elsewhere in a line for each event.

    For a preview and a refresh it shows the engine's own lines, which alone hold their results.
    """

    def __init__(self, operation: str, out: IO[str], view: View | None, record: Record | None) -> None:
        """Show on ``out``, and keep everything in ``record``."""
        self._view, self._record, self._out = view, record, out
        self._listener: Listener = view or Lines(out)
        self._engine = view is None and operation in ("preview", "refresh")
        self._looks: dict[str, Look] = {}

    def on_event(self, event: Event) -> None:
        """Take an event."""
        if self._record:
            self._record.event(event)
        # The engine's lines already show its events.
        if not self._engine or (isinstance(event, Message) and event.own):
            self._listener(event)

    def on_output(self, line: str) -> None:
        """Take a line of the engine's."""
        if self._record:
            self._record.write(line)
        if self._engine:
            print(line, file=self._out, flush=True)

    def on_look(self, look: Look) -> None:
        """Take a look at a cluster."""
        self._looks[look.cluster] = look
        if self._view:
            self._view.look(look)

    def end(self) -> None:
        """Print the last tree of each cluster where there is no view."""
        for look in self._looks.values():
            picture = tree.draw(look.status)
            if self._record:
                self._record.write(picture)
            if not self._view:
                print(picture, file=self._out, flush=True)


@contextlib.contextmanager
def screen(options: argparse.Namespace, operation: str, out: IO[str]) -> Iterator[Screen]:
    """Show an operation on ``out``, and keep all of it in the file of ``--log``."""
    with contextlib.ExitStack() as stack:
        path = getattr(options, "log", None)
        record = stack.enter_context(Record(path)) if path else None
        live = out.isatty() and operation != "preview"
        title = f"{operation} of stack {options.stack}"
        view = stack.enter_context(View(title, Console(file=out))) if live else None
        screen_ = Screen(operation, out, view, record)
        try:
            yield screen_
        finally:
            screen_.end()


def summary(result: Result) -> str:
    """The result of an operation, in a line."""
    words = FINDINGS if result.operation == "refresh" else WORDS
    counts = ", ".join(f"{count} {words.get(name, name)}" for name, count in sorted(result.changes.items()) if count)
    return f"{result.operation} took {result.seconds:.0f} s: {counts or 'nothing to do'}"


@contextlib.contextmanager
def terminable(cancellation: Cancellation) -> Iterator[None]:
    """Stop the operation at SIGTERM or SIGHUP as at Ctrl-C: the engine has a session of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        # A signal that nohup ignores stays ignored.
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: cancellation.request(f"by {signal.Signals(number).name}"))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report(result: Result, out: Any) -> None:
    """Print a stack's outputs, with a placeholder for secrets."""
    for cluster in result.clusters.values():
        for name, value in sorted({**cluster.as_dict(), "kubeconfig": "[secret]"}.items()):
            label = "clusterName" if name == "name" else "controlPlaneEndpoint" if name == "endpoint" else name
            print(f"    {label}: {value}", file=out, flush=True)


def show(stack: ClusterStack, options: argparse.Namespace, *, wait: float | None) -> None:
    """Draw the tree of each cluster, once or until it is all True.

    Args:
        stack: whose clusters.
        options: of the command line.
        wait: how long to wait, in seconds, all clusters together; None draws once.

    Raises:
        NotReady: the time is over; the text names all that blocks.
    """
    if wait is not None:
        cancellation = Cancellation()
        with screen(options, "status", sys.stdout) as view, terminable(cancellation):
            clusters = ClusterStack(options.stack, folder=options.cwd, on_event=view.on_event)
            clusters.wait_until_ready(wait, cancellation=cancellation, on_look=view.on_look)
        return
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for status in stack.status().values():
        print(tree.draw(status, color=color), flush=True)
        for remark in dict.fromkeys([*tree.all_blockers(status), *tree.differences(status)]):
            print(remark, flush=True)
