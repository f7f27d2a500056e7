"""Where a Kubernetes API is and how to log in to it: the contents of a kubeconfig. No connection is made here.

Kept to what the standard library and PyYAML can do, because every run of the program imports it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import kubeconfig_values as values

IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_SECONDS = 30.0

_FILE_KEYS = re.compile(r"(certificate-authority|client-certificate|client-key|tokenFile|command)[\"']?\s*:")


class AccessError(Exception):
    """A kubeconfig that can't be used; the text says where it is, what is wrong, and what to do."""


@dataclass(frozen=True)
class Access:
    """Address of an API server and the credentials for it.

    Attributes:
        server: base URL.
        source: where this comes from, for messages.
        ca_pem: certificates that the server's is verified against; None for the system's.
        server_name: name that its certificate must carry, where it differs from the host of ``server``.
        verify: False accepts any certificate.
        client_certificate, client_key: PEM of a client certificate.
        token: bearer token.
        proxy: URL of an HTTP proxy for this cluster.
        headers: further request headers (basic authentication, impersonation).
    """

    server: str
    source: str
    ca_pem: str | None = None
    server_name: str | None = None
    verify: bool = True
    client_certificate: str | None = field(default=None, repr=False)
    client_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    proxy: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


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
    try:
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        # The parser's own message quotes the text, which holds credentials.
        raise AccessError(f"{source}: not YAML{where}; expected a kubeconfig") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("clusters"), list):
        raise AccessError(f"{source}: not a kubeconfig: it has no list `clusters`")
    wanted = context or document.get("current-context")
    if not wanted:
        raise AccessError(f"{source}: no current-context; name one in `management.context`")
    chosen = _named(document, "contexts", str(wanted), "context", source)
    cluster = _named(document, "clusters", str(chosen.get("cluster")), "cluster", source)
    user = _named(document, "users", str(chosen.get("user")), "user", source) if chosen.get("user") else {}
    if not cluster.get("server"):
        raise AccessError(f"{source}: cluster {chosen.get('cluster')!r} has no `server`")
    return _access(cluster, user, source, folder or Path())


def from_file(path: Path, context: str | None = None) -> Access:
    """The access that a kubeconfig file describes.

    Raises:
        AccessError: the file can't be read or used.
    """
    return from_text(read(path), context, source=str(path), folder=path.parent)


def read(path: Path) -> str:
    """The text of a kubeconfig file.

    Raises:
        AccessError: it can't be read; the text tells a missing lab from a wrong path.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        if path.parent.name == ".lab":
            raise AccessError(f"{path}: no such file: the lab is not running; start it with `make lab`") from None
        raise AccessError(
            f"{path}: no such file; set `management.kubeconfigPath` to the management cluster's"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "not a text file"
        raise AccessError(f"{path}: {what}; expected a readable kubeconfig") from None


def of_management(
    kubeconfig: str | None, path: Path | str | None, context: str | None, *, folder: Path | None = None
) -> Access:
    """The access to the management cluster by the three settings of ``management``.

    Without a kubeconfig or a path: what kubectl would use, else the pod's service account.

    Args:
        kubeconfig: text of a kubeconfig.
        path: file of a kubeconfig, relative to ``folder``.
        context: which of its contexts; its current one by default.
        folder: the stack's project folder; the working folder by default.

    Raises:
        AccessError: there is none, or it can't be used.
    """
    if kubeconfig:
        return from_text(kubeconfig, context, source="management.kubeconfig", folder=folder)
    found = located(path, folder)
    if found is not None:
        return from_file(found, context)
    if inside := in_cluster():
        return inside
    raise AccessError(
        "no credentials for the management cluster: set `management.kubeconfigPath`, or "
        "`pulumi config set --secret --path kamaji-equinix:management.kubeconfig`"
    )


def located(path: Path | str | None, folder: Path | None = None) -> Path | None:
    """The kubeconfig file to read: the given one, else the one that kubectl would read, if there is one."""
    return (folder or Path()) / Path(path).expanduser() if path else default_path()


def portable(text: str, folder: Path) -> str:
    """A kubeconfig with the files that it names by their absolute paths, so that it works away from its folder."""
    if not _FILE_KEYS.search(text):
        return text
    document = yaml.safe_load(text)
    for section, key in (("clusters", "cluster"), ("users", "user")):
        for held in _holders(document, section, key):
            for name in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
                if held.get(name):
                    held[name] = str((folder / str(held[name])).resolve())
            plugin = held.get("exec")
            if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
                plugin["command"] = str((folder / plugin["command"]).resolve())
    return yaml.safe_dump(document)


def _holders(document: Mapping[str, Any], section: str, key: str) -> list[dict[str, Any]]:
    """What a section's entries hold; only the entry that is used has been checked to hold anything."""
    listed = document.get(section)
    found = [entry.get(key) for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return [held for held in found if isinstance(held, dict)]


def default_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The kubeconfig that kubectl would read: the first existing one of ``$KUBECONFIG``, else ``~/.kube/config``."""
    named = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    if named:
        return next((path for path in named if path.exists()), named[0])
    home = Path(environment.get("HOME") or Path.home()) / ".kube" / "config"
    return home if home.exists() else None


def in_cluster(environment: Mapping[str, str] = os.environ) -> Access | None:
    """The access of a pod's service account, None outside of a cluster."""
    host, token = environment.get("KUBERNETES_SERVICE_HOST"), IN_CLUSTER / "token"
    if not host or not token.exists():
        return None
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        source="the pod's service account",
        ca_pem=(IN_CLUSTER / "ca.crt").read_text(),
        token=token.read_text().strip(),
    )


