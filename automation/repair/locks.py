"""Locks that a killed engine leaves on a stack: cleared where their process is dead, otherwise reported.

Pulumi's own backends (files, S3 and the like) lock a stack with a file
``.pulumi/locks/organization/<project>/<stack>/<id>.json`` that holds pid, user, host and time (pulumi,
pkg/backend/diy/lock.go). A SIGKILL leaves it behind, and every later update is refused. Locks in a folder are read
here; those in a bucket are known from what Pulumi says when it refuses (``lock_wait``).

``python -m kamaji_equinix.automation.repair.locks --stack dev`` clears a stack's dead locks by hand.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..engine.lock import Lock, read_lock, refusal
from ..errors import ConfigurationError, Locked


def clear_stale_lock(backend_url: str, project: str, stack: str) -> str | None:
    """Remove the locks of a stack in a file backend whose process, on this host, is dead.

    Locks of live processes, or of other hosts, stay; Pulumi refuses an update because of them, but not a read.

    Args:
        backend_url: as Pulumi takes it, such as ``file:///path``; other backends are left alone (see
            ``lock_wait``).
        project: the project's name.
        stack: the stack's name.

    Returns:
        A sentence about the removed locks; None if there were none.
    """
    removals = []
    for lock in stack_locks(backend_url, project, stack):
        if lock.is_dead():
            # Each update has its own file name, so this can't be the lock of an update that begins now.
            Path(lock.where).unlink(missing_ok=True)
            removals.append(str(lock))
    return f"cleared the lock of a dead update on stack {stack} ({'; '.join(removals)})" if removals else None


def require_free(backend_url: str, project: str, stack: str) -> None:
    """Check that no update holds a stack in a file backend.

    Raises:
        Locked: one does; the text names the holder and the command.
    """
    if locks := stack_locks(backend_url, project, stack):
        raise Locked(refusal(stack, locks), holders=[str(lock) for lock in locks], stack=stack)


def stack_locks(backend_url: str, project: str, stack: str) -> list[Lock]:
    """The locks on a stack in a file backend; none for other backends."""
    root = backend_folder(backend_url)
    if root is None:
        return []
    short_name = stack.rpartition("/")[2]
    folders = (
        root / ".pulumi" / "locks" / "organization" / project / short_name,
        root / ".pulumi" / "locks" / short_name,
    )
    locks = []
    for path in sorted(file for folder in folders for file in folder.glob("*.json")):
        try:
            locks.append(read_lock(path))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Locked(
                f"stack {stack} has a lock that can't be read, {path}: {error}; if no update runs, "
                f"`pulumi cancel --yes --stack {stack}` removes it"
            ) from error
    return locks


def backend_folder(url: str) -> Path | None:
    """The folder of a file backend, None for other backends."""
    if not url.startswith("file://"):
        return None
    # Not urlsplit alone: in file://./state and file://~ the first part is no host.
    text = unquote(urlsplit(url.replace("file://", "file:", 1)).path)
    return Path(text).expanduser()


def project_name(folder: Path) -> str:
    """The name in a folder's Pulumi.yaml.

    Raises:
        ConfigurationError: there is none.
    """
    import yaml

    try:
        return str(yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"])
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        raise ConfigurationError(f"{folder.resolve()}: no Pulumi.yaml with a `name`; use --cwd or --project") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Clear the dead locks of a stack.

    Returns:
        The exit code: 0 if the stack is free, 2 for a wrong request, 4 if somebody holds it.
    """
    parser = argparse.ArgumentParser(description="Clear the locks that killed updates left on a stack.")
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--project", help="by default the one of Pulumi.yaml")
    parser.add_argument(
        "--backend", default=os.environ.get("PULUMI_BACKEND_URL", ""), help="default: $PULUMI_BACKEND_URL"
    )
    parser.add_argument("--cwd", type=Path, default=Path(), help="folder of Pulumi.yaml")
    options = parser.parse_args(arguments)
    try:
        if backend_folder(options.backend) is None:
            raise ConfigurationError(
                f"backend {urlsplit(options.backend).scheme or 'not given'}: only locks in a file backend can be read; "
                f"`pulumi cancel --stack {options.stack}` works on every backend"
            )
        project = options.project or project_name(options.cwd)
        if report := clear_stale_lock(options.backend, project, options.stack):
            print(report)
        require_free(options.backend, project, options.stack)
    except (ConfigurationError, Locked) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
