"""``python -m lab.metal``: the devices, calls and faults of the lab's Metal API."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from .control import Control, ControlError
from .faults import CALL_FAULTS, DEVICE_FAULTS, KINDS, Fault, FaultInvalid


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.metal", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".lab"), help="the lab's folder (default: .lab)")
    add_commands(parser)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(Control.of_lab(options.state), options))
    except (ControlError, FaultInvalid, NotADirectoryError, PermissionError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add the commands to a parser, whose result then includes ``run(control, options)``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("devices", help="what is ordered, and how far each device is").set_defaults(run=show_devices)
    commands.add_parser("calls", help="all calls of the API, oldest first").set_defaults(run=show_calls)
    sub = commands.add_parser("faults", help="the faults of a project")
    sub.add_argument("project")
    sub.set_defaults(run=show_faults)
    kinds = "; ".join(
        [
            *(f"{kind}: calls end with an error" for kind in CALL_FAULTS),
            *(f"{k}: {v}" for k, v in DEVICE_FAULTS.items()),
        ]
    )
    sub = commands.add_parser("fault", help="add a fault to a project", description=kinds)
    sub.add_argument("project")
    sub.add_argument("kind", choices=KINDS)
    sub.add_argument("--count", type=int, help="how often it strikes (default: until it is cleared)")
    sub.add_argument("--status", type=int, default=0, help="HTTP status of the error")
    sub.add_argument("--text", default="", help="text of the error")
    sub.add_argument("--seconds", type=float, default=0.0, help="for slow-queue")
    sub.add_argument("--device", default="", help="id or hostname, * and ? allowed (default: all)")
    sub.set_defaults(run=add_fault)
    sub = commands.add_parser("clear", help="take a project's faults away")
    sub.add_argument("project")
    sub.set_defaults(run=clear_faults)


def show_devices(control: Control, _options: argparse.Namespace) -> int:
    """Print the devices."""
    for device in control.devices():
        stage = device["problem"] or device["stage"]
        print(f"{device['id']}  {device['hostname']:48} {device['state']:13} {device['public_address']:15} {stage}")
    return 0


def show_calls(control: Control, _options: argparse.Namespace) -> int:
    """Print the journal."""
    for call in control.calls():
        moment = time.strftime("%H:%M:%S", time.localtime(call.time))
        print(f"{moment}  {call.status or 'cut':3}  {call.method:6} {call.path}")
    return 0


def show_faults(control: Control, options: argparse.Namespace) -> int:
    """Print a project's faults."""
    for fault in control.faults(options.project):
        values = ", ".join(f"{name} {value}" for name, value in fault.document().items() if value and name != "kind")
        print(f"{fault.kind}: {values or 'until cleared'}")
    return 0


def add_fault(control: Control, options: argparse.Namespace) -> int:
    """Add a fault."""
    fault = Fault(**{field.name: getattr(options, field.name) for field in fields(Fault)}).complete()
    control.set_faults(options.project, [*control.faults(options.project), fault])
    return show_faults(control, options)


def clear_faults(control: Control, options: argparse.Namespace) -> int:
    """Remove a project's faults."""
    control.clear_faults(options.project)
    return 0