def _named(document: Mapping[str, Any], section: str, name: str, key: str, source: str) -> Mapping[str, Any]:
    listed = document.get(section)
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    for entry in entries:
        if entry.get("name") == name:
            found = entry.get(key) or {}
            if not isinstance(found, Mapping):
                raise AccessError(f"{source}: {key} {name!r} holds no settings, but {type(found).__name__}")
            return found
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise AccessError(f"{source}: no {key} named {name!r}; it has: {known}")


def _access(cluster: Mapping[str, Any], user: Mapping[str, Any], source: str, folder: Path) -> Access:
    certificate = _pem(user, "client-certificate", source, folder)
    key = _pem(user, "client-key", source, folder)
    token = user.get("token")
    if user.get("tokenFile"):
        token = _file(str(user["tokenFile"]), "tokenFile", source, folder).strip()
    if user.get("exec") and not isinstance(user["exec"], Mapping):
        raise AccessError(f"{source}: `exec` is not a description of a credential plugin")
    if user.get("exec") and not token and not certificate:
        token, certificate, key = _exec(user["exec"], cluster, source, folder)
    if user.get("auth-provider"):
        raise AccessError(f"{source}: `auth-provider` is not supported any more; use an `exec` plugin or a token")
    headers = {}
    try:
        if user.get("username"):
            pair = f"{user['username']}:{user.get('password', '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if user.get("as"):
            headers["Impersonate-User"] = values.header(user["as"], "`as`")
        return Access(
            server=values.server_url(cluster["server"]),
            source=source,
            ca_pem=_pem(cluster, "certificate-authority", source, folder),
            server_name=values.text(cluster.get("tls-server-name"), "tls-server-name"),
            verify=not cluster.get("insecure-skip-tls-verify"),
            client_certificate=values.text(certificate, "the client certificate"),
            client_key=values.text(key, "the client key"),
            token=values.header(token, "the token") if token else None,
            proxy=values.proxy_url(cluster.get("proxy-url")),
            headers=headers,
        )
    except ValueError as error:
        raise AccessError(f"{source}: {error}") from None


def _pem(holder: Mapping[str, Any], key: str, source: str, folder: Path) -> str | None:
    """A PEM given in line (``<key>-data``) or as a file (``<key>``)."""
    if data := holder.get(f"{key}-data"):
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except ValueError:
            raise AccessError(f"{source}: {key}-data is not base64 of a PEM") from None
    return _file(str(holder[key]), key, source, folder) if holder.get(key) else None


def _file(name: str, key: str, source: str, folder: Path) -> str:
    path = folder / name
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "not a text file"
        raise AccessError(f"{source}: {key} {path}: {what}") from None


def _exec(
    plugin: Mapping[str, Any], cluster: Mapping[str, Any], source: str, folder: Path
) -> tuple[str | None, str | None, str | None]:
    """Token, client certificate and key of a credential plugin (client.authentication.k8s.io)."""
    command = str(plugin.get("command", ""))
    # As client-go: a relative path starts from the kubeconfig, a bare name is searched on PATH.
    if os.sep in command:
        command = str(folder / command)
    version = str(plugin.get("apiVersion", "client.authentication.k8s.io/v1"))
    info: dict[str, Any] = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if plugin.get("provideClusterInfo"):
        info["spec"]["cluster"] = {
            key: cluster[key] for key in ("server", "certificate-authority-data", "tls-server-name") if cluster.get(key)
        }
    try:
        variables = {str(entry["name"]): str(entry["value"]) for entry in plugin.get("env") or ()}
        run = subprocess.run(
            [command, *map(str, plugin.get("args") or ())],
            env={**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=EXEC_SECONDS,
            check=True,
        )
        status = dict(json.loads(run.stdout)["status"])
    except FileNotFoundError:
        hint = plugin.get("installHint")
        raise AccessError(
            f"{source}: credential plugin {command} is not installed" + (f": {hint}" if hint else "")
        ) from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise AccessError(
            f"{source}: credential plugin {command} failed with {error.returncode}" + (f": {said[-1]}" if said else "")
        ) from None
    except subprocess.TimeoutExpired:
        raise AccessError(
            f"{source}: credential plugin {command} is silent after {EXEC_SECONDS:.0f} s; does it ask for a login?"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise AccessError(f"{source}: credential plugin {command} gave no ExecCredential") from None
    return status.get("token"), status.get("clientCertificateData"), status.get("clientKeyData")
