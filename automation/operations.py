"""The operations of the console script on one stack."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pulumi import automation

from ..components import kube, tree
from ..components.settings import StackSettings
from . import locks
from .errors import ConfigurationError, EngineFailed, Locked, NotReady
from .interrupt import patient_interrupt
from .workspace import open_stack, settings_of


def up(options: argparse.Namespace) -> None:
    """Create or change the stack's clusters, then draw their status tree until all is True."""
    stack = opened(options, create=True)
    began = time.monotonic()
    engine(stack, lambda: stack.up(on_output=write, color=color(), suppress_outputs=True, show_secrets=False))
    report_outputs(stack)
    print(f"pulumi up took {time.monotonic() - began:.0f} s", flush=True)
    if not options.no_wait:
        show(settings_of(stack), options.cwd, wait=options.timeout)


def preview(options: argparse.Namespace) -> None:
    """Show what ``up`` would change."""
    stack = opened(options, create=True)
    engine(stack, lambda: stack.preview(on_output=write, color=color()))


def refresh(options: argparse.Namespace) -> None:
    """Compare the stack's state with the management cluster."""
    stack = opened(options)
    engine(stack, lambda: stack.refresh(on_output=write, color=color(), show_secrets=False))


def destroy(options: argparse.Namespace) -> None:
    """Delete the stack's clusters and wait until nothing is left of them."""
    try:
        stack = opened(options)
    except ConfigurationError as error:
        if isinstance(error.__cause__, automation.StackNotFoundError):
            print(f"nothing to destroy: {error}", flush=True)
            return
        raise
    engine(stack, lambda: stack.destroy(on_output=write, color=color(), show_secrets=False))


def status(options: argparse.Namespace) -> None:
    """Draw the status tree of the stack's clusters."""
    stack = opened(options)
    show(settings_of(stack), options.cwd, wait=options.timeout if options.wait else None)


def kubeconfig(options: argparse.Namespace) -> None:
    """Print a cluster's admin kubeconfig."""
    outputs = opened(options).outputs()
    if "clusters" in outputs:
        clusters = outputs["clusters"].value
        if options.cluster not in clusters:
            raise ConfigurationError(f"name one of the stack's clusters with --cluster: {', '.join(sorted(clusters))}")
        found = clusters[options.cluster]["kubeconfig"]
    elif "kubeconfig" in outputs:
        found = outputs["kubeconfig"].value
    else:
        raise ConfigurationError(f"stack {options.stack} has no kubeconfig yet; run `kamaji-equinix up` first")
    sys.stdout.write(found)


def opened(options: argparse.Namespace, *, create: bool = False) -> automation.Stack:
    """The stack that the command line names, freed from the lock of a dead update."""
    stack = open_stack(options.stack, options.cwd.resolve(), create=create)
    backend = os.environ.get("PULUMI_BACKEND_URL", "")
    if cleared := locks.clear_stale_lock(backend, stack.workspace.project_settings().name, options.stack):
        print(cleared, file=sys.stderr, flush=True)
    return stack


def engine(stack: automation.Stack, run: Callable[[], object]) -> None:
    """Run an operation of the engine, whose output has been shown already.

    The lock of a dead update, which a killed engine leaves on a file or S3 backend, is cleared, and the operation run again.

    Raises:
        Locked: a living update holds the stack; names the holder and the command.
        EngineFailed: any other failure of the engine.
    """
    try:
        with patient_interrupt():
            try:
                run()
            except automation.ConcurrentUpdateError as error:
                print(locks.clear_reported(str(error), stack.name, stack.cancel), file=sys.stderr, flush=True)
                run()
    except automation.ConcurrentUpdateError as error:
        raise Locked(f"another update of stack {stack.name} began meanwhile: {error}", output=str(error)) from error
    except automation.CommandError as error:
        raise EngineFailed(
            "pulumi did not finish; what it says is above. Running the command again goes on from here.",
            output=str(error),
        ) from error


def report_outputs(stack: automation.Stack) -> None:
    """Print the stack's outputs, secrets as such."""
    for name, output in sorted(stack.outputs().items()):
        print(f"    {name}: {'[secret]' if output.secret else output.value}", flush=True)


def show(settings: StackSettings, work_dir: Path, *, wait: float | None) -> None:
    """Draw the tree of each cluster, once or until it is all True.

    Args:
        settings: the stack's settings.
        work_dir: folder that a relative ``management.kubeconfigPath`` starts from.
        wait: how long to wait, in seconds, all clusters together; None draws once.

    Raises:
        NotReady: the time is over; the text names what blocks.
    """
    client = kube.connect(settings.management, work_dir)
    deadline = time.monotonic() + (wait or 0)
    for tenant in settings.clusters:
        namespace, name = tenant.cluster.namespace, tenant.cluster.name
        if wait is None:
            found = tree.describe(client, namespace, name)
            print(tree.draw(found), flush=True)
            if blocker := tree.blocking(found):
                print(blocker, flush=True)
        elif not tree.wait_until_ready(client, namespace, name, max(deadline - time.monotonic(), 1), sys.stdout):
            raise NotReady(f"Cluster {namespace}/{name} is not ready after {wait:.0f} s; what blocks is named above")


def write(line: str) -> None:
    """Pass a line of the engine on."""
    print(line, flush=True)


def color() -> str:
    """Colours for a terminal only."""
    return "always" if sys.stdout.isatty() else "never"
