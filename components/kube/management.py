"""Credentials of the management cluster: as settings hold them, and as the dynamic providers get them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from . import kubeconfig, pod
from .access import Access, AccessError
from .client import READ_SECONDS, Api
from .kubeconfig import Document, NoContext, NoFile


@dataclass(frozen=True)
class Credentials:
    """The settings of ``management``, checked by the program: its models would cost the plugin 0.2 s of every run."""

    kubeconfig: str | None = field(default=None, repr=False)
    kubeconfig_path: str | None = None
    context: str | None = None

    @classmethod
    def of_config(cls, text: str | None) -> Credentials:
        """The credentials in the text of a stack's configuration value.

        Raises:
            AccessError: it is no object of texts with these names: a misspelt one must not lead to the default kubeconfig,
                and so to another cluster. The text is not quoted: it may be a kubeconfig.
        """
        try:
            values = json.loads(text) if text else {}
        except ValueError:
            values = None
        if (
            not isinstance(values, dict)
            or not values.keys() <= {"kubeconfig", "kubeconfigPath", "context"}
            or not all(isinstance(value, str | None) for value in values.values())
        ):
            raise AccessError(
                "kamaji-equinix:management is not as expected: it must be a map of kubeconfig, kubeconfigPath and context"
            )
        return cls(values.get("kubeconfig"), values.get("kubeconfigPath"), values.get("context"))


class Management(Protocol):
    """The settings of ``management``: how to reach the management cluster."""

    @property
    def kubeconfig(self) -> Any:
        """Text of a kubeconfig, as a string or pydantic's SecretStr; None where a file holds it."""

    @property
    def kubeconfig_path(self) -> Any:
        """File of a kubeconfig; None for the one kubectl would use."""

    @property
    def context(self) -> str | None:
        """Which of the kubeconfig's contexts; None for its current one."""


def management_access(management: Management, folder: Path | None = None) -> Access:
    """The access to the management cluster that the settings describe.

    Without a kubeconfig or a path: what kubectl would use, else the pod's service account.

    Args:
        management: the settings.
        folder: what a relative path starts from, the stack's project folder; the working folder by default.

    Raises:
        AccessError: there is none, or it can't be used.
    """
    config = document(management, folder)
    if config is not None:
        try:
            return config.access(management.context)
        except NoContext as error:
            raise AccessError(f"{error}; name one in `management.context`") from None
    if inside := pod.access():
        return inside
    paths = [str(path) for path in kubeconfig.default_paths()] if os.environ.get("KUBECONFIG") else []
    where = f" (KUBECONFIG names {' and '.join(paths)}, where there is no kubeconfig)" if paths else ""
    raise AccessError(
        f"no credentials for the management cluster{where}: set `management.kubeconfigPath`, or "
        "`pulumi config set --secret --path kamaji-equinix:management.kubeconfig`"
    )


def kubeconfig_text(management: Management, folder: Path | None = None) -> str | None:
    """The kubeconfig of the management cluster, self-contained enough to be handed on.

    Returns:
        Its text; None where only the pod's service account, or nothing, leads to the cluster.

    Raises:
        AccessError: its file can't be read.
    """
    config = document(management, folder)
    return config.portable() if config else None


def document(
    management: Management, folder: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Document | None:
    """The kubeconfig of the management cluster, None where only the pod's service account, or nothing, leads to it.

    Raises:
        AccessError: it can't be read, or is missing although a context is set: only a kubeconfig has contexts.
    """
    if text := clear(management.kubeconfig):
        return kubeconfig.parse(text, "management.kubeconfig", folder or Path())
    if management.kubeconfig_path:
        path = (folder or Path()) / Path(management.kubeconfig_path).expanduser()
        try:
            return kubeconfig.read(path)
        except NoFile as error:
            hint = (
                "the lab is not running; start it with `make lab`"
                if path.parent.name == ".lab"
                else "set `management.kubeconfigPath` to the management cluster's"
            )
            raise AccessError(f"{error}: {hint}" if ".lab" in hint else f"{error}; {hint}") from None
    default = kubeconfig.default_document(environment)
    if default is None and management.context and pod.possible(environment):
        raise AccessError(
            f"`management.context` is {management.context!r}, but there is no kubeconfig here, and a pod's service account "
            "has no contexts: leave it out to use the service account of this pod, or set `management.kubeconfigPath`"
        )
    return default


def connect(
    management: Management,
    folder: Path | None = None,
    *,
    read_seconds: float = 10.0,
    patience: float = READ_SECONDS,
) -> Api:
    """The management cluster's API.

    Args:
        management: how to reach it.
        folder: what a relative kubeconfig path starts from; the working folder by default.
        read_seconds: bound of the wait for an answer.
        patience: seconds for which a request is repeated where the server asks for that.

    Raises:
        AccessError: the credentials can't be used.
    """
    return Api(management_access(management, folder), read_seconds=read_seconds, patience=patience)


def clear(kubeconfig: Any) -> str | None:
    """A kubeconfig's text, of a string or of pydantic's SecretStr; None where it is empty."""
    text = kubeconfig.get_secret_value() if hasattr(kubeconfig, "get_secret_value") else kubeconfig
    return str(text) if text else None
