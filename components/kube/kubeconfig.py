"""Kubeconfigs: found, merged, and read down to one access, as client-go does it (``tools/clientcmd``). No connection is made.

Kept to what the standard library and PyYAML can do, because every run of the program imports it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import go_yaml, pem, urls
from .access import Access, AccessError, Fixed, Login
from .impersonation import impersonation
from .kubeconfig_schema import NOBODY, SECTIONS, decode, document_of
from .login import content, login_from

PLUGIN_EXTENSION = "client.authentication.k8s.io/exec"
"""Name of the cluster's extension that credential plugins are given."""

_FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}


class NoContext(AccessError):
    """A kubeconfig without a current context, where none was asked for."""


class NoFile(AccessError):
    """A kubeconfig that does not exist."""


@dataclass(frozen=True)
class Document:
    """A kubeconfig, possibly merged of several, whose types have been checked.

    Attributes:
        content: what it holds; names of files are absolute.
        source: where it comes from, for messages.
        text: its text, where that needs nothing but itself to be used elsewhere.
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
        chosen = _entry(kubeconfig.contexts, "context", name, self.source)
        cluster = _entry(kubeconfig.clusters, "cluster", chosen["cluster"], self.source)
        # client-go takes a user that is not there for one without credentials (DirectClientConfig.getAuthInfo). Over plain
        # HTTP none are sent anyway; over TLS kubectl would ask the terminal for some, so the name is reported.
        plain = str(cluster.get("server") or "").lower().startswith("http://")
        anonymous = not chosen["user"] or (plain and chosen["user"] not in kubeconfig.users)
        user = None if anonymous else _entry(kubeconfig.users, "user", chosen["user"], self.source)
        return _Reader(self.source, cluster, user or NOBODY).access(chosen["cluster"], chosen["user"])


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
    return parsed(text, source, folder or Path()).access(context)


def from_file(path: Path, context: str | None = None) -> Access:
    """The access that a kubeconfig file describes.

    Raises:
        AccessError: the file can't be read or used.
    """
    return read(path).access(context)


def read(path: Path) -> Document:
    """A kubeconfig file.

    Raises:
        NoFile: there is none.
        AccessError: it can't be read.
    """
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        raise NoFile(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise AccessError(f"{path}: {why}; expected a readable kubeconfig") from None
    return parsed(found, str(path), path.parent)


def parsed(text: str | bytes, source: str, folder: Path) -> Document:
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
    same = not _settle(document, folder)
    return Document(document, source, text if same and isinstance(text, str) else _decoded(text) if same else None)


def merged(documents: Iterable[Document]) -> Document:
    """Several kubeconfigs as one: the first one that has an entry of a name, or a current context, gives it."""
    documents = list(documents)
    if len(documents) == 1:
        return documents[0]
    found: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for section in SECTIONS:
        entries: dict[Any, Any] = {}
        for document in documents:
            for entry in document.content.get(section) or ():
                # An entry without a name is one of an empty name to client-go.
                entries.setdefault((entry or {}).get("name") or "", entry)
        found[section] = list(entries.values())
    names = (document.content.get("current-context") for document in documents)
    found["current-context"] = next(filter(None, names), "")
    return Document(found, os.pathsep.join(document.source for document in documents))


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
    found = merged(documents) if documents else None
    return None if found is None or found.empty else found


def _decoded(text: str | bytes) -> str | None:
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def _settle(document: dict[str, Any], folder: Path) -> bool:
    """Make the names of files absolute; a command without a slash is looked for on PATH. Returns whether there were any."""
    changed = False

    def absolute(holder: Any, name: str, needed: Callable[[str], bool] = bool) -> None:
        nonlocal changed
        value = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(value, str) and needed(value) and not os.path.isabs(value):  # noqa: PTH117 - ~ stays as it is
            holder[name] = os.path.abspath(os.path.join(folder, value))  # noqa: PTH100,PTH118 - links stay
            changed = True

    for section, (key, _) in SECTIONS.items():
        for entry in document.get(section) or ():
            held = (entry or {}).get(key)
            for name in _FILES.get(section, ()):
                absolute(held, name)
            if section == "users" and held:
                absolute(held.get("exec"), "command", lambda command: os.sep in command)
    return changed


def _entry(entries: Mapping[str, Mapping[str, Any]], kind: str, name: str, source: str) -> Mapping[str, Any]:
    if name in entries:
        return entries[name]
    raise AccessError(f"{source}: no {kind} named {name!r}; it has: {', '.join(entries) or 'none'}")


class _Reader:
    """Reads a cluster and a user, whose types have been checked, as client-go validates and uses them."""

    def __init__(self, source: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
        self.source, self.cluster, self.user = source, cluster, user

    def access(self, cluster_name: str, user_name: str) -> Access:
        """The access of this cluster and user."""
        cluster, user = self.cluster, self.user
        if not cluster["server"]:
            raise self._error(f"cluster {cluster_name!r} has no `server`")
        try:
            server = urls.server_url(cluster["server"])
            proxy = urls.proxy_url(cluster["proxy-url"]) if cluster["proxy-url"] else None
            headers = impersonation(user)
        except ValueError as error:
            raise self._error(str(error)) from None
        self._validate()
        compression = not cluster["disable-compression"]
        if server.startswith("http:"):
            # client-go sends no credentials over a connection that anybody on the way can read.
            return Access(server, self.source, proxy=proxy, headers=headers, compression=compression)
        if user["username"] or user["password"]:
            headers += (("Authorization", urls.basic(user["username"], user["password"])),)
        return Access(
            server=server,
            source=self.source,
            ca_pem=self._authorities(),
            server_name=cluster["tls-server-name"] or None,
            verify=not cluster["insecure-skip-tls-verify"],
            login=self._login(user_name),
            proxy=proxy,
            headers=headers,
            compression=compression,
        )

    def _validate(self) -> None:
        """What client-go refuses even where nothing of it is used (``clientcmd/validation.go``)."""
        cluster, user = self.cluster, self.user
        self._one_of(cluster, "certificate-authority")
        if user["token"] and (user["username"] or user["password"]):
            raise self._error("a token and username with password exclude each other")
        if user["client-certificate"] or user["client-certificate-data"]:
            self._one_of(user, "client-certificate")
            self._one_of(user, "client-key")
            if not (user["client-key"] or user["client-key-data"]):
                raise self._error("client-certificate without client-key")
        if user["exec"] is not None:
            # Here, because few need it, and it starts slowly.
            from .exec_plugin import plugin_of

            plugin_of(user["exec"], self.source, {})
            if user["auth-provider"] is not None:
                raise self._error("auth-provider and exec exclude each other")

    def _login(self, user_name: str) -> Login:
        user = self.user
        if user["tokenFile"] and (user["username"] or user["password"]):
            raise self._error("a tokenFile and username with password exclude each other")
        if user["auth-provider"] is not None:
            raise self._error("`auth-provider` is not supported any more; use an `exec` plugin or a token")
        certificate = user["client-certificate-data"] or _path(user["client-certificate"])
        if user["token"] or user["tokenFile"] or certificate:
            return login_from(
                self.source,
                token=user["token"],
                token_file=_path(user["tokenFile"]),
                certificate=certificate,
                key=(user["client-key-data"] or _path(user["client-key"])) if certificate else None,
            )
        if user["username"]:
            return Fixed()
        if user["exec"] is not None:
            from .exec_plugin import login_of, plugin_of

            return login_of(plugin_of(user["exec"], self.source, self._told()))
        raise self._error(
            f"user {user_name!r} has no credentials; expected token, tokenFile, client-certificate, exec or username"
            if user_name
            else "its context names no user"
        )

    def _told(self) -> dict[str, Any]:
        """What a credential plugin is told of the cluster."""
        cluster = self.cluster
        authorities = cluster["certificate-authority-data"]
        if cluster["certificate-authority"]:
            authorities = content(self.source, "certificate-authority", Path(cluster["certificate-authority"]))
        names = ("tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
        extensions = {one["name"]: one["extension"] for one in cluster["extensions"]}
        return {
            "server": cluster["server"],
            **{name: cluster[name] for name in names if cluster[name]},
            **({"certificate-authority-data": base64.b64encode(authorities).decode()} if authorities else {}),
            "config": extensions.get(PLUGIN_EXTENSION),
        }

    def _authorities(self) -> str | None:
        cluster, name = self.cluster, "certificate-authority"
        if cluster["insecure-skip-tls-verify"] and (cluster[name] or cluster[f"{name}-data"]):
            raise self._error(f"insecure-skip-tls-verify and a {name} exclude each other")
        found = cluster[f"{name}-data"]
        if cluster[name]:
            found = content(self.source, name, Path(cluster[name]))
        try:
            # An empty file stands for the system's authorities.
            return pem.authorities(found) if found else None
        except ValueError as error:
            raise self._error(f"{name} {error}") from None

    def _one_of(self, holder: Mapping[str, Any], name: str) -> None:
        if holder[name] and holder[f"{name}-data"]:
            raise self._error(f"{name} and {name}-data exclude each other")
        if holder[name]:
            content(self.source, name, Path(holder[name]))

    def _error(self, text: str) -> AccessError:
        return AccessError(f"{self.source}: {text}")


def _path(name: str) -> Path | None:
    return Path(name) if name else None
