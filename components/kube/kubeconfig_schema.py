"""The types of a kubeconfig's fields, checked as Kubernetes' own programs check them: everywhere, also where nothing is used.

Source: ``clientcmd/api/v1/types.go`` of client-go. No message quotes a value, which may be a credential.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import go_yaml

CLUSTER: Mapping[str, Any] = {
    "server": str,
    "tls-server-name": str,
    "insecure-skip-tls-verify": bool,
    "certificate-authority": str,
    "certificate-authority-data": bytes,
    "proxy-url": str,
    "disable-compression": bool,
    "extensions": [{"name": str, "extension": object}],
}

USER: Mapping[str, Any] = {
    "client-certificate": str,
    "client-certificate-data": bytes,
    "client-key": str,
    "client-key-data": bytes,
    "token": str,
    "tokenFile": str,
    "as": str,
    "as-uid": str,
    "as-groups": [str],
    "as-user-extra": {"*": [str]},
    "username": str,
    "password": str,
    # In a tuple: None where it is missing.
    "auth-provider": ({"name": str, "config": {"*": str}},),
    "exec": (
        {
            "command": str,
            "args": [str],
            "env": [{"name": str, "value": str}],
            "apiVersion": str,
            "installHint": str,
            "provideClusterInfo": bool,
            "interactiveMode": str,
        },
    ),
}

CONTEXT: Mapping[str, Any] = {"cluster": str, "user": str, "namespace": str}

SECTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "clusters": ("cluster", CLUSTER),
    "users": ("user", USER),
    "contexts": ("context", CONTEXT),
}

_WORDS = {str: "text", bool: "true or false", bytes: "base64"}

_EMPTY: Mapping[Any, Any] = {str: "", bool: False, bytes: b"", object: None}


@dataclass(frozen=True)
class Kubeconfig:
    """The parts of a kubeconfig by their names, with every known field, empty where it is not set.

    Attributes:
        clusters, users, contexts: entries by name.
        current: name of the current context, may be empty.
    """

    clusters: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, Mapping[str, Any]]
    contexts: Mapping[str, Mapping[str, Any]]
    current: str

    @property
    def empty(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.clusters or self.users or self.contexts or self.current)


def document_of(text: str | bytes) -> dict[str, Any]:
    """The content of a kubeconfig's text.

    Raises:
        ValueError: it is no kubeconfig.
    """
    document = go_yaml.load(text)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError("not a kubeconfig, but " + _type(document))
    for name, constant in (("apiVersion", "v1"), ("kind", "Config")):
        if document.get(name) not in (None, "", constant):
            raise ValueError(f"not a kubeconfig: its {name} is not {constant}")
    return document


def decode(document: Mapping[str, Any]) -> Kubeconfig:
    """A kubeconfig with its fields checked.

    Raises:
        ValueError: a field has another type than it must.
    """
    parts = {section: _by_name(document.get(section), section, *SECTIONS[section]) for section in SECTIONS}
    return Kubeconfig(**parts, current=_value(document.get("current-context"), str, "current-context"))


def _by_name(entries: Any, section: str, key: str, fields: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    by_name = {}
    for index, entry in enumerate(_value(entries, [{"name": str, key: fields}], section)):
        if entry["name"] in by_name:
            raise ValueError(f"{section}[{index}]: a second {key} named {entry['name']!r}")
        by_name[entry["name"]] = entry[key]
    return by_name


def _value(value: Any, schema: Any, where: str) -> Any:
    if schema is object:
        return value
    if isinstance(schema, tuple):
        return None if value is None else _value(value, schema[0], where)
    if isinstance(schema, Mapping):
        if not isinstance(value, Mapping | None):
            raise ValueError(f"{where} holds no settings, but {_type(value)}")
        mapping = value or {}
        if "*" in schema:
            return {name: _value(item, schema["*"], f"{where}.{name}") for name, item in mapping.items()}
        return {name: _value(mapping.get(name), kind, f"{where}.{name}") for name, kind in schema.items()}
    if isinstance(schema, list):
        if not isinstance(value, list | None):
            raise ValueError(f"{where} is not a list, but {_type(value)}")
        return [_value(item, schema[0], f"{where}[{index}]") for index, item in enumerate(value or ())]
    if value is None:
        return _EMPTY[schema]
    if not isinstance(value, str if schema is bytes else schema):
        hint = "; put it in quotes" if schema is str and isinstance(value, bool | int | float) else ""
        raise ValueError(f"{where} is not {_WORDS[schema]}, but {_type(value)}{hint}")
    return _decode(value, where) if schema is bytes else value


def _decode(value: str, where: str) -> bytes:
    try:
        # Go's decoder passes over line ends.
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{where} is not base64") from None


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {str: "text", list: "a list", dict: "settings", int: "a number", float: "a number", type(None): "nothing"}
    return kinds.get(type(value), type(value).__name__)


NOBODY: Mapping[str, Any] = _value({}, USER, "user")
"""A user without any settings."""
