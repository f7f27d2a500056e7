"""``python -m lab``: start, stop and look at the lab."""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import toolchain

from . import leftovers, processes
from .choice import LabError, cluster_apis, contracts, merge_options
from .controllers import PortConflict, require_webhook_port
from .generations import NoSuchGeneration
from .options import LabOptions
from .pki import write_private
from .state import StateFolder

PASSPHRASE = "kamaji-equinix-lab"  # noqa: S105 - see below
"""Pulumi writes a check of the passphrase into the stack's file. A random one would change Pulumi.dev.yaml in every
checkout, and lock the stack for good with the lab's folder removed by hand. It guards credentials that are made anew with
each lab, lead to loopback only, and lie in clear beside it; the folder's mode is what protects them."""

NETWORKS = ("required", "provided")
START_SECONDS = 180.0
STOP_SECONDS = 90.0
CHANGE_SECONDS = 180.0
"""An upgrade of the management cluster takes half a minute."""


FAILURES = (
    *(LabError, PortConflict, NoSuchGeneration, NotADirectoryError, PermissionError),
    *(toolchain.MissingProgram, toolchain.BuildError),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; exit code 1 means that something is wrong, 130 that Ctrl-C ended the command."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".lab"), help="the lab's folder (default: .lab)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("up", up, "start the lab, or do nothing where it runs"),
        ("set", change, "change options of the running lab"),
    ):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("--gate", action=argparse.BooleanOptionalAction, help="Kamaji's gate SkipInfraClusterPatch")
        sub.add_argument(
            "--load-balancer-delay", type=seconds, metavar="SECONDS", help="time until a new load balancer answers"
        )
        sub.add_argument("--boot-seconds", type=seconds, metavar="SECONDS", help="time until an ordered device runs")
        sub.add_argument("--boot-fails", action=argparse.BooleanOptionalAction, help="devices end in state failed")
        sub.add_argument("--network", choices=NETWORKS, help="nodes are Ready only with a network plugin, or always")
        sub.add_argument("--contract", choices=contracts(), help="Cluster API's contract; a later one upgrades the lab")
        sub.add_argument(
            "--cluster-api", choices=cluster_apis(), help="version of Cluster API, where the contract allows several"
        )
        if run is up:
            sub.add_argument("--stack", metavar="NAME", help="take the contract that this stack's file asks for")
    text = "stop the lab, wait for its processes, remove its data; logs stay"
    commands.add_parser("down", help=text, description=text).set_defaults(run=down)
    text = "the lab's processes; names those that crashed"
    sub = commands.add_parser("status", help=text, description=text)
    sub.set_defaults(run=status)
    sub.add_argument("--crashed", action="store_true", help="only what is wrong with a lab that should run")
    options = parser.parse_args(arguments)
    try:
        return int(options.run(StateFolder(options.state), options))
    except FAILURES as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        goes_on = options.run is not status
        print(f"lab: interrupted{'; `up` or `down` goes on from here' if goes_on else ''}", file=sys.stderr)
        return 130


def up(folder: StateFolder, options: argparse.Namespace) -> int:
    """Start the lab, or say that it runs."""
    with folder.lock():
        choice = merge_options(folder, options)
        state = folder.read()
        if is_alive(state) and state["stage"] in ("starting", "ready"):
            crashes = [entry for entry in state["processes"] if entry["exit"] is not None]
            if not crashes:
                if state["stage"] == "ready":
                    await_options(folder, choice)
                return follow(folder, already=state["stage"] == "ready")
            print(f"lab: {', '.join(entry['name'] for entry in crashes)} crashed; starting the lab again", flush=True)
        stop(folder)
        require_webhook_port()
        write_environment(folder)
        with (folder.logs / "supervisor.log").open("ab") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "lab.supervisor", "--state", str(folder.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[1],
                start_new_session=True,
            )
        # Recorded here, not only by the supervisor itself: `down` must know it even after an interrupt right now.
        identity = processes.identity(supervisor.pid)
        folder.write(
            {"stage": "starting", "progress": [], "processes": [], **({"supervisor": identity} if identity else {})}
        )
        return follow(folder, already=False)


def follow(folder: StateFolder, *, already: bool) -> int:
    """Print the supervisor's progress until the lab is up."""
    if already:
        print(f"lab: runs; kubeconfig {relative(folder.kubeconfig)}", flush=True)
        return 0
    deadline = time.monotonic() + START_SECONDS
    line_count = 0
    while True:
        state = folder.read()
        for line in state["progress"][line_count:]:
            print(f"lab: {line}", flush=True)
        line_count = len(state["progress"])
        if state["stage"] == "ready":
            print(f"lab: kubeconfig {relative(folder.kubeconfig)}, environment {relative(folder.env)}", flush=True)
            return 0
        if state["stage"] in ("failed", "stopped"):
            raise LabError(f"{state.get('problem') or 'it was stopped while it started'}")
        if "supervisor" in state and not is_alive(state):
            log = folder.logs / "supervisor.log"
            raise LabError(f"its supervisor ended; {log} ends:\n{processes.tail(log)}")
        if time.monotonic() > deadline:
            raise LabError(f"not up after {START_SECONDS:.0f} s; last: {state['progress'][-1:]}; logs: {folder.logs}")
        time.sleep(0.1)


