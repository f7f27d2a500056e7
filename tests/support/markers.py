"""A marker at every settable path of a configuration: words that occur nowhere else, to be looked for afterwards."""

from __future__ import annotations

import base64
import copy
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kamaji_equinix.components.settings.report import path_of, steps_of

from tests.support.metal3_settings import FULL as METAL3
from tests.support.settings_cases import FULL

ADMITTED = re.compile(
    r"(clusters\[\d+\]\.)?("
    r"management\.kubeconfig|.*\.bootstrap\.((commands|postCommands)\[\d+\]|files\[\d+\]\.content)"
    r"|(addons\[\d+\]|network)\.values\b.*|addons\[\d+\]\.password|metal\.cpem\.apiToken"
    r"|addons\[\d+\]\.objects\[\d+\]\.(?!apiVersion|kind|metadata\.name).*"
    r"|metal3\.hosts\[\d+\]\.bmc\.password)"
)
"""Where a stack may hold a secret."""


OBJECT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "words", "namespace": "tools", "labels": {"a": "b"}, "annotations": {"c": "d"}},
    "data": {"word": "value", "lines": "a\nb\n"},
}


def marker() -> str:
    """A word of its own that is valid as a name, a label's value and a shell's word."""
    return f"mark{secrets.token_hex(8)}"


def complete() -> dict[str, Any]:
    """A right configuration in which each setting that may be given is given."""
    whole = copy.deepcopy(FULL)
    whole["management"] = {"kubeconfigPath": "kubeconfig", "context": "there"}
    whole["capi"] = {"contract": "v1beta1"}
    whole["metal"].pop("facility", None)
    whole["addons"][2]["objects"].append(copy.deepcopy(OBJECT))
    return whole


def layouts() -> list[dict[str, Any]]:
    """Complete configurations of each provider: of one cluster; of several, with shared settings or without."""
    configurations = []
    for whole in (complete(), copy.deepcopy(METAL3)):
        management = {"management": whole.pop("management", {"kubeconfigPath": "kubeconfig"})}
        other = {**copy.deepcopy(whole), "cluster": {**whole["cluster"], "name": "other"}}
        # What two clusters can't have both.
        other.get("metal3", {}).pop("hosts", None)
        other.pop("controlPlane", None)
        cluster = {key: whole[key] for key in ("cluster", "workerPools") if key in whole}
        shared = {key: value for key, value in whole.items() if key not in cluster}
        configurations += [
            {**whole, **management},
            {"clusters": [cluster], **shared, **management},
            {"clusters": [whole, other], **management},
        ]
    return copy.deepcopy(configurations)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each scalar of a configuration with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, path_of(path, (key,)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, path_of(path, (index,)))
    else:
        yield path, value


def may_be_secret(path: str) -> bool:
    """Whether a stack may hold a secret there."""
    return ADMITTED.fullmatch(path) is not None


def separate(value: Any) -> Any:
    """A copy in which no list or map stands in two places, where a value that is put into one would come into both."""
    if isinstance(value, dict):
        return {key: separate(item) for key, item in value.items()}
    if isinstance(value, list):
        return [separate(item) for item in value]
    return copy.deepcopy(value)


def with_value(whole: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of a configuration with another value at a path."""
    result = separate(dict(whole))
    *way, last = steps_of(path)
    place = result
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return result


def forms(text: str) -> tuple[str, ...]:
    """How a text may be hidden in another: as it is, base64 at each of the three offsets, hexadecimal, JSON."""
    raw = text.encode()
    encoded = [base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")[4 if shift else 0 : -2] for shift in range(3)]
    return (text, raw.hex(), json.dumps(text).strip('"'), *encoded)


def leaks(markers: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """Which markers stand in which texts, in any form."""
    return [
        f"{text} in {source}"
        for text in markers
        for source, content in texts.items()
        if any(form in content for form in forms(text))
    ]
