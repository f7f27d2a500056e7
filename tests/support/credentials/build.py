"""What cases are made of: kubeconfigs with one thing special about them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.support.credentials.pki import pki
from tests.support.credentials.runs import SECRET, Case

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"
TOKEN = f"{SECRET}-token"


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def wrap(text: str, width: int = 60) -> str:
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))


def cluster(**extra: Any) -> dict[str, Any]:
    """A cluster whose authority is known; a value of None leaves a key out."""
    settings = {"server": "@URL@", "certificate-authority-data": b64(pki().authority.pem), **extra}
    return {name.replace("_", "-"): value for name, value in settings.items() if value is not None}


def insecure(**extra: Any) -> dict[str, Any]:
    return cluster(**{"certificate-authority-data": None, "insecure-skip-tls-verify": True, **extra})


def config(user: Any = None, of: Any = None, **extra: Any) -> dict[str, Any]:
    """A kubeconfig of one context, and a second one that leads elsewhere."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "c", "user": "v"}},
        ],
        "clusters": [{"name": "c", "cluster": cluster() if of is None else of}],
        "users": [
            {"name": "u", "user": {"token": TOKEN} if user is None else user},
            {"name": "v", "user": {"token": f"{TOKEN}-two"}},
        ],
        **extra,
    }


def case(name: str, document: Any, *, files: Mapping[str, Any] | None = None, env: Any = None, **extra: Any) -> Case:
    environment = {"KUBECONFIG": "@FOLDER@/config", **(env or {})}
    return Case(
        name, {"config": document, **(files or {})}, {k: v for k, v in environment.items() if v is not None}, **extra
    )


def rename(document: dict[str, Any], names: Mapping[str, str]) -> str:
    """The kubeconfig with other names, as JSON, where all texts are in quotes."""
    text = json.dumps(document)
    for before, after in names.items():
        text = text.replace(f'"{before}"', f'"{after}"')
    return text


def pair(certificate: str, key: str) -> dict[str, str]:
    return {"client-certificate-data": b64(certificate), "client-key-data": b64(key)}


def flat(text: str) -> str:
    """A PEM whose base64 is in one line."""
    begin, *middle, end = text.strip().split("\n")
    return f"{begin}\n{''.join(middle)}\n{end}\n"


def credential(version: str = V1, **status: Any) -> str:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status or {"token": TOKEN}})


def script(output: str, *extra: str) -> str:
    """A credential plugin that notes what it is told and prints something."""
    return "\n".join(
        [
            "#!/bin/sh",
            'printf "%s\\n" "$KUBERNETES_EXEC_INFO" >> @FOLDER@/told',
            *extra,
            "cat <<'END'",
            output,
            "END",
            "",
        ]
    )


def plugin(**extra: Any) -> dict[str, Any]:
    settings = {"apiVersion": V1, "command": "@FOLDER@/plugin", "interactiveMode": "Never", **extra}
    return {"exec": {name: value for name, value in settings.items() if value is not None}}


def exec_case(name: str, output: str = "", *lines: str, of: Any = None, differs: str = "", **settings: Any) -> Case:
    document = config(plugin(**settings), of)
    return case(name, document, files={"plugin": script(output or credential(), *lines)}, differs=differs)