def change(folder: StateFolder, options: argparse.Namespace) -> int:
    """Change options of the running lab, and wait until it has applied them."""
    if not is_alive(folder.read()):
        raise LabError("it does not run; `python -m lab up` takes the same options")
    choice = merge_options(folder, options)
    await_options(folder, choice)
    print(f"lab: {choice}", flush=True)
    return 0


def await_options(folder: StateFolder, choice: LabOptions) -> None:
    """Wait until the running lab has applied its options, which may be an upgrade.

    Raises:
        LabError: it took too long.
    """
    generation = choice.generation()
    state = {
        "gate": choice.gate,
        "contract": generation.contract,
        "clusterApi": generation.cluster_api,
        "stage": "ready",
    }
    deadline = time.monotonic() + CHANGE_SECONDS
    while any(folder.read().get(key) != value for key, value in state.items()):
        if time.monotonic() > deadline:
            raise LabError(f"it did not take over the options in time; see {folder.logs / 'supervisor.log'}")
        time.sleep(0.1)


def down(folder: StateFolder, _options: argparse.Namespace) -> int:
    """Stop the lab and remove its data."""
    if not folder.folder.exists():
        print("lab: there is none to stop", flush=True)
        return 0
    with folder.lock():
        began = time.monotonic()
        if plugins := leftovers.end_plugins(folder.folder):
            print(f"lab: ended the plugins of a pulumi that was killed: {', '.join(plugins)}", flush=True)
        for pid in leftovers.engines(folder.folder):
            print(
                f"lab: pulumi (process {pid}) still works on a stack of this lab, whose state goes with the lab; "
                f"`kill -INT {pid}` ends it",
                flush=True,
            )
        was_running = stop(folder)
        folder.forget()
        print(f"lab: stopped ({time.monotonic() - began:.0f} s)" if was_running else "lab: was not running", flush=True)
    return 0


def stop(folder: StateFolder) -> bool:
    """End the supervisor and all processes that it started; True if any was running."""
    state = folder.read()
    was_running = False
    if supervisor := state.get("supervisor"):
        was_running = processes.end(supervisor, STOP_SECONDS)
    # The supervisor may have been killed, and may have started processes after this state was read.
    for entry in reversed(folder.read().get("processes", [])):
        was_running = processes.end(entry) or was_running
    return was_running


def status(folder: StateFolder, options: argparse.Namespace) -> int:
    """Print the processes; exit code 1 if the lab does not run or a process of it crashed."""
    state = folder.read()
    if not is_alive(state):
        return explain_end(folder, state, quiet=options.crashed)
    code = 0
    now = time.time()
    for problem in state.get("problems", []):
        code = 1
        print(f"lab: {problem}")
    for host in state.get("hosts", []):
        if host["problem"]:
            print(f"lab: host {host['name']} is left out of its cluster: {host['problem']}")
    for entry in state["processes"]:
        if entry["exit"] is None:
            if not options.crashed:
                print(f"{entry['name']:56}{entry['pid']:>8}  runs  {now - entry['started']:6.0f} s")
            continue
        code = 1
        print(f"{entry['name']:56}{entry['pid']:>8}  CRASHED with exit code {entry['exit']}; {entry['log']} ends:")
        print(processes.tail(Path(entry["log"])))
    return code


def explain_end(folder: StateFolder, state: dict[str, Any], *, quiet: bool) -> int:
    """Print why the lab does not run: it was stopped, failed or was killed."""
    if not state or state["stage"] == "stopped":
        if not quiet:
            print("lab: does not run; `make lab` starts it")
        return 0 if quiet else 1
    log = folder.logs / "supervisor.log"
    why = state.get("problem") or "its supervisor was killed"
    print(f"lab: does not run: {why}; `make lab` starts it again. {log} ends:\n{processes.tail(log)}")
    if orphans := [entry for entry in state["processes"] if processes.alive(entry)]:
        names = ", ".join(f"{entry['name']} ({entry['pid']})" for entry in orphans)
        print(f"lab: these processes of it still run, until `make lab` or `make down`: {names}")
    return 1


def seconds(text: str) -> float:
    """A number of seconds of the command line."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0, is {text}")
    return value


def is_alive(state: dict[str, Any]) -> bool:
    """Whether the supervisor of a state file is alive."""
    return bool(state.get("supervisor")) and processes.alive(state["supervisor"]) is not None


def write_environment(folder: StateFolder) -> None:
    """Write ``env``: the toolchain's pulumi, and the lab's own backend and passphrase."""
    passphrase = folder.folder / "passphrase"
    write_private(passphrase, PASSPHRASE.encode())
    backend = folder.folder / "pulumi"
    backend.mkdir(exist_ok=True, mode=0o700)
    variables = toolchain.pulumi_environment()
    folder.write_env(
        {
            **variables,
            # `python -m lab` and `kamaji-equinix` work in a shell that has read the file.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), variables["PATH"]]),
            "PULUMI_BACKEND_URL": leftovers.backend_url(folder.folder),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        }
    )


def relative(path: Path) -> str:
    """A path as the user would type it."""
    return os.path.relpath(path)
