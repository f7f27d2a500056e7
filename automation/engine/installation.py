"""The ``pulumi`` that is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

from pulumi import automation

_programs: dict[tuple[object, ...], automation.PulumiCommand] = {}


def installed() -> automation.PulumiCommand:
    """The ``pulumi`` on PATH with its version, for which the same file is asked once: each question starts a process.

    Raises:
        OSError: there is none.
        subprocess.SubprocessError: it can't tell its version.
        InvalidVersionError: it is too old.
    """
    path = shutil.which("pulumi")
    if path is None:
        return automation.PulumiCommand()
    status = Path(path).stat()
    file = (path, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
    if file not in _programs:
        _programs[file] = automation.PulumiCommand()
    return _programs[file]
