"""Settings as a stack's configuration: from a settings object to ``Pulumi.<stack>.yaml``, and back."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Collection, Mapping, MutableMapping
from pathlib import Path
from typing import Annotated, Any

from pulumi import automation
from pydantic import SecretStr, SkipValidation

from ..components.settings.addons import AddonSettings
from ..components.settings.file_values import secret_paths
from ..components.settings.load import load_stack
from ..components.settings.model import StackSettings
from ..components.settings.namespace import NAMESPACE
from ..components.settings.report import SettingsError, path_of
from ..components.settings.stack_file import decode
from .errors import ConfigurationError

Settings = Annotated[StackSettings | Mapping[str, Any], SkipValidation]
"""Checked settings, or the sections of a stack's configuration as its file holds them, without the keys' namespace."""


def check(settings: Settings) -> StackSettings:
    """Checked settings.

    Raises:
        ConfigurationError: with the whole report.
    """
    if isinstance(settings, StackSettings):
        return settings
    if not isinstance(settings, Mapping):
        raise ConfigurationError(
            f"settings are {type(settings).__name__}; must be a map of sections such as cluster, or StackSettings"
        )
    try:
        # A caller's settings are in memory only, so their kubeconfig is not stored in clear.
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
        with_lists(tenant.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True, warnings=False))
        for tenant in settings.clusters
    ]
    return {"clusters": clusters, **({"management": section} if (section := management(settings, folder)) else {})}


def management(settings: StackSettings, folder: Path, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The section ``management``, with the kubeconfig's text and absolute paths.

    Args:
        settings: checked settings.
        folder: what a relative ``management.kubeconfigPath`` starts from.
        environment: variables for the engine alone.

    Raises:
        ConfigurationError: KUBECONFIG names several files for the engine alone.
    """
    credentials, own = settings.management, environment or {}
    path = credentials.kubeconfig_path
    default = {**os.environ, **own}.get("KUBECONFIG")
    if not credentials.kubeconfig and not path and default:
        if os.pathsep not in default:
            path = default
        elif "KUBECONFIG" in own:
            raise ConfigurationError(
                f"environment: KUBECONFIG is {default!r}, several files, which can't be read for one stack alone: merge them "
                "into one with `kubectl config view --flatten`, or set management.kubeconfigPath"
            )
    section = {
        "kubeconfig": credentials.kubeconfig,
        "kubeconfigPath": str((folder / Path(path).expanduser()).resolve()) if path else None,
        "context": credentials.context,
    }
    return {key: value for key, value in section.items() if value}


def with_lists(value: Any) -> Any:
    """A dump of settings with lists for tuples, as YAML has them."""
    if isinstance(value, Mapping):
        return {key: with_lists(item) for key, item in value.items()}
    return [with_lists(item) for item in value] if isinstance(value, list | tuple) else value


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


def with_absolute_paths(
    settings: StackSettings, folder: Path, environment: Mapping[str, str] | None = None
) -> StackSettings:
    """The settings with absolute paths, of the kubeconfig, of charts and of manifests.

    Raises:
        ConfigurationError: see :func:`management`.
    """
    clusters = tuple(
        tenant.model_copy(update={"addons": tuple(at_place(addon, folder) for addon in tenant.addons)})
        if tenant.addons
        else tenant
        for tenant in settings.clusters
    )
    section = management(settings, folder, environment)
    credentials = settings.management
    if "kubeconfigPath" in section:
        credentials = credentials.model_copy(update={"kubeconfig_path": section["kubeconfigPath"]})
    return settings.model_copy(update={"clusters": clusters, "management": credentials})


def at_place(addon: AddonSettings, folder: Path) -> AddonSettings:
    """An add-on with absolute paths of its chart and its manifests."""
    chart = addon.chart
    if chart and not addon.repository and "://" not in chart:
        chart = str((folder / chart).resolve())
    files = tuple(entry if "://" in entry else str((folder / entry).resolve()) for entry in addon.files)
    return addon.model_copy(update={"chart": chart, "files": files})


def write_plain(path: Path, values: Mapping[str, Any], absent: Collection[str] = ()) -> None:
    """Write sections without secrets into a stack's file, and keep the rest of the file, its comments and its order.

    Args:
        path: of the file.
        values: the sections.
        absent: sections that the file is not to have.

    Raises:
        ConfigurationError: the file is no stack's file.
    """
    # Imported here: only a stack with a folder and settings of its own is written.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 4096
    editor.indent(mapping=2, sequence=4, offset=2)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        document = editor.load(text)
    except (YAMLError, OSError, ValueError) as error:
        raise ConfigurationError(f"{path} can't be read, so nothing is written into it: {error}") from None
    if document is None:
        # A file of comments alone has no map to hold them.
        head = text if text.strip() else ""
        document = editor.map()
    else:
        head = ""
    if not isinstance(document, MutableMapping):
        raise ConfigurationError(f"{path} is no stack's file: it must hold a map with the key `config`")
    if not isinstance(document.get("config"), MutableMapping):
        document["config"] = editor.map()
    for key in absent:
        document["config"].pop(f"{NAMESPACE}:{key}", None)
    for key, value in values.items():
        config, name = document["config"], f"{NAMESPACE}:{key}"
        if as_read(config.get(name)) != as_read(value):
            config[name] = plainly(value)
    out = io.StringIO()
    editor.dump(document, out)
    path.write_text(head + ("" if not head or head.endswith("\n") else "\n") + out.getvalue(), encoding="utf-8")


def as_read(value: Any) -> Any:
    """A value in plain types, for a comparison."""
    return json.loads(json.dumps(value, default=str))


def plainly(value: Any) -> Any:
    """A value with its texts in quotes, so that no YAML reader misreads them."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, Mapping):
        return {key: plainly(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plainly(item) for item in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value


def of_stack(stack: automation.Stack) -> StackSettings:
    """The checked settings of a stack, its secrets decrypted.

    Raises:
        ConfigurationError: with the whole report.
    """
    prefix = f"{NAMESPACE}:"
    whole = stack.get_all_config()
    config = {key.removeprefix(prefix): value for key, value in whole.items() if key.startswith(prefix)}
    raw: dict[str, Any] = {key: decode(value.value) for key, value in config.items()}
    keys = [key for key, value in config.items() if value.secret]
    secret = secret_paths(raw, keys, Path(stack.workspace.work_dir), stack.name)
    try:
        return load_stack(raw, secret, [key for key in whole if not key.startswith(prefix)])
    except SettingsError as error:
        raise wrong(error) from error
