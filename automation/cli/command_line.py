"""The console script ``kamaji-equinix``: the operations on one stack, for people and for scripts."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import shtab

from ...components.kube.access import AccessError
from ..engine.advice import after_stop
from ..errors import OperationError
from . import operations


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, or that of the error's kind (see ``automation.errors``); 130 after Ctrl-C.
    """
    if arguments is None:
        # Otherwise the objects of the imports are searched for garbage when the process ends: 0.1 s.
        gc.freeze()
    options = parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (AccessError, OperationError) as error:
        print(f"error: {error}", file=sys.stderr)
        # `check` has told its JSON already.
        if options.json and isinstance(error, OperationError) and options.run is not operations.check:
            report = {"error": type(error).__name__, "cluster": error.cluster, "phase": error.phase, "seen": error.seen}
            print(json.dumps({**report, "message": str(error)}, indent=2), flush=True)
        return getattr(error, "exit_code", 2)
    except KeyboardInterrupt:
        operation = {operations.up: "up", operations.destroy: "destroy"}.get(options.run, "")
        print(f"interrupted{f'; {after_stop(operation)}' if operation else ''}", file=sys.stderr)
        return 130


def seconds(text: str) -> float:
    """A number of seconds, checked before the operation begins: the API checks it only when it waits.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or more, is {text!r}")
    return number


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="kamaji-equinix", description=__doc__)
    top.add_argument("--version", action="version", version=f"kamaji-equinix {metadata.version('kamaji-equinix')}")
    shtab.add_argument_to(top, "--print-completion", help="print a script that completes this command in a shell")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int | None], text: str, *, names_stack: bool = False
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        if names_stack:
            sub.add_argument("--stack", required=True, help="the stack's name")
        else:
            sub.add_argument("--stack", default="dev", help="the stack's name (default: dev)")
        folder = sub.add_argument("--cwd", type=Path, default=Path(), help="folder of Pulumi.yaml (default: this one)")
        folder.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        sub.set_defaults(run=run, json=False)
        return sub

    def with_json(sub: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub.add_argument("--json", action="store_true", help="the result as JSON on stdout, all else on stderr")
        return sub

    def changing(
        name: str, run: Callable[[argparse.Namespace], int | None], text: str, *, names_stack: bool = False
    ) -> argparse.ArgumentParser:
        sub = with_json(command(name, run, text, names_stack=names_stack))
        sub.add_argument(
            "--wait-for-lock",
            type=seconds,
            default=0,
            metavar="SECONDS",
            help="how long to wait for another update to leave the stack (default: 0)",
        )
        sub.add_argument("--log", type=Path, metavar="FILE", help="write the whole run to FILE, too, as text")
        return sub

    up = changing(
        "up", operations.up, "create or change the stack's clusters, then wait until their machines are ready"
    )
    up.add_argument("--no-wait", action="store_true", help="end after the hand-off, as `pulumi up` does")
    up.add_argument("--timeout", type=seconds, default=900, metavar="SECONDS", help="how long to wait (default: 900)")
    with_json(command("preview", operations.preview, "show what up would change"))
    changing("refresh", operations.refresh, "bring the stack's state up to date with the management cluster")
    changing("import", operations.import_, "take living clusters that were made by other means into the stack")
    status = with_json(command("status", operations.status, "the status tree of the stack's clusters"))
    status.add_argument("--wait", action="store_true", help="draw it anew until all conditions are True")
    status.add_argument(
        "--timeout", type=seconds, default=900, metavar="SECONDS", help="how long to wait (default: 900)"
    )
    with_json(command("check", operations.check, "see whether the management cluster has all that the stack needs"))
    command("kubeconfig", operations.kubeconfig, "print a cluster's admin kubeconfig").add_argument(
        "--cluster", help="the cluster's name; needed where the stack has several"
    )
    command("render", operations.render_, "print the stack's manifests, without engine or cluster")
    destroy = changing(
        "destroy", operations.destroy, "delete the stack's clusters and wait until nothing is left", names_stack=True
    )
    destroy.add_argument("--yes", action="store_true", help="ask no question; required where there is no terminal")
    return top
