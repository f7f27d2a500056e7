"""Credential plugins: programs that print credentials (client.authentication.k8s.io, ``exec`` in a kubeconfig).

They run as client-go runs them (``plugin/pkg/client/auth/exec/exec.go``), and all clients of this process share the result.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import go_yaml, pem
from .access import AccessError, Secrets
from .login import header
from .plain_text import single_line

SECONDS = 60.0
"""How long a plugin may take that asks no questions."""

EARLY = 10.0
"""A plugin is run again this many seconds before its credentials end."""

PAUSE = 5.0
"""Seconds for which a plugin is not run again after it gave credentials that the server had refused."""

GROUP = "client.authentication.k8s.io"
VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
MODES = ("Never", "IfAvailable", "Always")

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Plugin:
    """A credential plugin, as a kubeconfig describes it.

    Attributes:
        source: the kubeconfig, for messages.
        command: the program: an absolute path, or a name that is looked for on PATH.
        arguments: its arguments.
        variables: further environment variables.
        version: API version that it is to speak, one of ``VERSIONS``.
        mode: whether it may ask questions, one of ``MODES``.
        cluster: facts about the cluster for the plugin, as JSON; empty where it asks for none.
        hint: how to install it.
    """

    source: str
    command: str
    arguments: tuple[str, ...] = field(default=(), repr=False)
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    version: str = VERSIONS[0]
    mode: str = "Never"
    cluster: str = field(default="", repr=False)
    hint: str = ""

    def failure(self, text: str) -> AccessError:
        """An error that names the plugin."""
        return AccessError(f"{self.source}: credential plugin {self.command} {text}")


def plugin_of(settings: Mapping[str, Any], source: str, cluster: Mapping[str, Any]) -> Plugin:
    """A plugin by the section ``exec`` of a kubeconfig.

    Args:
        settings: the section, of types that have been checked.
        source: the kubeconfig, for messages.
        cluster: facts about the cluster for the plugin, which it gets if it asks for them.

    Raises:
        AccessError: client-go would not run it.
    """
    if not settings["command"]:
        raise AccessError(f"{source}: `exec` has no command")
    if settings["apiVersion"] not in VERSIONS:
        raise AccessError(f"{source}: `exec.apiVersion` {settings['apiVersion']!r} is none of {', '.join(VERSIONS)}")
    if any(not variable["name"] for variable in settings["env"]):
        raise AccessError(f"{source}: `exec.env` has a variable without a name")
    mode = settings["interactiveMode"]
    if not mode and settings["apiVersion"] == VERSIONS[0]:
        raise AccessError(f"{source}: `exec.interactiveMode` is not set; expected one of {', '.join(MODES)}")
    if mode and mode not in MODES:
        raise AccessError(f"{source}: `exec.interactiveMode` {mode!r} is none of {', '.join(MODES)}")
    return Plugin(
        source,
        settings["command"],
        tuple(settings["args"]),
        tuple((variable["name"], variable["value"]) for variable in settings["env"]),
        settings["apiVersion"],
        mode or "IfAvailable",
        json.dumps(cluster) if settings["provideClusterInfo"] else "",
        settings["installHint"],
    )


class PluginLogin:
    """The login of a plugin, which is run when its credentials end or are refused."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._lock = threading.Lock()
        self._secrets: Secrets | None = None
        self._expires: float | None = None
        self._has_early_attempt = False
        self._pause_end = 0.0

    def secrets(self) -> Secrets:
        """The plugin's credentials.

        Raises:
            AccessError: it gives none.
        """
        with self._lock:
            now = time.time()
            if self._secrets is None or (self._expires is not None and now > self._expires):
                return self._run()
            if self._expires is not None and now > self._expires - EARLY and not self._has_early_attempt:
                self._has_early_attempt = True
                before = self._expires
                # The present credentials are still valid for some seconds.
                with contextlib.suppress(AccessError):
                    self._run()
                self._has_early_attempt = self._expires == before
            return self._secrets

    def renew(self, secrets: Secrets) -> bool:
        """Run the plugin again, unless another thread has; see :class:`.access.Login`."""
        with self._lock:
            if self._secrets != secrets:
                return True
            if time.monotonic() < self._pause_end:
                return False
            has_changed = self._run() != secrets
            self._pause_end = 0.0 if has_changed else time.monotonic() + PAUSE
            return has_changed

    def _run(self) -> Secrets:
        self._secrets, self._expires = run(self._plugin)
        self._has_early_attempt = False
        return self._secrets


_LOGINS: dict[Plugin, PluginLogin] = {}
_LOGINS_LOCK = threading.Lock()


def login_of(plugin: Plugin) -> PluginLogin:
    """The login of a plugin, shared by all kubeconfigs that describe it alike."""
    with _LOGINS_LOCK:
        return _LOGINS.setdefault(plugin, PluginLogin(plugin))


