"""Checks of the user data's commands without running them: their syntax, and the version that they install."""

from __future__ import annotations

import re
import shutil
import subprocess

from .cloudinit import CloudConfig, single_line
from .trouble import BootFailure

SHEBANG = re.compile(r"#!\s*(?:/usr)?/bin/(?:env\s+)?(ba|da)?sh\b")
TEMPLATE = re.compile(r"\{\{.*?\}\}")
FORMATS = re.compile(r"format|go-template|jsonpath|custom-columns")
"""Lines with these words have braces for the program that they call (``crictl ... --format '{{.ID}}'``)."""

VERSION = re.compile(r"(?<![\d.])v?(1\.\d{1,2}\.\d{1,2})(?![\d.])")
REPOSITORY = re.compile(r"/core:/stable:/v(1\.\d{1,2})/")

SOURCE = re.compile(r"(?:\.|source)\s+(/\S+)\s*")
"""A command that runs the lines of a file in the same shell."""


def check(config: CloudConfig) -> None:
    """Check the shell syntax of the commands and of the scripts among the files.

    cloud-init writes one script for all runcmd entries, and Ubuntu's sh is dash: after an unclosed quote nothing runs.

    Raises:
        BootFailure: the shell finds an error; names the entry or file and quotes the error.
    """
    for index, command in enumerate(config.commands):
        where, text = read_by_shell(config, command)
        where = where or f"runcmd[{index}]"
        if problem := syntax_problem(text, shell()):
            raise BootFailure(f"{where} of its user data is not valid shell: {problem}")
        for line in text.split("\n"):
            if (match := TEMPLATE.search(line)) and not FORMATS.search(line):
                raise BootFailure(f"{where} of its user data holds an unrendered template: {match[0][:60]!r}")
    if problem := syntax_problem(config.script, shell()):
        raise BootFailure(f"runcmd of its user data is not valid shell as a whole: {problem}")
    for file in config.files.values():
        if interpreter := SHEBANG.match(file.content):
            program = "bash" if interpreter[1] == "ba" else shell()
            if problem := syntax_problem(file.content, program):
                raise BootFailure(f"{file.path} of its user data is not a valid {program} script: {problem}")


def read_by_shell(config: CloudConfig, command: str) -> tuple[str, str]:
    """The file that a command reads (empty if none), and the command's text for the shell.

    Raises:
        BootFailure: the user data writes no such file.
    """
    if not (match := SOURCE.fullmatch(command)):
        return "", command
    path = match[1]
    if path not in config.files:
        raise BootFailure(f"its user data reads commands from {path}, and writes no such file")
    return path, config.files[path].content


def lines(config: CloudConfig) -> str:
    """All commands, including those in files that they read."""
    return "\n".join(read_by_shell(config, command)[1] for command in config.commands)


def shell() -> str:
    """dash, which is Ubuntu's ``sh``, if it is installed here; else ``sh``."""
    return "dash" if shutil.which("dash") else "sh"


def syntax_problem(script: str, program: str) -> str:
    """The syntax error that a shell finds in a script, without running it; empty if none."""
    result = subprocess.run([program, "-n"], input=script, capture_output=True, text=True, timeout=30, check=False)
    return "" if result.returncode == 0 else single_line(result.stderr) or f"exit code {result.returncode}"


def installed_version(config: CloudConfig) -> str:
    """The Kubernetes version that the commands install, such as v1.33.0; empty if they name none.

    Only lines that name Kubernetes or the kubelet are searched.
    """
    text = "\n".join([lines(config), *(file.content for file in config.files.values() if SHEBANG.match(file.content))])
    for line in text.split("\n"):
        if re.search("kube", line, re.IGNORECASE) and (match := VERSION.search(line)):
            return f"v{match[1]}"
    return ""


def repository(config: CloudConfig) -> str:
    """The minor version of the package repository that the commands use, such as 1.33; empty if none."""
    match = REPOSITORY.search(lines(config))
    return match[1] if match else ""
