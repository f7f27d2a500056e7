"""Credentials of the management cluster: as settings hold them, and as the dynamic providers get them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .client import Api
from .kubeconfig import Access, AccessError, located, of_management, portable, read


@dataclass(frozen=True)
class Credentials:
    """The settings of ``management``. The program has checked them; its models would cost the plugin 0.2 s of every run."""

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
            found = json.loads(text) if text else {}
        except ValueError:
            found = None
        if (
            not isinstance(found, dict)
            or not found.keys() <= {"kubeconfig", "kubeconfigPath", "context"}
            or not all(isinstance(value, str | None) for value in found.values())
        ):
            raise AccessError(
                "kamaji-equinix:management is not as expected: an object with kubeconfig, kubeconfigPath, context"
            )
        return cls(found.get("kubeconfig"), found.get("kubeconfigPath"), found.get("context"))


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

    Raises:
        AccessError: there is none, or it can't be used.
    """
    return of_management(clear(management.kubeconfig), management.kubeconfig_path, management.context, folder=folder)


def kubeconfig_text(management: Management, folder: Path | None = None) -> str | None:
    """The kubeconfig of the management cluster, self-contained enough to be handed on.

    Returns:
        Its text; None where only the pod's service account, or nothing, leads to the cluster.

    Raises:
        AccessError: its file can't be read.
    """
    if text := clear(management.kubeconfig):
        return text
    path = located(management.kubeconfig_path, folder)
    return portable(read(path), path.parent) if path else None


def connect(management: Management, folder: Path | None = None, *, read_seconds: float = 10.0) -> Api:
    """The management cluster's API.

    Args:
        management: how to reach it.
        folder: what a relative kubeconfig path starts from; the working folder by default.
        read_seconds: bound of the wait for an answer.

    Raises:
        AccessError: the credentials can't be used.
    """
    return Api(management_access(management, folder), read_seconds=read_seconds)


def clear(kubeconfig: Any) -> str | None:
    """A kubeconfig's text, of a string or of pydantic's SecretStr; None where it is empty."""
    text = kubeconfig.get_secret_value() if hasattr(kubeconfig, "get_secret_value") else kubeconfig
    return str(text) if text else None
