"""Kubeconfigs: where they are, and how several are merged, as client-go does it (``tools/clientcmd``). No connection is made.

It imports only the standard library and PyYAML, because every run of the program loads it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import go_yaml
from .access import Access, AccessError
from .kubeconfig_reading import Reader
from .kubeconfig_schema import NOBODY, SECTIONS, decode, document_of

_FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}


class NoContext(AccessError):
    """A kubeconfig without a current context, where the settings name none."""


class NoFile(AccessError):
    """A kubeconfig that does not exist."""


@dataclass(frozen=True)
class Document:
    """A kubeconfig, possibly merged of several, whose types have been checked.

    Attributes:
        content: its content; names of files are absolute.
        source: where it comes from, for messages.
        text: its text, where it means the same in any folder.
    """

    content: Mapping[str, Any] = field(repr=False)
    source: str
    text: str | None = field(default=None, repr=False)

    @property
    def empty(self) -> bool:
        """Whether it says nothing at all."""
        return decode(self.content).empty

    def portable(self) -> str:
        """A text of it that means the same to Kubernetes' own programs, wherever they read it."""
        return self.text if self.text is not None else go_yaml.dump(self.content)

    def access(self, context: str | None = None) -> Access:
        """The access that it describes.

        Args:
            context: which of its contexts; its current one by default.

        Raises:
            AccessError: it can't be used.
            NoContext: it has no current one.
        """
        kubeconfig = decode(self.content)
        name = context or kubeconfig.current
        if not name:
            raise NoContext(f"{self.source}: no current-context")
        entry = _entry(kubeconfig.contexts, "context", name, self.source)
        cluster = _entry(kubeconfig.clusters, "cluster", entry["cluster"], self.source)
        # client-go takes a user that is not there for one without credentials (DirectClientConfig.getAuthInfo). Over plain
        # HTTP none are sent anyway; over TLS kubectl would ask the terminal for some, so the name is reported.
        plain = str(cluster.get("server") or "").lower().startswith("http://")
        anonymous = not entry["user"] or (plain and entry["user"] not in kubeconfig.users)
        user = None if anonymous else _entry(kubeconfig.users, "user", entry["user"], self.source)
        return Reader(self.source, cluster, user or NOBODY).access(entry["cluster"], entry["user"])


def from_text(text: str, context: str | None = None, *, source: str, folder: Path | None = None) -> Access:
    """The access that a kubeconfig describes.

    Args:
        text: YAML or JSON of the kubeconfig.
        context: which of its contexts; its current one by default.
        source: where the text comes from, for messages.
        folder: what relative file names in it start from; the working folder by default.

    Raises:
        AccessError: it can't be used.
    """
    return parse(text, source, folder or Path()).access(context)


def read(path: Path) -> Document:
    """A kubeconfig file.

    Raises:
        NoFile: there is none.
        AccessError: it can't be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NoFile(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise AccessError(f"{path}: {why}; expected a readable kubeconfig") from None
    return parse(content, str(path), path.parent)


def parse(text: str | bytes, source: str, folder: Path) -> Document:
    """A kubeconfig by its text.

    Args:
        text: YAML or JSON; bytes in UTF-8 or UTF-16.
        source: where it comes from, for messages.
        folder: what relative file names in it start from.

    Raises:
        AccessError: it is no kubeconfig.
    """
    try:
        document = document_of(text)
        # All of it is checked, as client-go does: it would not read the rest either.
        decode(document)
    except ValueError as error:
        raise AccessError(f"{source}: {error}; expected a kubeconfig") from None
    is_unchanged = not _settle(document, folder)
    return Document(
        document, source, text if is_unchanged and isinstance(text, str) else _decode(text) if is_unchanged else None
    )


def merge(documents: Iterable[Document]) -> Document:
    """Several kubeconfigs as one: an entry, and the current context, come from the first one that has them."""
    documents = list(documents)
    if len(documents) == 1:
        return documents[0]
    content: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for section in SECTIONS:
        entries: dict[Any, Any] = {}
        for document in documents:
            for entry in document.content.get(section) or ():
                # An entry without a name is one of an empty name to client-go.
                entries.setdefault((entry or {}).get("name") or "", entry)
        content[section] = list(entries.values())
    names = (document.content.get("current-context") for document in documents)
    content["current-context"] = next(filter(None, names), "")
    return Document(content, os.pathsep.join(document.source for document in documents))


def default_paths(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that kubectl would read, whether they exist or not: those of ``$KUBECONFIG``, else ``~/.kube/config``."""
    if environment.get("KUBECONFIG"):
        return list(dict.fromkeys(Path(part) for part in environment["KUBECONFIG"].split(os.pathsep) if part))
    return [Path(environment.get("HOME") or Path.home(), ".kube", "config")]


def default_document(environment: Mapping[str, str] = os.environ) -> Document | None:
    """The kubeconfig that kubectl would read, merged where ``$KUBECONFIG`` names several files.

    Returns:
        None where none of the files exists, or they say nothing.

    Raises:
        AccessError: one of them exists, but can't be read.
    """
    documents = []
    for path in default_paths(environment):
        try:
            documents.append(read(path))
        except NoFile:
            continue
    document = merge(documents) if documents else None
    return None if document is None or document.empty else document


def _decode(text: str | bytes) -> str | None:
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def _settle(document: dict[str, Any], folder: Path) -> bool:
    """Make the names of files absolute; a command without a slash is looked for on PATH. Returns whether there were any."""
    has_changed = False

    def absolute(holder: Any, name: str, condition: Callable[[str], bool] = bool) -> None:
        nonlocal has_changed
        value = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(value, str) and condition(value) and not os.path.isabs(value):  # noqa: PTH117 - ~ stays as it is
            holder[name] = os.path.abspath(os.path.join(folder, value))  # noqa: PTH100,PTH118 - links stay
            has_changed = True

    for section, (key, _) in SECTIONS.items():
        for entry in document.get(section) or ():
            fields = (entry or {}).get(key)
            for name in _FILES.get(section, ()):
                absolute(fields, name)
            if section == "users" and fields:
                absolute(fields.get("exec"), "command", lambda command: os.sep in command)
    return has_changed


def _entry(entries: Mapping[str, Mapping[str, Any]], kind: str, name: str, source: str) -> Mapping[str, Any]:
    if name in entries:
        return entries[name]
    raise AccessError(f"{source}: no {kind} named {name!r}; it has: {', '.join(entries) or 'none'}")
