"""User data as cloud-init reads it: the rendered template, its files and commands.

Follows cloudinit/templater.py, handlers/jinja_template.py, config/cc_write_files.py and util.shellify of cloud-init. It
refuses what cloud-init would leave out with a warning, such as an unknown variable.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import shlex
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
import yaml
from jinja2.sandbox import SandboxedEnvironment

from .trouble import BootFailure

TEMPLATE_HEADER = re.compile(r"##\s*template:(.*)", re.IGNORECASE)
CONFIG_HEADER = "#cloud-config"

BASE64 = ("b64", "base64")
GZIP_BASE64 = ("gz+b64", "gz+base64", "gzip+b64", "gzip+base64")


@dataclass(frozen=True)
class WrittenFile:
    """A file that the user data writes."""

    path: str
    content: str
    owner: str = "root:root"
    mode: int = 0o644


@dataclass(frozen=True)
class CloudConfig:
    """The part of a cloud-config by which a machine becomes a node.

    Attributes:
        files: the files on disk after cloud-init, by path.
        commands: entries of runcmd, as lines of the single shell script that cloud-init writes.
    """

    files: Mapping[str, WrittenFile]
    commands: tuple[str, ...]

    @property
    def script(self) -> str:
        """The shell script of runcmd."""
        return "#!/bin/sh\n" + "".join(f"{command}\n" for command in self.commands)


def read(userdata: str, instance: Mapping[str, Any]) -> CloudConfig:
    """Read user data on a machine with this instance data.

    Args:
        userdata: the user data as the provider delivers it.
        instance: instance data: ``v1`` and ``ds``.

    Raises:
        BootFailure: the user data cannot be rendered or parsed, or is not a cloud-config.
    """
    if not userdata.strip():
        raise BootFailure("it has no user data")
    text = render(userdata, instance)
    if not text.startswith(CONFIG_HEADER):
        line = text.split("\n", 1)[0][:60]
        raise BootFailure(f"its user data is no cloud-config: the first line must be {CONFIG_HEADER}, not {line!r}")
    if "<no value>" in text:
        raise BootFailure("its user data holds '<no value>': a Go template names a value that capp does not have")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BootFailure(f"its user data is not valid YAML: {yaml_problem(error)}") from None
    if not isinstance(document, Mapping):
        raise BootFailure("its user data is no YAML mapping")
    return CloudConfig(files(document.get("write_files") or []), commands(document.get("runcmd") or []))


def render(userdata: str, instance: Mapping[str, Any]) -> str:
    """Render user data with the first line ``## template: jinja``; other user data is returned unchanged.

    Raises:
        BootFailure: a variable is unknown, or the template is not valid.
    """
    first, _, template_text = userdata.partition("\n")
    header = TEMPLATE_HEADER.match(first)
    if not header:
        return userdata
    if (kind := header[1].strip().lower()) != "jinja":
        raise BootFailure(f"its user data asks for template {kind!r}, where cloud-init knows jinja")
    environment = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.do"],
        autoescape=False,
    )
    try:
        return environment.from_string(template_text).render(**variables(instance))
    except jinja2.UndefinedError as error:
        raise BootFailure(f"its user data has an unresolved jinja variable: {single_line(error)}") from None
    except jinja2.TemplateSyntaxError as error:
        # +1: the template starts after the header line.
        place = f"line {error.lineno + 1}: {source_line(template_text, error.lineno)!r}"
        raise BootFailure(f"its user data is not valid jinja: {single_line(error.message)}, {place}") from None
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise BootFailure(f"its user data cannot be rendered: {single_line(error)}") from None


def variables(instance: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of templates: instance data, its names also with ``_`` for ``-``, those of ``v1`` also at the top."""
    values: dict[str, Any] = {}
    for key, value in instance.items():
        values[key] = variables(value) if isinstance(value, Mapping) else value
        values[re.sub(r"[-.]", "_", key)] = values[key]
        if re.fullmatch(r"v\d+", key):
            values |= values[key]
    return values


def files(entries: object) -> dict[str, WrittenFile]:
    """The files of ``write_files``.

    Raises:
        BootFailure: an entry is invalid; names it.
    """
    if not isinstance(entries, list):
        raise BootFailure("write_files of its user data is no list")
    by_path: dict[str, WrittenFile] = {}
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not str(entry.get("path") or "").startswith("/"):
            raise BootFailure(f"write_files[{index}] of its user data has no absolute path")
        path = str(entry["path"])
        content = entry.get("content")
        if not isinstance(content, str):
            content = "" if content is None else str(content)
        text = decode(content, str(entry.get("encoding") or "").lower().strip(), path)
        if entry.get("append") and path in by_path:
            text = by_path[path].content + text
        by_path[path] = WrittenFile(path, text, str(entry.get("owner") or "root:root"), permissions(entry, path))
    return by_path


def permissions(entry: Mapping[str, Any], path: str) -> int:
    """A file's mode: a text has octal digits, a number is the mode itself."""
    value = entry.get("permissions")
    if value is None:
        return 0o644
    if isinstance(value, int):
        return value
    try:
        return int(str(value), 8)
    except ValueError:
        raise BootFailure(f"{path} of its user data has permissions {value!r}, no octal number") from None


def decode(content: str, encoding: str, path: str) -> str:
    """A file's decoded content."""
    try:
        data = content.encode()
        if encoding in BASE64 or encoding in GZIP_BASE64:
            data = base64.b64decode("".join(content.split()), validate=True)
        elif encoding not in ("", "text/plain"):
            raise BootFailure(f"{path} of its user data has the unknown encoding {encoding!r}")
        if encoding in GZIP_BASE64:
            data = gzip.decompress(data)
    except (binascii.Error, OSError, EOFError, zlib.error) as error:
        raise BootFailure(f"{path} of its user data is not {encoding}: {single_line(error)}") from None
    return data.decode(errors="replace")


def commands(entries: object) -> tuple[str, ...]:
    """The entries of ``runcmd`` as lines of a shell script; a list becomes one command with quoted words."""
    if not isinstance(entries, list):
        raise BootFailure("runcmd of its user data is no list")
    lines = []
    for index, entry in enumerate(entries):
        if isinstance(entry, str):
            lines.append(entry)
        elif isinstance(entry, list):
            lines.append(" ".join(shlex.quote(str(word)) for word in entry))
        elif entry is not None:
            raise BootFailure(f"runcmd[{index}] of its user data is neither text nor a list")
    return tuple(lines)


def yaml_problem(error: yaml.YAMLError) -> str:
    """The error in a YAML text and its place, without the text itself, which may contain a token."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        place = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        return single_line(f"{error.context or ''} {error.problem or ''} ({place})")
    return type(error).__name__


def single_line(value: object) -> str:
    """A text or error on one line."""
    return " ".join(str(value).split())


def source_line(text: str, number: int) -> str:
    """A line of a text by its number (from 1), shortened."""
    lines = text.split("\n")
    return lines[number - 1].strip()[:80] if 0 < number <= len(lines) else ""
