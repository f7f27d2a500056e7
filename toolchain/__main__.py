"""``python -m toolchain``: build the programs that are missing."""

from __future__ import annotations

import argparse
import signal
import sys

from rich.console import Console

from . import BuildError, MissingProgram, ensure, find, module_folder, pulumi_environment
from .pins import BY_NAME, SOURCES, Need, cache_folder
from .progress import display

WHEN: dict[Need, str] = {"up": "built by make up", "test": "built by make test", "request": "built on request"}


def main() -> int:
    """Run the command line; the exit code is 1 if a program or source is missing, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m toolchain", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=BY_NAME, help="only these programs")
    parser.add_argument("--tests", action="store_true", help="also what only the tests run")
    parser.add_argument("--list", action="store_true", help="list the programs and where they are, build nothing")
    options = parser.parse_args()
    # SIGTERM and SIGHUP clean up like Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        # A signal that nohup ignores stays ignored.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        if options.list:
            for name, program in BY_NAME.items():
                path = find(program.name, program.version) or f"missing ({WHEN[program.need]})"
                print(f"{name:36}{program.version:40}{path}")
            return 0
        need: Need = "test" if options.tests else "up"
        with display(Console()) as (line, watch):
            ensure(options.only, line, need, watch)
            if options.only is None:
                for source in SOURCES:
                    if source.need in ("up", need):
                        module_folder(source.module, source.version, source.part)
                pulumi_environment()
    except (BuildError, MissingProgram) as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        why = error.strerror or error
        print(f"toolchain: {cache_folder()}: {why}; KAMAJI_EQUINIX_TOOLCHAIN names another folder", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("toolchain: interrupted; what is built stays, the next run goes on from there", file=sys.stderr)
        return 130
    return 0


sys.exit(main())
