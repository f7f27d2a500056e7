"""The console script's commands: the typed API with words around it."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..components import render, tree
from ..components.kube.management import connect
from ..components.settings.model import StackSettings
from .cluster_stack import ClusterStack
from .engine import Cancellation
from .errors import NotReady
from .events import Event, Listener, Message
from .live import View
from .results import Result

Run = Callable[[ClusterStack, Cancellation], Result]


def up(options: argparse.Namespace) -> None:
    """Create or change the stack's clusters, then draw their status tree until all is True."""

    def run(stack: ClusterStack, cancellation: Cancellation) -> Result:
        return stack.up(cancellation=cancellation)

    engine(options, "up", run, wait=None if options.no_wait else options.timeout)


def import_(options: argparse.Namespace) -> None:
    """Take living clusters into the stack."""
    engine(options, "import", lambda stack, cancellation: stack.import_existing(cancellation=cancellation))


def preview(options: argparse.Namespace) -> None:
    """Show what ``up`` would change."""
    engine(options, "preview", lambda stack, cancellation: stack.preview(cancellation=cancellation))


def refresh(options: argparse.Namespace) -> None:
    """Compare the stack's state with the management cluster."""
    engine(options, "refresh", lambda stack, cancellation: stack.refresh(cancellation=cancellation))


def destroy(options: argparse.Namespace) -> None:
    """Delete the stack's clusters and wait until nothing is left of them."""
    result = engine(options, "destroy", lambda stack, cancellation: stack.destroy(cancellation=cancellation))
    if not result.output and not options.json:
        print(f"there is no stack {options.stack}, so nothing to destroy", flush=True)


def status(options: argparse.Namespace) -> None:
    """Draw the status tree of the stack's clusters."""
    stack = ClusterStack(options.stack, folder=options.cwd)
    if options.json:
        trees = stack.status()
        blockers = {name: tree.blocking(found) for name, found in trees.items()}
        told = {
            name: {
                "ready": blocker is None,
                "blockedBy": None if blocker is None else {"subject": blocker.subject, "reason": blocker.reason},
                "rows": [dict(zip(map(str.lower, tree.HEADER), row, strict=True)) for row in tree.rows(trees[name])],
            }
            for name, blocker in blockers.items()
        }
        print(json.dumps(told, indent=2))
        return
    show(stack.settings(), options, wait=options.timeout if options.wait else None)


def kubeconfig(options: argparse.Namespace) -> None:
    """Print a cluster's admin kubeconfig."""
    sys.stdout.write(ClusterStack(options.stack, folder=options.cwd).kubeconfig(options.cluster).get_secret_value())


def render_(options: argparse.Namespace) -> int:
    """Print the manifests of the stack."""
    return render.main(["--stack", options.stack, "--cwd", str(options.cwd)])


def engine(options: argparse.Namespace, operation: str, run: Run, *, wait: float | None = None) -> Result:
    """Run an operation, show how it goes, and tell what it came to.

    Args:
        options: of the command line.
        operation: its name.
        run: does it.
        wait: seconds to wait afterwards until the clusters are ready; None does not wait.

    Raises:
        OperationError: see ``automation.errors``.
    """
    out = sys.stderr if options.json else sys.stdout
    cancellation = Cancellation()
    began = time.monotonic()
    live = out.isatty() and operation != "preview"
    with terminable(cancellation), View(operation) if live else contextlib.nullcontext() as view:
        # On a terminal the view shows what happens, and a failure its causes; elsewhere the engine's own lines do.
        stack = ClusterStack(
            options.stack,
            folder=options.cwd,
            # A preview has no such option: it waits for nobody.
            wait_for_lock=getattr(options, "wait_for_lock", 0),
            on_event=view or plain(out),
            on_output=None if live else lambda line: print(line, file=out, flush=True),
        )
        result = run(stack, cancellation)
    if operation in ("up", "import"):
        report(result, out)
    print(f"pulumi {operation} took {time.monotonic() - began:.0f} s", file=out, flush=True)
    if wait is not None:
        show(stack.settings(), options, wait=wait, out=out)
    if options.json:
        print(json.dumps(result.as_dict(), indent=2), flush=True)
    return result


def plain(out: Any) -> Listener:
    """A line for what the engine's own output does not tell."""

    def listen(event: Event) -> None:
        if isinstance(event, Message) and event.own:
            print(event.text, file=out, flush=True)

    return listen


@contextlib.contextmanager
def terminable(cancellation: Cancellation) -> Iterator[None]:
    """SIGTERM and a terminal that closes stop the operation as Ctrl-C does: the engine has a session of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        # What nohup ignores stays ignored.
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: cancellation.request(f"by {signal.Signals(number).name}"))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report(result: Result, out: Any) -> None:
    """Print what a stack puts out, secrets as such."""
    for cluster in result.clusters.values():
        for name, value in sorted({**cluster.as_dict(), "kubeconfig": "[secret]"}.items()):
            shown = "clusterName" if name == "name" else "controlPlaneEndpoint" if name == "endpoint" else name
            print(f"    {shown}: {value}", file=out, flush=True)


def show(settings: StackSettings, options: argparse.Namespace, *, wait: float | None, out: Any = None) -> None:
    """Draw the tree of each cluster, once or until it is all True.

    Args:
        settings: the stack's settings.
        options: of the command line; its folder is where a relative ``management.kubeconfigPath`` starts from.
        wait: how long to wait, in seconds, all clusters together; None draws once.
        out: where to draw; stdout by default.

    Raises:
        NotReady: the time is over; the text names what blocks.
    """
    out = out or sys.stdout
    client = connect(settings.management, options.cwd.resolve())
    deadline = time.monotonic() + (wait or 0)
    for tenant in settings.clusters:
        namespace, name = tenant.cluster.namespace, tenant.cluster.name
        if wait is None:
            found = tree.describe(client, namespace, name)
            print(tree.draw(found), file=out, flush=True)
            if blocker := tree.blocking(found):
                print(blocker, file=out, flush=True)
        elif not tree.wait_until_ready(client, namespace, name, max(deadline - time.monotonic(), 1), out):
            raise NotReady(
                f"Cluster {namespace}/{name} is not ready after {wait:.0f} s; what blocks is named above",
                stack=options.stack,
                cluster=f"{namespace}/{name}",
            )