def run(plugin: Plugin) -> tuple[Secrets, float | None]:
    """Run a plugin.

    Returns:
        Its credentials, and when they end, in seconds since the epoch; None where it doesn't say.

    Raises:
        AccessError: it gives no credentials. The text names it, and shows neither its output nor its variables.
    """
    interactive = _interactive(plugin)
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.cluster:
        spec["cluster"] = json.loads(plugin.cluster)
    info = json.dumps({"kind": "ExecCredential", "apiVersion": plugin.version, "spec": spec})
    output = _output(plugin, {**os.environ, **dict(plugin.variables), "KUBERNETES_EXEC_INFO": info}, interactive)
    try:
        status, expires = _status(plugin, output)
        token, certificate, key = (
            status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData")
        )
        if not all(isinstance(text, str) for text in (token, certificate, key)):
            raise ValueError("gave credentials that are no text")
        if not (token or certificate or key):
            raise ValueError("gave neither a token nor a certificate")
        if bool(certificate) != bool(key):
            raise ValueError("gave only one of certificate and key")
        header(token)
        secrets = Secrets(
            token or None,
            pem.certificates(certificate.encode()) if certificate else None,
            pem.private_key(key.encode()) if key else None,
        )
    except ValueError as error:
        text = str(error)
        raise plugin.failure(text if text.startswith("gave") else f"gave a credential that {text}") from None
    return secrets, expires


def _status(plugin: Plugin, output: bytes) -> tuple[Mapping[str, Any], float | None]:
    """The status in a plugin's output, and when its credentials end."""
    try:
        document = json.loads(output) if output.lstrip().startswith(b"{") else go_yaml.load(output)
    except ValueError:
        document = None
    if not isinstance(document, Mapping) or document.get("kind") not in (None, "", "ExecCredential"):
        raise ValueError("gave no ExecCredential")
    if document.get("apiVersion") != plugin.version:
        version = single_line(str(document.get("apiVersion")))[:80]
        raise ValueError(f"gave an ExecCredential of {version}, but the kubeconfig asks for {plugin.version}")
    status = document.get("status")
    if not isinstance(status, Mapping):
        raise ValueError("gave an ExecCredential without a status")
    moment = status.get("expirationTimestamp")
    if moment is None:
        return status, None
    match = _MOMENT.fullmatch(moment) if isinstance(moment, str) else None
    try:
        if not match:
            raise ValueError
        return status, datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3].replace('Z', '+00:00')}").timestamp()
    except ValueError:
        raise ValueError("gave an expirationTimestamp that is not of RFC 3339") from None


def _interactive(plugin: Plugin) -> bool:
    """Whether a plugin may ask questions: if its mode says so, and there is a terminal."""
    terminal = plugin.mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
    if plugin.mode == "Always" and not terminal:
        raise plugin.failure("asks questions (interactiveMode: Always), and there is no terminal to ask")
    return terminal


def _output(plugin: Plugin, environment: Mapping[str, str], interactive: bool) -> bytes:
    program = _program(plugin)
    try:
        process = subprocess.Popen(
            [plugin.command, *plugin.arguments],
            executable=program,
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            # In a session of its own it has no terminal, and so can't ask questions.
            start_new_session=not interactive,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "a null character in its arguments or variables"
        raise plugin.failure(f"can't be executed: {why}") from None
    try:
        output, errors = process.communicate(timeout=None if interactive else SECONDS)
    except subprocess.TimeoutExpired:
        raise plugin.failure(f"is silent after {SECONDS:.0f} s; does it wait for a login?") from None
    finally:
        if process.poll() is None:
            _kill(process, interactive)
    if process.returncode:
        lines = (errors or b"").decode(errors="replace").strip().splitlines()
        last = single_line(_redact(plugin, lines[-1]))[:300] if lines else ""
        raise plugin.failure(f"failed with {process.returncode}" + (f": {last}" if last else ""))
    return output


def _kill(process: subprocess.Popen[bytes], interactive: bool) -> None:
    """End a plugin with all that it has started."""
    with contextlib.suppress(OSError):
        if interactive:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _program(plugin: Plugin) -> str:
    if os.sep in plugin.command:
        if not os.path.exists(plugin.command):  # noqa: PTH110 - a name with a null character is no error here
            raise _absence_error(plugin)
        if os.path.isdir(plugin.command) or not os.access(plugin.command, os.X_OK):  # noqa: PTH112
            raise plugin.failure("can't be executed: it is no program, or its permissions don't allow it")
        return plugin.command
    # By the PATH of this process: the plugin's own variables do not count.
    return shutil.which(plugin.command) or _raise(_absence_error(plugin))


def _absence_error(plugin: Plugin) -> AccessError:
    return plugin.failure("is not installed" + (f": {single_line(plugin.hint)}" if plugin.hint else ""))


def _raise(error: AccessError) -> str:
    raise error


def _redact(plugin: Plugin, text: str) -> str:
    """A text without what the kubeconfig gave the plugin, which may be secret."""
    values = [value for _, value in plugin.variables] + [argument.rpartition("=")[2] for argument in plugin.arguments]
    for value in sorted(filter(lambda item: len(item) >= 6, values), key=len, reverse=True):
        text = text.replace(value, "...")
    return text
