"""Settings as a stack's configuration: from a settings object to ``Pulumi.<stack>.yaml``, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation
from pydantic import SecretStr

from ..components.settings.load import load_stack
from ..components.settings.model import StackSettings
from ..components.settings.namespace import NAMESPACE
from ..components.settings.report import SettingsError, path_of
from ..components.settings.stack_file import decoded
from ..components.settings.stored import secret_paths
from .errors import ConfigurationError

Settings = StackSettings | Mapping[str, Any]
"""Checked settings, or the sections of a stack's configuration as its file holds them, without the keys' namespace."""


def checked(settings: Settings) -> StackSettings:
    """Settings that are known to be right.

    Raises:
        ConfigurationError: with the whole report.
    """
    if isinstance(settings, StackSettings):
        return settings
    try:
        # What a caller passes lives in its memory alone, so nothing of it is stored in clear by anybody else.
        return load_stack(settings, secret_paths=frozenset({"management.kubeconfig"}))
    except SettingsError as error:
        raise wrong(error) from error


def wrong(error: SettingsError) -> ConfigurationError:
    """The report of wrong settings."""
    return ConfigurationError(str(error), problems=[str(problem) for problem in error.problems])


def sections(settings: StackSettings, folder: Path) -> dict[str, Any]:
    """The sections of a stack's configuration that give these settings, with pydantic's ``SecretStr`` for each secret.

    Args:
        settings: checked settings.
        folder: what a relative ``management.kubeconfigPath`` starts from; it becomes absolute, because the engine may run
            elsewhere.
    """
    clusters = [
        listed(tenant.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True, warnings=False))
        for tenant in settings.clusters
    ]
    return {"clusters": clusters, **({"management": found} if (found := management(settings, folder)) else {})}


def management(settings: StackSettings, folder: Path) -> dict[str, Any]:
    """The section ``management``, with the kubeconfig's text and absolute paths."""
    held = settings.management
    path = held.kubeconfig_path
    if not held.kubeconfig and not path and (default := os.environ.get("KUBECONFIG")) and os.pathsep not in default:
        path = default
    found = {
        "kubeconfig": held.kubeconfig,
        "kubeconfigPath": str((folder / Path(path).expanduser()).resolve()) if path else None,
        "context": held.context,
    }
    return {key: value for key, value in found.items() if value}


def listed(value: Any) -> Any:
    """A dump of settings with lists for tuples, as YAML has them."""
    if isinstance(value, Mapping):
        return {key: listed(item) for key, item in value.items()}
    return [listed(item) for item in value] if isinstance(value, list | tuple) else value


def apart(value: Any, path: str, secrets: dict[str, SecretStr]) -> Any:
    """A copy of sections with empty text for each secret; the secrets go to ``secrets``, by their paths."""
    if isinstance(value, SecretStr):
        secrets[path] = value
        return ""
    if isinstance(value, Mapping):
        return {key: apart(item, path_of(path, (key,)), secrets) for key, item in value.items()}
    return (
        [apart(item, path_of(path, (index,)), secrets) for index, item in enumerate(value)]
        if isinstance(value, list)
        else value
    )


def located(settings: StackSettings, folder: Path) -> StackSettings:
    """The settings with an absolute path of the kubeconfig."""
    found = management(settings, folder)
    if "kubeconfigPath" not in found:
        return settings
    held = settings.management.model_copy(update={"kubeconfig_path": found["kubeconfigPath"]})
    return settings.model_copy(update={"management": held})


def write_plain(path: Path, values: Mapping[str, Any]) -> None:
    """Write sections that hold no secrets into a stack's file, keeping what else stands there."""
    document = yaml.safe_load(path.read_text()) if path.exists() else None
    document = document if isinstance(document, dict) else {}
    config = document.get("config") or {}
    document["config"] = {**config, **{f"{NAMESPACE}:{key}": value for key, value in values.items()}}
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def of_stack(stack: automation.Stack) -> StackSettings:
    """The checked settings of a stack, its secrets decrypted.

    Raises:
        ConfigurationError: with the whole report.
    """
    prefix = f"{NAMESPACE}:"
    whole = stack.get_all_config()
    config = {key.removeprefix(prefix): value for key, value in whole.items() if key.startswith(prefix)}
    raw: dict[str, Any] = {key: decoded(value.value) for key, value in config.items()}
    keys = [key for key, value in config.items() if value.secret]
    secret = secret_paths(raw, keys, Path(stack.workspace.work_dir), stack.name)
    try:
        return load_stack(raw, secret, [key for key in whole if not key.startswith(prefix)])
    except SettingsError as error:
        raise wrong(error) from error
